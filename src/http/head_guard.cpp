#include "http/head_guard.h"

#include "http/characters.h"

namespace sigway::http {

namespace {

// How every version begins, in capitals (RFC 9112 section 2.3). llhttp takes RTSP/1.0 and ICE/1.0,
// too.
constexpr std::string_view kProtocol = "HTTP/";
// No method is longer: something else is spoken here.
constexpr std::size_t kLongestMethod = 32;

// What the parts of a request line consist of.
constexpr CharacterSet kVisible = [] {
  CharacterSet set = kFieldCharacters;
  set[' '] = set['\t'] = false;
  return set;
}();

bool is_token_character(unsigned char c) { return kTokenCharacters[c]; }
bool is_forbidden(unsigned char c) { return !kFieldCharacters[c]; }

}  // namespace

HeadGuard::HeadGuard(Section section, const ParserLimits& limits)
    : limits_(&limits), place_(section == Section::head ? Place::very_start : Place::line_start) {}

HeadGuard::Result HeadGuard::scan(std::string_view bytes) {
  Result result;
  while (result.consumed < bytes.size() && result.verdict == Verdict::need_more) {
    result.consumed += skip(bytes.substr(result.consumed));
    if (result.consumed == bytes.size()) break;
    result.verdict = step(static_cast<unsigned char>(bytes[result.consumed++]));
  }
  return result;
}

std::size_t HeadGuard::skip(std::string_view bytes) noexcept {
  // What is behind the limit is for `step` to refuse.
  bytes = bytes.substr(0, limits_->max_head - size_);
  std::size_t taken = 0;
  switch (place_) {
    case Place::very_start:
    case Place::after_leading: taken = skip_request_line(bytes); break;
    case Place::line_start: break;
    case Place::field_name: taken = prefix_of(kTokenCharacters, bytes); break;
    case Place::field_value: taken = prefix_of(kFieldCharacters, bytes); break;
    default: return 0;
  }
  if (place_ == Place::line_start) taken += skip_fields(bytes.substr(taken));
  size_ += taken;
  return taken;
}

// Zero unless the whole line has come and `step` would accept each byte of it.
std::size_t HeadGuard::skip_request_line(std::string_view bytes) noexcept {
  const auto method = prefix_of(kVisible, bytes.substr(0, kLongestMethod));
  if (method == 0 || !bytes.substr(method).starts_with(' ')) return 0;
  auto rest = bytes.substr(method + 1);
  const auto target = prefix_of(kVisible, rest.substr(0, limits_->max_target));
  if (target == 0 || !rest.substr(target).starts_with(' ')) return 0;
  rest.remove_prefix(target + 1);
  if (!rest.starts_with(kProtocol)) return 0;
  rest.remove_prefix(prefix_of(kVisible, rest));
  if (!rest.starts_with("\r\n")) return 0;
  rest.remove_prefix(2);
  place_ = Place::line_start;
  return bytes.size() - rest.size();
}

// Of fields that have come whole, those before the first that `step` must look at.
std::size_t HeadGuard::skip_fields(std::string_view bytes) noexcept {
  std::string_view rest = bytes;
  while (fields_ < limits_->max_headers) {
    const auto name = prefix_of(kTokenCharacters, rest);
    if (name == 0 || !rest.substr(name).starts_with(':')) break;
    const auto end = name + 1 + prefix_of(kFieldCharacters, rest.substr(name + 1));
    if (!rest.substr(end).starts_with("\r\n")) break;
    rest.remove_prefix(end + 2);
    ++fields_;
  }
  return bytes.size() - rest.size();
}

HeadGuard::Verdict HeadGuard::step(unsigned char c) {
  if (place_ == Place::leading_cr) {
    if (c != '\n') return Verdict::bad_line_end;
    place_ = Place::after_leading;
    return Verdict::need_more;
  }
  if (place_ == Place::very_start || place_ == Place::after_leading) {
    // RFC 9112 section 2.2: at least one empty line before the request line should be ignored. We
    // ignore one.
    if (c == '\r' && place_ == Place::very_start) {
      place_ = Place::leading_cr;
      return Verdict::need_more;
    }
    // A TLS record of type handshake; no method begins so.
    if (c == 0x16) return Verdict::tls_hello;
    place_ = Place::request_line;
  }
  if (++size_ > limits_->max_head) {
    return place_ == Place::request_line ? Verdict::target_too_long : Verdict::too_large;
  }

  switch (place_) {
    case Place::request_line: return step_request_line(c);
    case Place::line_start: return step_line_start(c);
    case Place::field_name:
      if (c == ':') {
        place_ = Place::field_value;
        return Verdict::need_more;
      }
      return is_token_character(c) ? Verdict::need_more : Verdict::bad_field_name;
    case Place::field_value:
      if (c == '\r') {
        place_ = Place::line_cr;
        return Verdict::need_more;
      }
      if (c == '\n') return Verdict::bad_line_end;
      return is_forbidden(c) ? Verdict::bad_character : Verdict::need_more;
    case Place::line_cr:
      if (c != '\n') return Verdict::bad_line_end;
      place_ = Place::line_start;
      return Verdict::need_more;
    case Place::empty_cr: return c == '\n' ? Verdict::done : Verdict::bad_line_end;
    default: return Verdict::bad_character;
  }
}

HeadGuard::Verdict HeadGuard::step_request_line(unsigned char c) {
  if (c == '\r') {
    if (spaces_ != 2) return Verdict::bad_request_line;
    place_ = Place::line_cr;
    return Verdict::need_more;
  }
  if (c == '\n') return Verdict::bad_line_end;
  if (is_forbidden(c) || c == '\t') return Verdict::bad_character;
  if (c == ' ') {
    // Exactly METHOD SP TARGET SP VERSION (RFC 9112 section 3).
    ++spaces_;
    if (size_ == 1 || spaces_ > 2 || (spaces_ == 2 && target_ == 0))
      return Verdict::bad_request_line;
  } else if (spaces_ == 1 && ++target_ > limits_->max_target) {
    return Verdict::target_too_long;
  } else if (spaces_ == 0 && size_ > kLongestMethod) {
    return Verdict::bad_character;
  } else if (spaces_ == 2 && version_ < kProtocol.size() &&
             static_cast<char>(c) != kProtocol[version_++]) {
    return Verdict::other_protocol;
  }
  return Verdict::need_more;
}

HeadGuard::Verdict HeadGuard::step_line_start(unsigned char c) {
  if (c == '\r') {
    place_ = Place::empty_cr;
    return Verdict::need_more;
  }
  if (c == '\n') return Verdict::bad_line_end;
  if (c == ' ' || c == '\t') return Verdict::folded_line;
  if (!is_token_character(c)) {
    return is_forbidden(c) ? Verdict::bad_character : Verdict::bad_field_name;
  }
  if (++fields_ > limits_->max_headers) return Verdict::too_many_fields;
  place_ = Place::field_name;
  return Verdict::need_more;
}

}  // namespace sigway::http
