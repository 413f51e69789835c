#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/request.h"
#include "http/response.h"

namespace sigway::http {

struct ParserLimits {
  std::size_t max_head = 16 * 1024;   // request line and headers, in bytes: 431
  std::size_t max_target = 8 * 1024;  // 414
  std::size_t max_headers = 100;      // 431
  std::size_t max_body = 256 * 1024;  // after decoding: 413
};

// One HTTP/1.x request from bytes in pieces of any size: llhttp in strict mode, behind checks of
// our own for what it lets through (RFC 9112; request smuggling lives in every leniency). Nothing
// ambiguous is guessed at: the request is refused and the connection must be closed.
//
// Refused: both Content-Length and Transfer-Encoding; repeated, listed or signed Content-Length
// (6.3); a transfer coding other than exactly `chunked`
// (501; `chunked` not last or twice, 400); Transfer-Encoding in HTTP/1.0 (6.1); obs-fold (5.2);
// bare CR or LF, NUL and other control characters in the head and in chunk lines (2.2); white space
// before the colon (5.1); a chunk size that is not 1 to 8 hex digits, a chunk line over 256 bytes
// (7.1); none or several Host in HTTP/1.1 (3.2); absolute-form whose authority is not the Host; a
// path with dot segments, encoded slashes, NUL or bytes that are not UTF-8; CONNECT (405) and TRACE
// (405); HTTP/2's preface, and TLS on a plain port, with a hint. A body on GET is allowed with
// Content-Length and with chunked, as RFC 9110 section 9.3.1 does: it is read, so that framing
// stays certain, and routes ignore it.
//
// One empty line before the request line is skipped (2.2). Trailers are checked and dropped.
// Thread: a value without I/O.
class RequestParser {
 public:
  enum class State {
    need_more,
    // Once, before any of the body is taken: decide on access, limits and 100-continue.
    head_complete,
    complete,
    error,
  };
  struct Result {
    std::size_t consumed = 0;
    State state = State::need_more;
  };

  explicit RequestParser(const ParserLimits& limits);
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // The chunks of a body that one call of `feed` takes at the most: as much work as a request.
  static constexpr int kMostChunks = 32;

  // Takes a part of `bytes`, up to the end of the head or of the message or kMostChunks chunks, and
  // says how much. After head_complete, and after need_more with bytes left, call it again with the
  // rest (after head_complete it may be empty); after complete or error not any more.
  Result feed(std::string_view bytes);

  // After head_complete: another limit than the general one. A declared length over it is an error
  // in the next feed.
  void set_max_body(std::size_t bytes);
  bool has_body() const;  // after head_complete: whether any body is announced

  // After head_complete: the length that was announced; empty for a chunked body.
  std::optional<std::uint64_t> announced_length() const;
  // Memory that the unfinished request takes, for budgets.
  std::size_t held_bytes() const;

  bool has_started() const;  // a byte of the request has been seen
  bool has_head() const;     // head_complete was reported
  Request& request();        // complete after State::complete; without body after head_complete
  const Problem& problem() const;  // after State::error

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sigway::http
