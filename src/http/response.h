#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace sigway::http {

// What went wrong, for a person and for a program: every error answer has this form.
struct Problem {
  int status = 400;
  std::string code;                         // a stable word: "bad_request"
  std::string message;                      // a sentence
  std::string hint;                         // what to do next
  std::optional<std::uint64_t> limit = {};  // bytes, where a size was the matter
};

// A body that is made in slices while it is sent, because it may be larger than what should be held
// or read at once. Thread: that of the connection.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual std::size_t size() const = 0;  // of the whole body, in bytes; more than zero
  // The next slice, until all bytes have been given. None: it cannot be had, so the body can never
  // be completed. May wait for the disk.
  virtual std::optional<base::Bytes> next() = 0;
};

// An answer: a value. Header names and values are checked when they are set, so nothing that came
// from outside can start a new line (header injection).
class Response {
 public:
  Response() = default;
  explicit Response(int status) : status_(status) {}
  Response(int status, std::string_view content_type, base::Bytes body);

  // With headers that are known when the program is written: whole lines, each with its CR LF. They
  // are written as they are, before all others, and taken apart only if somebody sets one.
  static Response with_lines(int status, std::string_view lines, base::Bytes body);
  static Response json(int status, base::Bytes body);
  static Response text(int status, base::Bytes body);
  // {"error":{"code":…,"message":…,"hint":…,"limit":…}} as application/json, not to be cached.
  static Response error(const Problem& problem);
  static Response error(int status, std::string code, std::string message, std::string hint);

  int status() const { return status_; }
  const base::Bytes& body() const { return body_; }
  // Behind `lines`.
  const std::vector<std::pair<std::string, std::string>>& headers() const { return headers_; }
  std::string_view lines() const { return lines_; }
  // Ignoring case; the first. Until the response changes.
  std::optional<std::string_view> header(std::string_view name) const;

  // Replaces, or adds one more. A name that is no token, or a value with CR, LF, NUL or another
  // control character, is a programming error: the header is left out, and false returned.
  // Content-Length, Transfer-Encoding, Connection, Keep-Alive and Date belong to the serializer and
  // are left out likewise; Connection is allowed in a 101.
  bool set(std::string_view name, std::string_view value);
  bool add(std::string_view name, std::string_view value);
  void set_body(base::Bytes body) { body_ = std::move(body); }
  base::Bytes take_body() { return std::move(body_); }
  // Instead of a body. For one answer only: whoever sends it uses it up.
  void set_source(std::shared_ptr<BodySource> source) { source_ = std::move(source); }
  const std::shared_ptr<BodySource>& source() const { return source_; }
  // The length that the answer to a HEAD tells, where no body was made for it.
  void set_unsent_length(std::size_t length) { unsent_length_ = length; }
  std::size_t content_length() const {
    return source_ ? source_->size() : unsent_length_.value_or(body_.size());
  }
  // Ends the connection after this answer.
  Response& close() & {
    close_ = true;
    return *this;
  }
  bool closes() const { return close_; }

 private:
  void take_lines_apart();

  int status_ = 200;
  bool close_ = false;
  std::string_view lines_;  // of with_lines, until somebody sets a header
  std::vector<std::pair<std::string, std::string>> headers_;
  base::Bytes body_;
  std::shared_ptr<BodySource> source_;
  std::optional<std::size_t> unsent_length_;
};

// How the client of this answer asked.
struct ReplyContext {
  int version_minor = 1;
  bool is_head = false;
  bool keep_alive = true;
  std::string_view date = {};  // IMF-fixdate; left out when empty
  // Whole header lines, each with its CR LF, that every answer has.
  std::string_view common_lines = {};
  // What the head leaves room for behind itself.
  std::size_t room = 0;
};

// The head up to and including the empty line. `framing` says how the body's end is told
// (RFC 9112 section 6): by Content-Length; chunked, or by closing for HTTP/1.0; or no body (1xx).
enum class Framing { length, stream, none };
std::string serialize_head(const Response& response, const ReplyContext& context, Framing framing);

// Whether the body of this answer is sent at all (not for HEAD, 204, 304).
bool sends_body(int status, bool is_head);

std::string chunk_head(std::size_t size);  // "1a\r\n"; the data and "\r\n" follow
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::string_view reason_phrase(int status);
std::string http_date(std::int64_t seconds_since_epoch);  // RFC 9110 section 5.6.7
std::string escape_json(std::string_view text);  // without the quotes; bad UTF-8 becomes U+FFFD

}  // namespace sigway::http
