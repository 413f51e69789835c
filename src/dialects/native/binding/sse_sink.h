#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "http/exchange.h"
#include "session/session.h"
#include "session/stream_carrier.h"

namespace sigway::dialects::native {

/// A session's events and controls as blocks of one event stream. Thread: the session's shard.
class SseSink final : public session::StreamSink {
 public:
  /// Each write is followed by `pad` bytes of comments, for buffers on the way. `session` owns it.
  SseSink(std::shared_ptr<http::StreamWriter> stream, std::size_t pad,
          const session::Session& session)
      : stream_(std::move(stream)), pad_(pad), session_(session) {}
  ~SseSink() override { stream_->end(); }
  SseSink(const SseSink&) = delete;
  SseSink& operator=(const SseSink&) = delete;

  std::size_t room() override { return stream_->room(); }
  std::size_t unsent() override { return stream_->unsent(); }
  void events(std::uint64_t first, std::span<const EncodedEvent> events) override;
  void activated(std::uint64_t turn, std::uint64_t next) override;
  void standby(std::uint64_t turn, std::uint64_t next) override;
  void hello(std::uint64_t which) override;
  void heartbeat(std::uint64_t next) override;
  void probe() override;
  void end(session::End reason, base::Duration retry) override;

 private:
  void control(const std::string& json);
  void write(std::string out);

  std::shared_ptr<http::StreamWriter> stream_;
  std::size_t pad_;
  const session::Session& session_;
};

}  // namespace sigway::dialects::native
