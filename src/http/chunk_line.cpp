#include "http/chunk_line.h"

namespace sigway::http {

ChunkLine::Verdict ChunkLine::step(char c) {
  if (++length_ > kMaxLine) return Verdict::malformed;
  if (place_ == Place::line_feed) return c == '\n' ? Verdict::done : Verdict::malformed;

  const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  if (place_ == Place::size && is_digit) {
    if (++digits_ > kMaxDigits) return Verdict::malformed;
    const int value = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    size_ = size_ * 16 + static_cast<unsigned>(value);
    return Verdict::need_more;
  }
  if (digits_ == 0) return Verdict::malformed;
  if (c == '\r') {
    place_ = Place::line_feed;
    return Verdict::need_more;
  }
  if (place_ == Place::size) {
    if (c != ';') return Verdict::malformed;
    place_ = Place::extension;
    return Verdict::need_more;
  }
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F ? Verdict::malformed : Verdict::need_more;
}

}  // namespace sigway::http
