#pragma once

#include "scenario/carrier.h"
#include "scenario/http_reply.h"

namespace sigway::testing {

/// An event stream, read as the HTML standard says (§9.2), and uploads beside it.
class SseCarrier final : public Carrier {
 public:
  using Carrier::Carrier;

  void start_attach(Json request) override;
  Answer finish_attach() override;
  Answer ask(Json request) override { return upload(std::move(request)); }
  bool pump(Clock::time_point deadline) override;
  void cut() override;

  /// A GET, as `curl -N` and EventSource send it.
  void start_get(const std::string& target, const std::string& more_headers = {});
  const HttpReply& reply() const noexcept { return reply_; }
  const std::string& comments() const noexcept { return comments_; }

 private:
  void send_activation(const Json& request) override { upload(request); }
  void answer_probe() override { upload(Json::object()); }
  bool take_block();
  void take_comment(const std::string& text);

  std::unique_ptr<Wire> wire_;
  HttpReply reply_;
  std::string comments_;
};

}  // namespace sigway::testing
