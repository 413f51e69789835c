#pragma once

#include "scenario/carrier.h"

namespace sigway::testing {

/// RFC 6455 as a client speaks it, as much of it as the native protocol needs.
class WebSocketCarrier final : public Carrier {
 public:
  using Carrier::Carrier;

  void start_attach(Json request) override;
  Answer finish_attach() override;
  Answer ask(Json request) override;
  bool pump(Clock::time_point deadline) override;
  void cut() override;

  /// Only the handshake; `target` has the query of a person.
  void connect(const std::string& target, bool with_subprotocol);
  void send_text(const std::string& text) { send_frame(1, text); }

 private:
  void send_activation(const Json& request) override { send_text(request.dump()); }
  void answer_probe() override { send_text("{}"); }
  void send_frame(unsigned opcode, const std::string& payload);
  /// Takes one frame from what has been read, if a whole one has.
  bool take_frame();
  void take_text(const std::string& text);
  void take_close(const std::string& payload);

  std::unique_ptr<Wire> wire_;
  std::string read_;
  std::uint64_t pings_ = 0;
};

}  // namespace sigway::testing
