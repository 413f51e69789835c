#include "socketio/legacy_packet.h"

#include <algorithm>

#include "base/utf8.h"
#include "socketio/text.h"

namespace sigway::dialects::socketio {
namespace {

constexpr std::size_t kMaxUnitDigits = 10;

// The decimal number at the start of `text`, and how many digits it has; nothing beyond 2^53 - 1.
struct Number {
  std::uint64_t value = 0;
  std::size_t digits = 0;
};
std::optional<Number> read_number(std::string_view text) noexcept {
  Number number;
  while (number.digits < text.size() && text[number.digits] >= '0' && text[number.digits] <= '9') {
    number.value = number.value * 10 + static_cast<std::uint64_t>(text[number.digits++] - '0');
    if (number.value > kMaxId) return std::nullopt;
  }
  return number;
}

class LegacyDecoder {
 public:
  explicit LegacyDecoder(std::string_view text) : text_(text) {}

  Result<LegacyPacket> run() {
    if (read_type() && read_id() && read_endpoint() && read_data()) return packet_;
    return fault_;
  }

 private:
  bool read_type() {
    if (text_.empty()) return fail(Fault::Kind::empty, 0);
    const std::size_t proved = utf8_prefix(text_);
    if (proved != text_.size()) return fail(Fault::Kind::not_utf8, proved);
    const int number = text_[0] - '0';
    const bool is_type = number >= 0 && number <= static_cast<int>(LegacyType::noop);
    if (!is_type || text_.size() < 2 || text_[1] != ':') return fail(Fault::Kind::bad_type, 0);
    packet_.type = static_cast<LegacyType>(number);
    at_ = 2;
    return true;
  }

  bool read_id() {
    const auto number = read_number(text_.substr(at_));
    if (!number) return fail(Fault::Kind::bad_id, at_);
    at_ += number->digits;
    if (number->digits > 0) packet_.id = number->value;
    if (at_ < text_.size() && text_[at_] == '+') {
      // Without an id there is nothing to acknowledge.
      packet_.with_data = packet_.id.has_value();
      ++at_;
    }
    if (at_ == text_.size() || text_[at_] != ':') return fail(Fault::Kind::bad_id, at_);
    ++at_;
    return true;
  }

  bool read_endpoint() {
    const std::size_t end = std::min(text_.find(':', at_), text_.size());
    packet_.endpoint = text_.substr(at_, end - at_);
    at_ = std::min(end + 1, text_.size());
    return true;
  }

  bool read_data() {
    const std::string_view data = text_.substr(at_);
    switch (packet_.type) {
      case LegacyType::json:
      case LegacyType::event: return read_json(data);
      case LegacyType::ack: return read_ack(data);
      case LegacyType::error: return read_error(data);
      case LegacyType::connect:
      case LegacyType::message: packet_.data = data; return true;
      case LegacyType::disconnect:
      case LegacyType::heartbeat:
      case LegacyType::noop: break;  // what they bring is ignored
    }
    return true;
  }

  bool read_json(std::string_view data) {
    JsonCursor cursor(data, kMaxDepth);
    JsonValue value;
    cursor.read_value(value);
    packet_.data = value.bytes;
    if (cursor.at_end()) return true;
    fault_ = fault_of(*cursor.fault(), at_);
    return false;
  }

  // `140`, or `12+["woot"]`.
  bool read_ack(std::string_view data) {
    const auto number = read_number(data);
    if (!number || number->digits == 0) return fail(Fault::Kind::bad_id, at_);
    packet_.ack_id = number->value;
    data.remove_prefix(number->digits);
    if (data.substr(0, 1) == "+") data.remove_prefix(1);
    JsonCursor cursor(data, kMaxDepth);
    JsonValue value;
    cursor.read_value(value);
    if (cursor.at_end() && value.kind == JsonValue::Kind::array) packet_.data = value.bytes;
    return true;
  }

  // `2+0`: the numbers of a reason and of an advice.
  bool read_error(std::string_view data) {
    const std::size_t plus = std::min(data.find('+'), data.size());
    const std::string_view reason = data.substr(0, plus);
    if (reason == "0" || reason == "1" || reason == "2")
      packet_.reason = static_cast<LegacyReason>(reason[0] - '0');
    packet_.reconnect = data.substr(plus) == "+0";
    return true;
  }

  bool fail(Fault::Kind kind, std::size_t offset) {
    fault_ = {kind, offset};
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  LegacyPacket packet_;
  Fault fault_;
};

}  // namespace

Result<LegacyPacket> decode_legacy_packet(std::string_view text) {
  return LegacyDecoder(text).run();
}

LegacyReader::LegacyReader(std::string_view body, LegacyLimits limits) noexcept
    : body_(body), limits_(limits) {
  if (body.empty()) {
    fail(Fault::Kind::empty, 0);
  } else if (body.size() > limits.bytes) {
    fail(Fault::Kind::too_large, limits.bytes);
  }
}

bool LegacyReader::next(std::string_view& packet) noexcept {
  if (fault_ || at_ == body_.size()) return false;
  if (packets_ == limits_.packets) return fail(Fault::Kind::too_many_packets, at_);
  ++packets_;
  const auto at_delimiter = [&] {
    return body_.substr(at_, kLegacyDelimiter.size()) == kLegacyDelimiter;
  };
  if (!at_delimiter()) {
    if (at_ > 0) return fail(Fault::Kind::bad_length, at_);
    packet = body_;
    at_ = body_.size();
    return true;
  }
  at_ += kLegacyDelimiter.size();
  const auto units = read_number(body_.substr(at_));
  if (!units || units->digits == 0 || units->digits > kMaxUnitDigits)
    return fail(Fault::Kind::bad_length, at_);
  at_ += units->digits;
  if (!at_delimiter()) return fail(Fault::Kind::bad_length, at_);
  at_ += kLegacyDelimiter.size();
  const std::string_view rest = body_.substr(at_);
  const Utf16Prefix entry = utf16_prefix(rest, static_cast<std::size_t>(units->value));
  if (!entry.complete) {
    const bool is_text =
        entry.bytes == rest.size() || base::utf8_length(rest.substr(entry.bytes)) != 0;
    return fail(is_text ? Fault::Kind::cut_short : Fault::Kind::not_utf8, at_ + entry.bytes);
  }
  packet = rest.substr(0, entry.bytes);
  at_ += entry.bytes;
  return true;
}

bool LegacyReader::fail(Fault::Kind kind, std::size_t offset) noexcept {
  fault_ = Fault{kind, offset};
  return false;
}

}  // namespace sigway::dialects::socketio
