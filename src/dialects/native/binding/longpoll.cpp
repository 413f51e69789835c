#include "native_binding/longpoll.h"

#include <memory>
#include <string>
#include <utility>

#include "native_binding/http_entry.h"
#include "native_binding/poll.h"

namespace sigway::dialects::native {
namespace {

/// Answers the request wherever it is parked.
class HttpReply final : public longpoll::PollReply {
 public:
  HttpReply(http::Replies& replies, const http::ExchangeId& to) : replies_(replies), to_(to) {}
  void answer(std::string body) override {
    replies_.respond(to_, binding::answer(std::move(body)));
  }
  void abandon() noexcept override { replies_.abandon(to_); }

 private:
  http::Replies& replies_;
  http::ExchangeId to_;
};

}  // namespace

void handle_poll(binding::Context& context, http::Exchange& exchange) {
  auto& in = exchange.request();
  auto read = in.method == http::Method::get ? read_query(in) : read_body(in);
  if (auto* refused = std::get_if<http::Response>(&read))
    return exchange.respond(std::move(*refused));
  auto& request = std::get<Request>(read);
  const auto here = exchange.id().shard;
  auto located = locate(context, request, address_for(request, exchange), here,
                        context.shared.hubs[here]->now(), &exchange.digest_memo());
  if (const auto* error = std::get_if<Error>(&located))
    return exchange.respond(binding::refusal(*error));
  auto& where = std::get<Located>(located);
  const auto id = where.id;
  const auto connection = binding::next_connection();
  binding::detach_when_gone(exchange, context, id, connection);
  auto& replies = exchange.replies();
  const auto to = exchange.id();
  Poll poll{std::move(where), std::move(request), connection,
            std::make_unique<HttpReply>(replies, to)};
  binding::at_session(
      context, here, id,
      [&context, &replies, to, poll = std::move(poll)](session::Hub& hub) mutable {
        if (const auto error = run_poll(context, hub, std::move(poll)))
          replies.respond(to, binding::refusal(*error));
      },
      [&replies, to] { replies.abandon(to); });
}

}  // namespace sigway::dialects::native
