#include "client/websocket_carrier.h"

#include <algorithm>

#include "client/session.h"

namespace sigway::client {
namespace {

constexpr Duration kPongLeast{2000}, kPongUnknown{5000};
constexpr Duration kQuiet{2000};  // after the last event
// Times as long for a pong, while other frames come: it stands behind them. Not longer, or a way up
// that is dead would not be missed.
constexpr int kFlowing = 3;

}  // namespace

WebSocketCarrier::WebSocketCarrier(Session& session, std::string name)
    : Carrier(session, Transport::websocket, std::move(name)),
      pong_(session.scheduler()),
      quiet_(session.scheduler()) {}

void WebSocketCarrier::start(std::uint64_t turn) {
  turn_ = turn;
  socket_ = session_.network().websocket(
      "v1/ws", {.open = [this] { opened(); },
                .text = [this](const std::string& text) { received(text); },
                .closed = [this](int code, const std::string& reason,
                                 int status) { closed(code, reason, status); }});
}

void WebSocketCarrier::opened() {
  open_ = streams_ = true;
  std::string more;
  if (const auto heartbeat = session_.cadence().heartbeat())
    more = R"(,"heartbeat":)" + std::to_string(heartbeat->count());
  session_.acknowledging();
  // Proved in one round trip: the pong follows the welcome. An open one that is dead holds a
  // connection that others need.
  pinged_ = session_.scheduler().now();
  send_frame(attachment(more + R"(,"ping":)" + std::to_string(++pings_)));
  expect_pong();
}

void WebSocketCarrier::send_frame(std::string text) {
  if (open_ && !done()) session_.network().send_text(socket_, std::move(text));
}

void WebSocketCarrier::received(const std::string& text) {
  sign_of_life();
  auto value = parse_object(text);
  if (!value) {
    nonsense("a frame that is no JSON object");
    return;
  }
  const auto control = text_of(*value, "control");
  if (refuses_stranger(control)) return;
  if (!value->contains("control")) {
    ask_when_quiet();
    session_.event(*this, next_++, std::move(*value));
    return;
  }
  if (control == "heartbeat") {
    heartbeat(number_of(*value, "next").value_or(next_));
  } else if (control == "pong") {
    if (!pinged_ || number_of(*value, "ping") != pings_) return;
    session_.measured(std::chrono::duration_cast<Duration>(session_.scheduler().now() - *pinged_));
    pinged_.reset();
    pong_.stop();
    prove();
  } else if (control == "probe") {
    send_frame("{}");  // any sign of life keeps our place
  } else if (take_control(control, *value) && control == "up" && pong_.is_set()) {
    expect_pong();  // the ping stands behind what was said
  }
}

void WebSocketCarrier::heartbeat(std::uint64_t next) {
  // Where another carrier was faster, what is left out here has come there and is acknowledged.
  if (!active() || (next > next_ && next <= session_.cursor() + 1)) next_ = next;
  if (next != next_) {
    end({.code = "gap",
         .message = "expected event " + std::to_string(next_) + ", the server is at " +
                    std::to_string(next)});
    return;
  }
  ping();
}

// Brings an acknowledgement up with it, so that its pong proves both ways.
void WebSocketCarrier::ping() {
  if (done() || pinged_) return;
  pinged_ = session_.scheduler().now();
  send_frame(R"({"ack":)" + std::to_string(session_.acknowledging()) + R"(,"ping":)" +
             std::to_string(++pings_) + '}');
  expect_pong();
}

void WebSocketCarrier::expect_pong() {
  const auto patience = session_.slack() * session_.patience(kPongLeast, kPongUnknown);
  wait_for_pong(patience, patience, session_.scheduler().now() + kFlowing * patience);
}

void WebSocketCarrier::wait_for_pong(Duration time, Duration patience, Time latest) {
  pong_.set(time, [this, patience, latest] {
    const auto left =
        std::min(patience - silence(),
                 std::chrono::duration_cast<Duration>(latest - session_.scheduler().now()));
    if (left > Duration(0)) {
      wait_for_pong(left, patience, latest);
      return;
    }
    end({.code = "silence", .message = "a ping was not answered: one of its ways is dead"});
  });
}

void WebSocketCarrier::check() { ping(); }

// A proxy may hold the end of what was written, until more comes; so may it hold an
// acknowledgement. Only an answer tells.
void WebSocketCarrier::ask_when_quiet() {
  heard_ = session_.scheduler().now();
  if (!quiet_.is_set()) quiet_.set(kQuiet, [this] { look_whether_quiet(); });
}

void WebSocketCarrier::look_whether_quiet() {
  const auto left = std::chrono::ceil<Duration>(heard_ + kQuiet - session_.scheduler().now());
  if (left > Duration(0)) {
    quiet_.set(left, [this] { look_whether_quiet(); });
  } else {
    ping();
  }
}

void WebSocketCarrier::activate(std::uint64_t turn) {
  turn_ = turn;
  if (pong_.is_set()) expect_pong();
  send_frame(R"({"turn":)" + std::to_string(turn) + R"(,"carrier":")" + name + R"(","ack":)" +
             std::to_string(session_.acknowledging()) + '}');
}

void WebSocketCarrier::acknowledge() {
  send_frame(R"({"ack":)" + std::to_string(session_.acknowledging()) + '}');
}

void WebSocketCarrier::closed(int code, const std::string& reason, int status) {
  socket_ = 0;
  open_ = false;
  if (status != 0) {
    end({.code = "http_" + std::to_string(status),
         .message = "the upgrade was answered with " + std::to_string(status),
         .status = status});
    return;
  }
  // Codes of the 4000s are the server's, and their reason is a code of docs/protocol.md.
  const bool servers = code >= 4000 && !reason.empty() &&
                       reason.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
  end({.code = servers ? reason : "network",
       .message = servers ? "the server closed it: " + reason
                          : "it was closed (" + std::to_string(code) +
                                (reason.empty() ? ")" : "): " + reason)});
}

void WebSocketCarrier::on_stop() {
  pong_.stop();
  quiet_.stop();
  if (socket_ != 0) session_.network().drop(socket_);
  socket_ = 0;
}

}  // namespace sigway::client
