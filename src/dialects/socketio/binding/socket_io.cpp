#include "socketio_binding/socket_io.h"

#include <charconv>
#include <utility>
#include <vector>

#include "dialects/json_fields.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"
#include "socketio/arguments.h"

namespace sigway::dialects::socketio {
namespace {

/// A client of Socket.IO 4.6 or newer that was cut comes back for what it has missed. It confirms
/// by pongs and polls.
constexpr Traits kRecoverable{.acknowledges = false, .activates = false, .ends_when_evicted = true};
/// An older one begins anew, as do all where the server does not let them come back.
constexpr Traits kOlder{.acknowledges = false,
                        .activates = false,
                        .resumes = false,
                        .reuses_key = true,
                        .ends_when_evicted = true};

bool recovers(const Service& service, const Handshake& handshake) {
  return handshake.version == EngineVersion::eio4 && service.options().recovers;
}

/// What a CONNECT of a client that was cut says: the private id, and the last event it has.
struct Recovery {
  std::string pid;
  std::optional<Offset> seen;
};

std::optional<Offset> parse_offset(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto digits = text.substr(dot + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return Offset{std::string(text.substr(0, dot)), number};
}

Recovery recovery_of(std::string_view auth) {
  Recovery recovery;
  JsonCursor cursor(auth);
  if (!cursor.begin_object()) return recovery;
  for (JsonValue key, value; cursor.next_member(key) && cursor.read_value(value);) {
    if (value.kind != JsonValue::Kind::string) continue;
    if (is_key(key, "pid")) recovery.pid = unescape(value).value_or("");
    if (is_key(key, "offset"))
      recovery.seen = parse_offset(value.bytes.substr(1, value.bytes.size() - 2));
  }
  return recovery;
}

}  // namespace

SocketIo::SocketIo(Service& service, const EngineSeat& seat, const Handshake& handshake)
    : EngineIo(service, seat, recovers(service, handshake) ? kRecoverable : kOlder, handshake),
      is_recoverable_(recovers(service, handshake)),
      assembly_(service.options().max_payload),
      assembled_(*this, base::MemoryPart::input) {}

// -- What the client sends

/// In EIO 3 the client is in the namespace "/" without asking.
void SocketIo::opened() {
  if (!is_eio4()) connect({.space = "/", .auth = {}, .pid = {}, .seen = {}, .recoverable = false});
}

void SocketIo::message(const EnginePacket& packet) {
  if (packet.binary) {
    if (assembly_.add(packet.data)) return fail();
  } else {
    const auto decoded = decode_socket_packet(revision(), packet.data);
    const auto* const inner = std::get_if<SocketPacket>(&decoded);
    if (inner == nullptr || assembly_.pending()) return fail();
    if (!is_binary(inner->type)) return take_socket_packet(*inner);
    if (assembly_.begin(*inner)) return fail();
  }
  if (assembly_.complete()) {
    take_event(assembly_.packet(), assembly_.attachments());
    assembly_.clear();
  }
  assembled_.set(assembly_.held());
}

void SocketIo::take_socket_packet(const SocketPacket& packet) {
  switch (packet.type) {
    case SocketType::connect: return connect_space(packet);
    case SocketType::disconnect: return disconnect(packet.space);
    case SocketType::event: return take_event(packet, {});
    case SocketType::ack: return count_noise();  // the server asks for none
    default: return fail();
  }
}

void SocketIo::connect_space(const SocketPacket& packet) {
  Wish wish{.space = std::string(packet.space),
            .auth = std::string(packet.json),
            .pid = {},
            .seen = {},
            .recoverable = is_recoverable_};
  if (is_recoverable_) {
    auto recovery = recovery_of(packet.json);
    wish.pid = std::move(recovery.pid);
    wish.seen = std::move(recovery.seen);
  }
  connect(std::move(wish));
}

void SocketIo::take_event(const SocketPacket& packet, std::span<const std::string> attachments) {
  if (!is_event(packet.type)) return count_noise();  // an acknowledgement, as above
  const auto split = split_event(packet.json);
  const auto* const event = std::get_if<SplitEvent>(&split);
  if (event == nullptr) return fail();
  std::vector<std::string_view> arguments;
  arguments.reserve(event->arguments.size());
  for (const auto& argument : event->arguments) arguments.push_back(argument.bytes);
  emitted(
      packet.space,
      {.name = event->name, .arguments = arguments, .attachments = attachments, .id = packet.id});
}

// -- What goes to the client

void SocketIo::append_event(std::vector<Packet>& out, const Space& space, std::string_view json,
                            std::span<const std::string_view> attachments,
                            std::optional<std::uint64_t> offset) const {
  const auto [ack, array] = read_chain_text(json);
  SocketPacket packet{.type = ack ? SocketType::ack : SocketType::event,
                      .attachments = attachments.size(),
                      .space = space.name,
                      .query = {},
                      .id = ack};
  if (!attachments.empty()) packet.type = ack ? SocketType::binary_ack : SocketType::binary_event;
  Packet text;
  text.bytes.reserve(json.size() + space.name.size() + space.peer.size() + 32);
  text.bytes += '4';
  if (offset && !ack) {
    // One more argument, which the client quotes when it comes back.
    append_socket_packet(text.bytes, packet);
    text.bytes.append(array, 0, array.size() - 1).append(",\"");
    text.bytes.append(space.peer) += '.';
    append_number(text.bytes, *offset);
    text.bytes += "\"]";
  } else {
    packet.json = array;
    append_socket_packet(text.bytes, packet);
  }
  out.push_back(std::move(text));
  for (const auto bytes : attachments) out.push_back({std::string(bytes), true});
}

Packet SocketIo::connected_packet(const Space& space, std::string_view peer) const {
  Packet packet{"4"};
  append_connect(packet.bytes, revision(), space.name, peer, space.recoverable ? space.key : "");
  return packet;
}

Packet SocketIo::refused_packet(std::string_view space, std::string_view message,
                                std::string_view code) const {
  std::string data;
  if (!code.empty() && is_eio4()) JsonWriter(data).text("code", code).close();
  Packet packet{"4"};
  append_connect_error(packet.bytes, revision(), space, message, data);
  return packet;
}

Packet SocketIo::disconnected_packet(std::string_view space) const {
  Packet packet{"4"};
  append_disconnect(packet.bytes, space);
  return packet;
}

}  // namespace sigway::dialects::socketio
