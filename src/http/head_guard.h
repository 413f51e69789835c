#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/request_parser.h"

namespace sigway::http {

// Looks at the raw bytes of a request's head, or of the trailer section, before llhttp does, for
// what llhttp lets through or answers vaguely: line ends that are not CRLF, control characters,
// folded lines, white space before a colon, and the limits. Finds where the section ends, so that
// llhttp is given exactly that. Knows nothing of the meaning. Thread: a value without I/O.
class HeadGuard {
 public:
  enum class Verdict : std::uint8_t {
    need_more,
    done,
    bad_line_end,      // bare CR or LF
    bad_request_line,  // not three parts with single spaces
    other_protocol,    // the version does not begin with "HTTP/"
    bad_character,     // NUL, other control characters
    folded_line,       // obs-fold, or white space before the first header
    bad_field_name,    // empty, or white space before the colon, or no colon
    too_large,
    target_too_long,
    too_many_fields,
    tls_hello,
  };
  struct Result {
    std::size_t consumed = 0;
    Verdict verdict = Verdict::need_more;
  };

  enum class Section : std::uint8_t { head, trailers };
  HeadGuard(Section section, const ParserLimits& limits);

  Result scan(std::string_view bytes);
  // Bytes of the section so far. An empty line before the request line is skipped and not counted.
  std::size_t size() const { return size_; }

 private:
  enum class Place : std::uint8_t {
    very_start,
    leading_cr,  // of the one empty line allowed before the request line
    after_leading,
    request_line,
    line_start,
    field_name,
    field_value,
    line_cr,
    empty_cr,
  };
  // Passes over what nearly every head consists of: whole lines that are well-formed, and bytes
  // within a name or a value. Gives how many bytes. `step` judges everything else.
  std::size_t skip(std::string_view bytes) noexcept;
  std::size_t skip_request_line(std::string_view bytes) noexcept;
  std::size_t skip_fields(std::string_view bytes) noexcept;
  Verdict step(unsigned char c);
  Verdict step_request_line(unsigned char c);
  Verdict step_line_start(unsigned char c);

  const ParserLimits* limits_;
  Place place_;
  std::uint8_t spaces_ = 0;  // seen in the request line
  std::size_t size_ = 0;
  std::size_t target_ = 0;
  std::size_t version_ = 0;
  std::size_t fields_ = 0;
};

}  // namespace sigway::http
