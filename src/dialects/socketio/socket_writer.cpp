#include "dialects/json_writer.h"
#include "socketio/socket_packet.h"

namespace sigway::dialects::socketio {
namespace {

void append_socket_head(std::string& out, const SocketPacket& packet) {
  out += static_cast<char>('0' + static_cast<int>(packet.type));
  if (is_binary(packet.type)) {
    append_number(out, packet.attachments);
    out += '-';
  }
  if (packet.space != "/" || !packet.query.empty()) {
    out += packet.space;
    if (!packet.query.empty()) {
      out += '?';
      out += packet.query;
    }
    out += ',';
  }
  if (packet.id) append_number(out, *packet.id);
}

void append_values(std::string& out, std::span<const std::string_view> values, bool comma) {
  for (const std::string_view value : values) {
    if (comma) out += ',';
    comma = true;
    out += value;
  }
  out += ']';
}

}  // namespace

void append_socket_packet(std::string& out, const SocketPacket& packet) {
  append_socket_head(out, packet);
  out += packet.json;
}

void append_event(std::string& out, std::string_view space, std::optional<std::uint64_t> id,
                  std::string_view name, std::span<const std::string_view> arguments,
                  std::size_t attachments) {
  const auto type = attachments == 0 ? SocketType::event : SocketType::binary_event;
  append_socket_head(out, {type, attachments, space, {}, id});
  out += '[';
  append_json_string(out, name);
  append_values(out, arguments, true);
}

void append_ack(std::string& out, std::string_view space, std::uint64_t id,
                std::span<const std::string_view> arguments, std::size_t attachments) {
  const auto type = attachments == 0 ? SocketType::ack : SocketType::binary_ack;
  append_socket_head(out, {type, attachments, space, {}, id});
  out += '[';
  append_values(out, arguments, false);
}

void append_connect(std::string& out, Revision revision, std::string_view space,
                    std::string_view sid, std::string_view pid) {
  append_socket_head(out, {SocketType::connect, 0, space});
  if (revision == Revision::r4) return;
  JsonWriter(out).text("sid", sid).optional_text("pid", pid).close();
}

void append_connect_error(std::string& out, Revision revision, std::string_view space,
                          std::string_view message, std::string_view data) {
  append_socket_head(out, {SocketType::connect_error, 0, space});
  if (revision == Revision::r5) {
    JsonWriter(out).text("message", message).optional_raw("data", data).close();
  } else if (data.empty()) {
    append_json_string(out, message);
  } else {
    out += data;
  }
}

void append_disconnect(std::string& out, std::string_view space) {
  append_socket_head(out, {SocketType::disconnect, 0, space});
}

void append_placeholder(std::string& out, std::size_t number) {
  JsonWriter(out).raw("_placeholder", "true").number("num", number).close();
}

}  // namespace sigway::dialects::socketio
