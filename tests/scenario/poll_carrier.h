#pragma once

#include "scenario/carrier.h"
#include "scenario/http_reply.h"

namespace sigway::testing {

/// A row of polls: while it is waited for something, one is always parked, as of a client that is
/// there.
class PollCarrier final : public Carrier {
 public:
  using Carrier::Carrier;

  void start_attach(Json request) override;
  Answer finish_attach() override;
  Answer ask(Json request) override { return upload(std::move(request)); }
  bool pump(Clock::time_point deadline) override;
  void arrive() override;
  void cut() override;

  std::uint64_t n() const noexcept { return n_; }

 private:
  void send_activation(const Json& request) override;
  void answer_probe() override {}  // the next poll is a sign of life
  void send_poll(Json request, bool on_new_wire);
  /// Parks the next poll, if none is.
  void park();
  void take_answer(HttpReply& reply);

  std::unique_ptr<Wire> wire_;
  HttpReply reply_;
  bool parked_ = false;
  bool attaching_ = false;
  std::uint64_t n_ = 0;
  std::unique_ptr<Wire> replaced_;  // the wire of the poll that an activation has replaced
  HttpReply replaced_reply_;
  Answer attached_;
};

}  // namespace sigway::testing
