#include "native_binding/websocket_sink.h"

#include <new>

#include "native/native.h"
#include "native_binding/entry.h"

namespace sigway::dialects::native {

// The number of an event is not on the wire: the client counts.
void WebSocketSink::events(std::uint64_t, std::span<const EncodedEvent> events) {
  for (const auto& event : events) port_.send(event);
}

void WebSocketSink::activated(std::uint64_t turn, std::uint64_t next) {
  port_.send_text(activated_control(turn, next));
}

void WebSocketSink::standby(std::uint64_t turn, std::uint64_t next) {
  port_.send_text(standby_control(turn, next));
}

void WebSocketSink::heartbeat(std::uint64_t next) {
  // The control is for the client, which cannot see pings; the ping is for us, since its pong needs
  // no script to run.
  port_.send_text(heartbeat_control(next));
  port_.ping();
}

void WebSocketSink::probe() {
  port_.send_text(probe_control());
  port_.ping();
}

void WebSocketSink::end(session::End reason, base::Duration retry) {
  const auto& row = session::info(reason);
  try {
    port_.send_text(goodbye(reason, retry, session_));
    port_.close(row.close_code, row.name);
  } catch (const std::bad_alloc&) {
    port_.abort();  // cut, the client comes back and hears why
  }
}

}  // namespace sigway::dialects::native
