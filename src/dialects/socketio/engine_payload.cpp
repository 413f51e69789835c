#include "socketio/engine_payload.h"

#include <algorithm>

#include "base/utf8.h"
#include "dialects/json_writer.h"
#include "socketio/text.h"

namespace sigway::dialects::socketio {
namespace {

constexpr char kSeparator = '\x1E';
constexpr char kTextMark = '\0';
constexpr char kBinaryMark = '\1';
constexpr char kLengthEnd = '\xFF';
constexpr std::size_t kMaxDigits = 10;

}  // namespace

PayloadReader::PayloadReader(PayloadFormat format, std::string_view body,
                             PayloadLimits limits) noexcept
    : format_(format), body_(body), limits_(limits) {
  if (body.size() > limits.bytes) {
    fail(Fault::Kind::too_large, limits.bytes);
  } else if (body.empty()) {
    if (format == PayloadFormat::eio3_binary) return;
    fail(Fault::Kind::empty, 0);
  }
}

bool PayloadReader::next(EnginePacket& packet) {
  if (fault_) return false;
  switch (format_) {
    case PayloadFormat::eio4: return read_separated(packet);
    case PayloadFormat::eio3_text: return read_counted(packet);
    case PayloadFormat::eio3_binary: break;
  }
  return read_binary(packet);
}

bool PayloadReader::read_separated(EnginePacket& packet) {
  if (ended_) return false;
  const std::size_t end = std::min(body_.find(kSeparator, at_), body_.size());
  if (!take(end - at_, false, EngineVersion::eio4, packet)) return false;
  // A separator at the very end announces one more packet, which is empty: a fault.
  ended_ = end == body_.size();
  ++at_;
  return true;
}

bool PayloadReader::read_counted(EnginePacket& packet) {
  while (at_ < body_.size()) {
    const auto units = read_digits('0', ':');
    if (!units) return false;
    if (*units == 0) continue;
    const std::string_view rest = body_.substr(at_);
    const Utf16Prefix entry = utf16_prefix(rest, *units);
    if (entry.complete) return take(entry.bytes, false, EngineVersion::eio3, packet);
    const bool is_text =
        entry.bytes == rest.size() || base::utf8_length(rest.substr(entry.bytes)) != 0;
    return fail(is_text ? Fault::Kind::cut_short : Fault::Kind::not_utf8, at_ + entry.bytes);
  }
  return false;
}

bool PayloadReader::read_binary(EnginePacket& packet) {
  if (at_ == body_.size()) return false;
  const char mark = body_[at_];
  if (mark != kTextMark && mark != kBinaryMark) return fail(Fault::Kind::bad_type, at_);
  ++at_;
  const auto size = read_digits('\0', kLengthEnd);
  if (!size) return false;
  if (*size > body_.size() - at_) return fail(Fault::Kind::cut_short, body_.size());
  return take(*size, mark == kBinaryMark, EngineVersion::eio3, packet);
}

// A decimal number whose digits count from `zero`, and the delimiter behind it.
std::optional<std::size_t> PayloadReader::read_digits(char zero, char delimiter) {
  std::size_t number = 0;
  for (std::size_t digits = 0; at_ < body_.size(); ++digits, ++at_) {
    const char c = body_[at_];
    if (c == delimiter && digits > 0) {
      ++at_;
      return number;
    }
    const int digit = c - zero;
    if (digit < 0 || digit > 9 || digits == kMaxDigits) break;
    number = number * 10 + static_cast<std::size_t>(digit);
  }
  fail(Fault::Kind::bad_length, at_);
  return std::nullopt;
}

bool PayloadReader::take(std::size_t size, bool binary, EngineVersion version,
                         EnginePacket& packet) {
  if (packets_ == limits_.packets) return fail(Fault::Kind::too_many_packets, at_);
  ++packets_;
  const std::string_view entry = body_.substr(at_, size);
  auto decoded =
      binary ? decode_binary_packet(version, entry) : decode_text_packet(version, entry, scratch_);
  if (const auto* fault = std::get_if<Fault>(&decoded))
    return fail(fault->kind, at_ + fault->offset);
  packet = std::get<EnginePacket>(decoded);
  at_ += size;
  return true;
}

bool PayloadReader::fail(Fault::Kind kind, std::size_t offset) noexcept {
  fault_ = Fault{kind, offset};
  return false;
}

namespace {

void append_counted(std::string& body, const EnginePacket& packet) {
  if (!packet.binary) {
    append_number(body, 1 + utf16_length(packet.data));
    body += ':';
    return append_text_packet(body, packet.type, packet.data);
  }
  const std::size_t base64_size = (packet.data.size() + 2) / 3 * 4;
  append_number(body, 2 + base64_size);
  body += ':';
  append_base64_packet(body, EngineVersion::eio3, packet.type, packet.data);
}

void append_in_binary(std::string& body, const EnginePacket& packet) {
  body += packet.binary ? kBinaryMark : kTextMark;
  const std::size_t start = body.size();
  append_number(body, 1 + packet.data.size());
  for (std::size_t i = start; i < body.size(); ++i) body[i] = static_cast<char>(body[i] - '0');
  body += kLengthEnd;
  if (packet.binary) {
    append_binary_packet(body, EngineVersion::eio3, packet.type, packet.data);
  } else {
    append_text_packet(body, packet.type, packet.data);
  }
}

}  // namespace

void append_to_payload(std::string& body, PayloadFormat format, const EnginePacket& packet) {
  switch (format) {
    case PayloadFormat::eio4:
      if (!body.empty()) body += kSeparator;
      return append_as_text(body, EngineVersion::eio4, packet);
    case PayloadFormat::eio3_text: return append_counted(body, packet);
    case PayloadFormat::eio3_binary: break;
  }
  append_in_binary(body, packet);
}

}  // namespace sigway::dialects::socketio
