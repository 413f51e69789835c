#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "client/carrier.h"

namespace sigway::client {

/// RFC 6455. Proved by a pong, as the frame that asked for it brought an acknowledgement up. The
/// first ping goes with the attach.
class WebSocketCarrier final : public Carrier {
 public:
  WebSocketCarrier(Session& session, std::string name);
  void start(std::uint64_t turn) override;
  void activate(std::uint64_t turn) override;
  void acknowledge() override;
  void check() override;
  void send_frame(std::string text) override;

 protected:
  void on_active() override { ask_when_quiet(); }
  void on_stop() override;

 private:
  void opened();
  void received(const std::string& text);
  void heartbeat(std::uint64_t next);
  void ping();
  void expect_pong();
  /// For `time` at first, then until nothing has come for `patience`, or until `latest`.
  void wait_for_pong(Duration time, Duration patience, Time latest);
  void ask_when_quiet();
  void look_whether_quiet();
  void closed(int code, const std::string& reason, int status);

  Network::Id socket_ = 0;
  bool open_ = false;
  std::uint64_t pings_ = 0;
  std::optional<Time> pinged_;  // what nobody has answered yet
  Timer pong_;
  Time heard_{};  // when the last event came
  Timer quiet_;
};

}  // namespace sigway::client
