#pragma once

#include <cstddef>
#include <cstdint>

namespace sigway::http {

// Reads the line before each chunk, `SIZE[;extension] CR LF` (RFC 9112 section 7.1), more narrowly
// than llhttp: 1 to 8 digits, no white space before the extension, 256 bytes in all, no control
// character. Extensions are ignored. Thread: a value without I/O.
class ChunkLine {
 public:
  enum class Verdict : std::uint8_t { need_more, done, malformed };

  Verdict step(char c);
  std::uint64_t size() const { return size_; }  // after done

 private:
  static constexpr std::size_t kMaxLine = 256;
  static constexpr std::size_t kMaxDigits = 8;
  enum class Place : std::uint8_t { size, extension, line_feed };

  Place place_ = Place::size;
  std::uint8_t digits_ = 0;
  std::uint16_t length_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace sigway::http
