#include "dialects/json_writer.h"
#include "socketio/legacy_packet.h"
#include "socketio/text.h"

namespace sigway::dialects::socketio {
namespace {

void append_legacy_head(std::string& out, LegacyType type, std::optional<std::uint64_t> id,
                        bool with_data, std::string_view endpoint) {
  out += static_cast<char>('0' + static_cast<int>(type));
  out += ':';
  if (id) {
    append_number(out, *id);
    if (with_data) out += '+';
  }
  out += ':';
  out += endpoint;
}

void append_array(std::string& out, std::span<const std::string_view> values) {
  char before = '[';
  for (const std::string_view value : values) {
    out += before;
    before = ',';
    out += value;
  }
  out += ']';
}

}  // namespace

void append_legacy_packet(std::string& out, const LegacyPacket& packet) {
  append_legacy_head(out, packet.type, packet.id, packet.with_data, packet.endpoint);
  switch (packet.type) {
    case LegacyType::ack:
      out += ':';
      append_number(out, packet.ack_id);
      if (packet.data.empty()) return;
      out += '+';
      out += packet.data;
      return;
    case LegacyType::error:
      if (!packet.reason && !packet.reconnect) return;
      out += ':';
      if (packet.reason) out += static_cast<char>('0' + static_cast<int>(*packet.reason));
      if (packet.reconnect) out += "+0";
      return;
    default: break;
  }
  if (packet.data.empty()) return;
  out += ':';
  out += packet.data;
}

void append_legacy_event(std::string& out, std::string_view endpoint, std::string_view name,
                         std::span<const std::string_view> arguments,
                         std::optional<std::uint64_t> id) {
  append_legacy_head(out, LegacyType::event, id, id.has_value(), endpoint);
  out += ':';
  JsonWriter json(out);
  json.text("name", name);
  if (!arguments.empty()) {
    json.key("args");
    append_array(out, arguments);
  }
  json.close();
}

void append_legacy_ack(std::string& out, std::string_view endpoint, std::uint64_t ack_id,
                       std::span<const std::string_view> arguments) {
  append_legacy_head(out, LegacyType::ack, {}, false, endpoint);
  out += ':';
  append_number(out, ack_id);
  if (arguments.empty()) return;
  out += '+';
  append_array(out, arguments);
}

void append_legacy_payload(std::string& out, std::span<const std::string> packets) {
  if (packets.size() == 1) {
    out += packets.front();
    return;
  }
  for (const std::string& packet : packets) {
    out += kLegacyDelimiter;
    append_number(out, utf16_length(packet));
    out += kLegacyDelimiter;
    out += packet;
  }
}

}  // namespace sigway::dialects::socketio
