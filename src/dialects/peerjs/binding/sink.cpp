#include "peerjs_binding/sink.h"

#include <new>
#include <websocketpp/close.hpp>

namespace sigway::dialects::peerjs {

void Sink::events(std::uint64_t first, std::span<const EncodedEvent> events) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i] == too_often()) {
      // What an earlier connection was refused is no matter of this one.
      if (first + i > before_) close(session::End::rate_limited);
    } else if (events[i] != opened()) {
      port_.send(events[i]);
    } else if (first + i > before_ && !is_open_) {
      open();
    }
    // Else an earlier connection was opened by it, and the page would see `open` twice.
  }
  carrier_.wrote(first + events.size() - 1);
}

void Sink::open() {
  is_open_ = true;
  port_.send(opened());
  if (service_->options.lists_peers) listed_.emplace(service_->listing, shard_, id_);
}

void Sink::close(session::End reason) const {
  port_.close(session::info(reason).close_code, session::info(reason).name);
}

void Sink::end(session::End reason, base::Duration /*retry*/) {
  try {
    if (reason == session::End::name_taken) {
      port_.send_text(id_taken());
      port_.close(websocketpp::close::status::no_status, {});
    } else {
      close(reason);
    }
  } catch (const std::bad_alloc&) {
    port_.abort();
  }
}

}  // namespace sigway::dialects::peerjs
