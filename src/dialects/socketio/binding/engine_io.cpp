#include "socketio_binding/engine_io.h"

#include <algorithm>
#include <utility>

#include "binding/answers.h"
#include "dialects/json_writer.h"
#include "socketio/jsonp.h"
#include "socketio/text.h"

namespace sigway::dialects::socketio {
namespace {

using session::End;

constexpr std::size_t kMostPingData = 125;
/// After so much a ping goes out early, so that its pong confirms it.
constexpr std::size_t kMostUnconfirmed = 64U << 10U;

std::uint64_t milliseconds(base::Duration duration) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

http::Response with_body(std::string_view content_type, std::string body) {
  http::Response response(200, content_type, std::move(body));
  response.set("Cache-Control", "no-store");
  return response;
}

EngineType type_of(const Packet& packet) {
  return packet.is_binary ? EngineType::message : static_cast<EngineType>(packet.bytes[0] - '0');
}

EnginePacket engine_packet(const Packet& packet) {
  std::string_view data = packet.bytes;
  if (!packet.is_binary) data.remove_prefix(1);
  return {type_of(packet), packet.is_binary, data};
}

}  // namespace

http::Response engine_refusal(EngineError error) {
  const auto message = [error]() -> std::string_view {
    switch (error) {
      case EngineError::unknown_transport: return "Transport unknown";
      case EngineError::unknown_sid: return "Session ID unknown";
      case EngineError::bad_method: return "Bad handshake method";
      case EngineError::bad_request: return "Bad request";
      case EngineError::unsupported_version: return "Unsupported protocol version";
    }
    return "Bad request";
  }();
  std::string body;
  JsonWriter(body)
      .number("code", static_cast<std::uint64_t>(error))
      .text("message", message)
      .close();
  auto response = http::Response::json(400, std::move(body));
  response.set("Cache-Control", "no-store");
  return response;
}

EngineIo::EngineIo(Service& service, const EngineSeat& seat, const Traits& traits,
                   Handshake handshake)
    : Engine(service, seat, traits), handshake_(std::move(handshake)), sid_(seat.sid) {}

// -- Opening

Packet EngineIo::open_packet(bool by_socket) {
  const auto& with = options();
  Packet packet{"0"};
  JsonWriter json(packet.bytes);
  json.text("sid", std::exchange(sid_, {})).raw("upgrades", by_socket ? "[]" : R"(["websocket"])");
  json.number("pingInterval", milliseconds(with.ping_interval));
  json.number("pingTimeout", milliseconds(with.ping_timeout));
  if (is_eio4()) json.number("maxPayload", with.max_payload);
  json.close();
  return packet;
}

void EngineIo::open() {
  if (is_eio4()) {
    ping_at_ = now() + options().ping_interval;
  } else {
    silent_at_ = now() + options().ping_interval + options().ping_timeout;
  }
  opened();
  schedule();
}

http::Response EngineIo::open_by_poll() {
  send(open_packet(false));
  open();
  // Its namespace was refused for a reason that passes.
  if (is_closed()) return binding::refusal(Error{.code = ErrorCode::overloaded});
  auto response = take_queue();
  schedule();
  return response;
}

void EngineIo::open_by_socket(std::uint64_t number, const websocket::Port& port) {
  use_socket(number, port);
  send(open_packet(true));
  open();
}

// -- The WebSocket

void EngineIo::socket_opened(std::uint64_t number, const websocket::Port& port) {
  if (by_socket() || candidate_) return port.close(1002, "this session has a WebSocket");
  candidate_.emplace(Candidate{number, port});
  is_probed_ = false;
  upgrade_by_ = now() + options().upgrade_timeout;
  schedule();
}

void EngineIo::socket_message(std::uint64_t number, Frame::Kind kind, std::string_view bytes) {
  if (candidate_ && candidate_->number == number) {
    if (kind == Frame::Kind::binary) return drop_candidate();
    return on_candidate(bytes);
  }
  if (!is_socket(number)) return;
  heard();
  if (kind == Frame::Kind::text) return take_text(bytes);
  const auto decoded = decode_binary_packet(handshake_.version, bytes);
  const auto* const packet = std::get_if<EnginePacket>(&decoded);
  if (packet == nullptr) return fail();
  take(*packet);
}

void EngineIo::on_candidate(std::string_view bytes) {
  if (bytes.starts_with("2")) {
    // `2probe`; what follows the digit comes back.
    candidate_->port.send_text("3" + std::string(bytes.substr(1)));
    candidate_->port.count_noise();
    if (is_probed_) return;
    is_probed_ = true;
    // The client waits for its poll before it goes over.
    if (is_polling()) answer_polls();
    return;
  }
  if (bytes != "5" || !is_probed_) return drop_candidate();
  const auto [number, port] = *std::exchange(candidate_, std::nullopt);
  upgrade_by_ = base::TimePoint::max();
  if (is_polling()) answer_polls();
  is_pinged_ = false;
  use_socket(number, port);
  schedule();
}

void EngineIo::drop_candidate() {
  if (const auto candidate = std::exchange(candidate_, std::nullopt))
    candidate->port.close(1000, "the upgrade was given up");
  is_probed_ = false;
  upgrade_by_ = base::TimePoint::max();
  schedule();
}

void EngineIo::socket_closed(std::uint64_t number, bool left) {
  if (candidate_ && candidate_->number == number) return drop_candidate();
  Engine::socket_closed(number, left);
}

void EngineIo::write(const websocket::Port& port, Packet packet) {
  unconfirmed_ += packet.bytes.size();
  if (packet.is_binary && (handshake_.only_text || !is_eio4())) {
    Packet framed{{}, !handshake_.only_text};
    if (handshake_.only_text) {
      append_base64_packet(framed.bytes, handshake_.version, EngineType::message, packet.bytes);
    } else {
      append_binary_packet(framed.bytes, handshake_.version, EngineType::message, packet.bytes);
    }
    packet = std::move(framed);
  }
  Engine::write(port, std::move(packet));
}

void EngineIo::flushed() {
  if (is_eio4() && unconfirmed_ > kMostUnconfirmed && !is_pinged_) ping();
}

// -- What the client sends

PayloadFormat EngineIo::format_of(std::string_view content_type) const noexcept {
  if (is_eio4()) return PayloadFormat::eio4;
  return content_type.starts_with("application/octet-stream") ? PayloadFormat::eio3_binary
                                                              : PayloadFormat::eio3_text;
}

http::Response EngineIo::take_payload(std::string body, std::string_view content_type) {
  if (by_socket()) return engine_refusal(EngineError::bad_request);
  if (handshake_.jsonp) {
    auto form = decode_jsonp_form(body);
    if (std::get_if<Fault>(&form) != nullptr) return engine_refusal(EngineError::bad_request);
    body = std::get<std::string>(std::move(form));
  }
  const auto format = format_of(content_type);
  PayloadReader reader(format, body, {.bytes = options().max_payload});
  for (EnginePacket packet; !is_closed() && reader.next(packet);) {
    std::optional<std::string> once;
    if (format == PayloadFormat::eio3_text && !packet.binary && !encodes_once_) {
      once = decode_twice(packet.data);
      // A client that has shown to encode once does so always.
      if (!once) encodes_once_ = !is_ascii(packet.data);
    }
    if (once) packet.data = *once;
    take(packet);
  }
  // As in the original, the packets before a fault are good, and the upload is `ok`.
  if (!is_closed() && reader.fault()) fail();
  return with_body("text/html", "ok");
}

void EngineIo::take_text(std::string_view text) {
  std::string scratch;
  const auto decoded = decode_text_packet(handshake_.version, text, scratch);
  const auto* const packet = std::get_if<EnginePacket>(&decoded);
  if (packet == nullptr) return fail();
  take(*packet);
}

void EngineIo::take(const EnginePacket& packet) {
  if (!is_eio4()) {
    silent_at_ = now() + options().ping_interval + options().ping_timeout;
    schedule();
  }
  switch (packet.type) {
    case EngineType::ping:
      if (is_eio4()) return fail();
      if (packet.data.size() > kMostPingData) return fail();
      send({"3" + std::string(packet.data)});
      return count_noise();
    case EngineType::pong:
      if (!is_eio4()) return fail();
      silent_at_ = base::TimePoint::max();
      ping_at_ = now() + options().ping_interval;
      schedule();
      if (!std::exchange(is_pinged_, false)) {
        heard();
        return count_noise();
      }
      heard(Sign::answer);
      // By polls, the next poll confirms.
      if (by_socket()) confirmed();
      return;
    case EngineType::close:
      // The poll that waits ends with a noop, as in the original: its client has closed already.
      if (is_polling()) answer_polls();
      return close(Leaving::lost, End::left);
    case EngineType::message: return message(packet);
    case EngineType::noop: return count_noise();
    default: return fail();
  }
}

// -- What goes to the client

http::Response EngineIo::answer(std::span<const Packet> packets) const {
  auto format = PayloadFormat::eio4;
  if (!is_eio4()) {
    const bool has_binary = std::any_of(packets.begin(), packets.end(),
                                        [](const Packet& packet) { return packet.is_binary; });
    const bool takes_binary = !handshake_.only_text && !handshake_.jsonp;
    format = has_binary && takes_binary ? PayloadFormat::eio3_binary : PayloadFormat::eio3_text;
  }
  std::string body;
  for (const auto& packet : packets) {
    // A client of 1.x decodes twice, which is the same for ASCII.
    const bool is_json = !packet.is_binary && packet.bytes.starts_with('4');
    if (format == PayloadFormat::eio3_text && is_json && !is_ascii(packet.bytes)) {
      Packet ascii;
      append_ascii_json(ascii.bytes, packet.bytes);
      append_to_payload(body, format, engine_packet(ascii));
    } else {
      append_to_payload(body, format, engine_packet(packet));
    }
  }
  if (packets.empty() && !is_eio4()) body = kNoPackets;
  if (handshake_.jsonp) {
    std::string script;
    append_jsonp(script, kEngineCallback, *handshake_.jsonp, body);
    return with_body("text/javascript; charset=UTF-8", std::move(script));
  }
  return with_body(format == PayloadFormat::eio3_binary ? "application/octet-stream"
                                                        : "text/plain; charset=UTF-8",
                   std::move(body));
}

http::Response EngineIo::overlap() const {
  auto response = http::Response::text(is_eio4() ? 400 : 500, "");
  response.set("Cache-Control", "no-store");
  return response;
}

http::Response EngineIo::misplaced() const { return engine_refusal(EngineError::bad_request); }

// -- Signs of life

void EngineIo::ping() {
  is_pinged_ = true;
  unconfirmed_ = 0;
  // From when the ping was due, for a timer is up to a tick late. What the server was late beyond
  // that is not the client's.
  const auto due = std::max(ping_at_, now() - base::TimerWheel::kTick);
  silent_at_ = std::min(now(), due) + options().ping_timeout;
  ping_at_ = base::TimePoint::max();
  if (by_socket()) ask();
  send({"2"});
  schedule();
}

/// A ping answers as well as a noop, and asks at the same time.
void EngineIo::end_hold() {
  if (is_eio4() && !is_pinged_) return ping();
  answer_polls();
}

void EngineIo::probe() {
  if (is_closed()) return;
  if (is_eio4()) {
    if (!is_pinged_) ping();
  } else if (by_socket()) {
    port().ping();
  } else if (is_polling()) {
    answer_polls();  // with a noop; the client polls again
  }
}

base::TimePoint EngineIo::deadline() const { return std::min({ping_at_, silent_at_, upgrade_by_}); }

void EngineIo::on_deadline(base::TimePoint at) {
  if (at >= silent_at_) return close(Leaving::lost, End::silent);
  if (at >= upgrade_by_) drop_candidate();
  if (at >= ping_at_) ping();
}

}  // namespace sigway::dialects::socketio
