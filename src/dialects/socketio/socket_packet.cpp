#include "socketio/socket_packet.h"

#include <algorithm>
#include <array>

#include "socketio/text.h"

namespace sigway::dialects::socketio {
namespace {

// What only the library itself emits (socket.io-parser 4.2, RESERVED_EVENTS).
constexpr std::array<std::string_view, 6> kReserved = {
    "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"};

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

class SocketDecoder {
 public:
  SocketDecoder(Revision revision, std::string_view text) : revision_(revision), text_(text) {}

  Result<SocketPacket> run() {
    if (read_type() && read_attachments() && read_space() && read_id() && read_json())
      return packet_;
    return fault_;
  }

 private:
  bool read_type() {
    if (text_.empty()) return fail(Fault::Kind::empty, 0);
    const int number = text_[0] - '0';
    if (number < 0 || number > static_cast<int>(SocketType::binary_ack))
      return fail(Fault::Kind::bad_type, 0);
    packet_.type = static_cast<SocketType>(number);
    at_ = 1;
    return true;
  }

  bool read_attachments() {
    if (!is_binary(packet_.type)) return true;
    const std::size_t start = at_;
    for (; at_ < text_.size() && is_digit(text_[at_]); ++at_) {
      packet_.attachments = packet_.attachments * 10 + static_cast<std::size_t>(text_[at_] - '0');
      if (packet_.attachments > kMaxAttachments)
        return fail(Fault::Kind::too_many_attachments, start);
    }
    const bool is_number = at_ > start && at_ < text_.size() && text_[at_] == '-';
    if (!is_number) return fail(Fault::Kind::bad_attachments, at_);
    if (packet_.attachments == 0 && revision_ == Revision::r5)
      return fail(Fault::Kind::bad_attachments, start);
    ++at_;
    return true;
  }

  bool read_space() {
    if (at_ == text_.size() || text_[at_] != '/') return true;
    const std::size_t end = std::min(text_.find(',', at_), text_.size());
    packet_.space = text_.substr(at_, end - at_);
    const std::size_t proved = utf8_prefix(packet_.space);
    if (proved != packet_.space.size()) return fail(Fault::Kind::not_utf8, at_ + proved);
    const std::size_t mark = packet_.space.find('?');
    if (revision_ == Revision::r4 && mark != std::string_view::npos) {
      packet_.query = packet_.space.substr(mark + 1);
      packet_.space = packet_.space.substr(0, mark);
    }
    at_ = std::min(end + 1, text_.size());
    return true;
  }

  bool read_id() {
    const std::size_t start = at_;
    std::uint64_t id = 0;
    for (; at_ < text_.size() && is_digit(text_[at_]); ++at_) {
      id = id * 10 + static_cast<std::uint64_t>(text_[at_] - '0');
      if (id > kMaxId) return fail(Fault::Kind::bad_id, start);
    }
    if (at_ > start) packet_.id = id;
    return true;
  }

  bool read_json() {
    if (at_ == text_.size())
      return !is_event(packet_.type) || fail(Fault::Kind::missing_payload, at_);
    const std::string_view text = text_.substr(at_);
    // A number behind white space would be the id when it is written again.
    if (text.find_first_of(" \t\r\n") == 0) return fail(Fault::Kind::bad_json, at_);
    JsonCursor cursor(text, kMaxDepth);
    JsonValue value;
    JsonValue first;
    if (is_event(packet_.type) && cursor.begin_array()) {
      // Read where it stands, so that the arguments are scanned once.
      const bool has_name = cursor.next_element() && cursor.read_value(first);
      for (JsonValue ignored; has_name && cursor.next_element();) cursor.read_value(ignored);
      if (!cursor.at_end()) return fail(*cursor.fault());
      if (!has_name) return fail(Fault::Kind::bad_name, at_);
      value.kind = JsonValue::Kind::array;
      value.bytes = text.substr(0, text.rfind(']') + 1);
    } else {
      cursor.read_value(value);
      if (!cursor.at_end()) return fail(*cursor.fault());
    }
    packet_.json = value.bytes;
    if (!may_have(value.kind)) return fail(Fault::Kind::bad_payload, at_);
    return !is_event(packet_.type) || check_name(first);
  }

  bool may_have(JsonValue::Kind kind) const noexcept {
    using Kind = JsonValue::Kind;
    switch (packet_.type) {
      case SocketType::event:
      case SocketType::binary_event:
      case SocketType::ack:
      case SocketType::binary_ack: return kind == Kind::array;
      case SocketType::connect: return revision_ == Revision::r4 || kind == Kind::object;
      case SocketType::disconnect: return revision_ == Revision::r4;
      case SocketType::connect_error:
        return revision_ == Revision::r4 || kind == Kind::object || kind == Kind::string;
    }
    return false;
  }

  bool check_name(const JsonValue& name) {
    const auto offset = static_cast<std::size_t>(name.bytes.data() - text_.data());
    if (name.kind == JsonValue::Kind::number) return true;
    if (name.kind != JsonValue::Kind::string) return fail(Fault::Kind::bad_name, offset);
    if (revision_ == Revision::r4) return true;
    const bool is_reserved = name.escaped
                                 ? is_reserved_name(unescape(name).value_or(""))
                                 : is_reserved_name(name.bytes.substr(1, name.bytes.size() - 2));
    return !is_reserved || fail(Fault::Kind::reserved_name, offset);
  }

  bool fail(Fault::Kind kind, std::size_t offset) {
    fault_ = {kind, offset};
    return false;
  }
  bool fail(const JsonFault& fault) {
    fault_ = fault_of(fault, at_);
    return false;
  }

  Revision revision_;
  std::string_view text_;
  std::size_t at_ = 0;
  SocketPacket packet_;
  Fault fault_;
};

}  // namespace

bool is_reserved_name(std::string_view name) noexcept {
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
}

Result<SocketPacket> decode_socket_packet(Revision revision, std::string_view text) {
  return SocketDecoder(revision, text).run();
}

}  // namespace sigway::dialects::socketio
