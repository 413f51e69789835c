#include "native_binding/sse_sink.h"

#include <new>
#include <optional>

#include "native/native.h"
#include "native_binding/entry.h"
#include "sse/event_stream_format.h"

namespace sigway::dialects::native {

void SseSink::events(std::uint64_t first, std::span<const EncodedEvent> events) {
  std::size_t size = 0;
  for (const auto& event : events) size += event->bytes.size() + 40;
  std::string out;
  out.reserve(size);
  for (const auto& event : events) sse::append_event(out, first++, event->bytes);
  write(std::move(out));
}

void SseSink::activated(std::uint64_t turn, std::uint64_t next) {
  control(activated_control(turn, next));
}

void SseSink::standby(std::uint64_t turn, std::uint64_t next) {
  control(standby_control(turn, next));
}

void SseSink::hello(std::uint64_t which) { control(hello_control(which)); }

void SseSink::heartbeat(std::uint64_t next) {
  std::string out;
  sse::append_comment(out, "heartbeat, next " + std::to_string(next));
  write(std::move(out));
}

void SseSink::probe() { control(probe_control()); }

void SseSink::end(session::End reason, base::Duration retry) {
  try {
    control(goodbye(reason, retry, session_));
  } catch (const std::bad_alloc&) {
    return stream_->abort();  // cut, the client comes back and hears why
  }
  stream_->end();
}

void SseSink::control(const std::string& json) {
  std::string out;
  sse::append_control(out, json);
  write(std::move(out));
}

void SseSink::write(std::string out) {
  if (pad_ != 0) out += sse::padding(pad_);
  stream_->write(std::move(out));
}

}  // namespace sigway::dialects::native
