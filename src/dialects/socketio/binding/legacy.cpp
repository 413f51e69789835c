#include "socketio_binding/legacy.h"

#include <utility>

#include "dialects/json_writer.h"
#include "socketio/arguments.h"
#include "socketio/jsonp.h"
#include "socketio/placeholders.h"

namespace sigway::dialects::socketio {
namespace {

using session::End;

constexpr Traits kLegacy{.acknowledges = false,
                         .activates = false,
                         .resumes = false,
                         .reuses_key = true,
                         .ends_when_evicted = true};

/// The root is "/" to an application and nothing on the wire.
std::string_view endpoint(std::string_view space) {
  return space == "/" ? std::string_view() : space;
}
std::string_view space_of(std::string_view endpoint) {
  return endpoint.empty() ? std::string_view("/") : endpoint;
}

/// Behind the string that proved JSON begins with.
std::size_t end_of_string(std::string_view json) {
  std::size_t at = 1;
  while (json[at] != '"') at += json[at] == '\\' ? 2 : 1;
  return at + 1;
}

std::vector<std::string_view> views_of(const std::vector<JsonValue>& values) {
  std::vector<std::string_view> views;
  views.reserve(values.size());
  for (const auto& value : values) views.push_back(value.bytes);
  return views;
}

}  // namespace

http::Response legacy_answer(std::string body, const std::optional<std::string>& jsonp) {
  std::string_view type = "text/plain; charset=UTF-8";
  if (jsonp) {
    std::string script;
    append_jsonp(script, kLegacyCallback, *jsonp, body);
    body = std::move(script);
    type = "text/javascript; charset=UTF-8";
  }
  http::Response response(200, type, std::move(body));
  response.set("Cache-Control", "no-store");
  return response;
}

LegacyEngine::LegacyEngine(Service& service, const EngineSeat& seat)
    : Engine(service, seat, kLegacy) {}

std::string LegacyEngine::welcome(const EngineSeat& seat) {
  return seat.sid + ":60:60:websocket,xhr-polling,jsonp-polling";
}

void LegacyEngine::open() {
  if (std::exchange(is_open_, true)) return;
  connect({.space = "/", .auth = {}, .pid = {}, .seen = {}, .recoverable = false});
}

// -- The WebSocket

void LegacyEngine::socket_opened(std::uint64_t number, const websocket::Port& port) {
  if (by_socket()) return port.close(1002, "this session has a WebSocket");
  // A client whose WebSocket came late may poll already: what it waits for comes here.
  if (is_polling()) answer_polls();
  use_socket(number, port);
  open();
  arm();
}

/// Only a WebSocket has heartbeats: a client that polls shows that it is there.
void LegacyEngine::arm() {
  beat_at_ = now() + options().ping_interval;
  silent_at_ = base::TimePoint::max();
  schedule();
}

void LegacyEngine::socket_message(std::uint64_t number, Frame::Kind kind, std::string_view bytes) {
  if (!is_socket(number)) return;
  if (kind == Frame::Kind::binary) return fail();
  heard();
  LegacyReader reader(bytes, {.bytes = options().max_payload});
  for (std::string_view text; !is_closed() && reader.next(text);) {
    if (!take(text)) return fail();
  }
  if (!is_closed() && reader.fault()) fail();
}

// -- What the client sends

http::Response LegacyEngine::take_payload(std::string body, std::string_view /*content_type*/) {
  if (by_socket()) return overlap();
  // A client opens its transport before it says anything.
  if (!is_open_) {
    fail();
    return legacy_answer("7:::1+0", jsonp_);
  }
  if (jsonp_) {
    auto form = decode_legacy_jsonp_form(body);
    if (std::get_if<Fault>(&form) != nullptr)
      return http::Response::error(400, "bad_request", "The form has no payload in `d`.",
                                   "Send d=PAYLOAD, as the client of Socket.IO 0.9 does.");
    body = std::get<std::string>(std::move(form));
  }
  LegacyReader reader(body, {.bytes = options().max_payload});
  bool is_good = true;
  for (std::string_view text; is_good && !is_closed() && reader.next(text);) is_good = take(text);
  if (!is_closed() && (!is_good || reader.fault())) fail();
  return legacy_answer("1", std::nullopt);
}

/// False: it is no packet.
bool LegacyEngine::take(std::string_view text) {
  const auto decoded = decode_legacy_packet(text);
  const auto* const packet = std::get_if<LegacyPacket>(&decoded);
  if (packet == nullptr) return false;
  switch (packet->type) {
    case LegacyType::connect:
      connect({.space = std::string(space_of(packet->endpoint)),
               .auth = {},
               .pid = {},
               .seen = {},
               .recoverable = false});
      break;
    case LegacyType::disconnect:
      if (packet->endpoint.empty()) {
        close(Leaving::left, End::left);
      } else {
        disconnect(packet->endpoint);
      }
      break;
    case LegacyType::heartbeat:
      if (silent_at_ == base::TimePoint::max()) {
        heard();
        count_noise();
      } else {
        heard(Sign::answer);
        arm();
      }
      break;
    case LegacyType::message:
    case LegacyType::json:
    case LegacyType::event: take_event(*packet); break;
    default: count_noise();  // acknowledgements of what never asked for one, errors, noops
  }
  return true;
}

void LegacyEngine::take_event(const LegacyPacket& packet) {
  const auto space = space_of(packet.endpoint);
  // Without data the receiver answers, and not the application.
  if (packet.id && !packet.with_data) {
    Packet ack;
    append_legacy_ack(ack.bytes, packet.endpoint, *packet.id, {});
    send(std::move(ack));
    if (is_closed()) return;
  }
  const auto id = packet.with_data ? packet.id : std::nullopt;
  if (packet.type != LegacyType::event) {
    std::string text;
    if (packet.type == LegacyType::message) append_json_string(text, packet.data);
    const std::string_view argument = packet.type == LegacyType::message ? text : packet.data;
    return emitted(space, {.name = "message", .arguments = std::span(&argument, 1), .id = id});
  }
  const auto split = split_legacy_event(packet.data);
  const auto* const event = std::get_if<SplitEvent>(&split);
  if (event == nullptr) return fail();
  const auto arguments = views_of(event->arguments);
  emitted(space, {.name = event->name, .arguments = arguments, .id = id});
}

// -- What goes to the client

void LegacyEngine::append_event(std::vector<Packet>& out, const Space& space, std::string_view json,
                                std::span<const std::string_view> attachments,
                                std::optional<std::uint64_t> /*offset*/) const {
  const auto [ack, array] = read_chain_text(json);
  // There is no binary in 0.9.
  std::string replaced;
  if (!attachments.empty()) replaced = with_inline_attachments(array, attachments);
  auto inner = attachments.empty() ? array : std::string_view(replaced);
  inner = inner.substr(1, inner.size() - 2);
  // What an application says is proved, and may be nested as deeply as any dialect allows: it is
  // not read again.
  const auto values = [](const std::string_view& joined) {
    return std::span(&joined, joined.empty() ? 0 : 1);
  };
  Packet packet;
  if (!ack) {
    const auto name_end = end_of_string(inner);
    const JsonValue name{
        .bytes = inner.substr(0, name_end), .kind = JsonValue::Kind::string, .escaped = true};
    const auto rest = inner.substr(std::min(name_end + 1, inner.size()));
    append_legacy_event(packet.bytes, endpoint(space.name), unescape(name).value_or(""),
                        values(rest));
  } else {
    append_legacy_ack(packet.bytes, endpoint(space.name), *ack, values(inner));
  }
  out.push_back(std::move(packet));
}

Packet LegacyEngine::connected_packet(const Space& space, std::string_view /*peer*/) const {
  return {"1::" + std::string(endpoint(space.name))};
}

Packet LegacyEngine::refused_packet(std::string_view space, std::string_view /*message*/,
                                    std::string_view /*code*/) const {
  Packet packet;
  append_legacy_packet(packet.bytes, {.type = LegacyType::error,
                                      .endpoint = endpoint(space),
                                      .reason = LegacyReason::unauthorized});
  return packet;
}

Packet LegacyEngine::disconnected_packet(std::string_view space) const {
  Packet packet;
  append_legacy_packet(packet.bytes, {.type = LegacyType::disconnect, .endpoint = endpoint(space)});
  return packet;
}

http::Response LegacyEngine::answer(std::span<const Packet> packets) const {
  std::vector<std::string> texts;
  texts.reserve(packets.size());
  for (const auto& packet : packets) texts.push_back(packet.bytes);
  std::string body;
  append_legacy_payload(body, texts);
  return legacy_answer(std::move(body), jsonp_);
}

http::Response LegacyEngine::overlap() const {
  return http::Response::error(400, "bad_request", "Another request of this session is open.",
                               "A client has one poll, or one WebSocket, at a time.");
}

// -- Signs of life

void LegacyEngine::probe() {
  if (is_closed()) return;
  if (by_socket()) {
    if (silent_at_ == base::TimePoint::max()) beat();
  } else if (is_polling()) {
    answer_polls();  // with a noop; the client polls again
  }
}

void LegacyEngine::beat() {
  beat_at_ = base::TimePoint::max();
  silent_at_ = now() + options().ping_timeout;
  send({"2::"});
  schedule();
}

void LegacyEngine::on_deadline(base::TimePoint at) {
  if (at >= silent_at_) return close(Leaving::lost, End::silent);
  if (at >= beat_at_) beat();
}

}  // namespace sigway::dialects::socketio
