#include "longpoll/route.h"

#include <memory>
#include <string>
#include <utility>

#include "entry/http_entry.h"
#include "longpoll/poll.h"

namespace sigway::longpoll {
namespace {

using dialects::Error;

/// Answers the request wherever it is parked.
class HttpReply final : public PollReply {
 public:
  HttpReply(http::Replies& replies, const http::ExchangeId& to) : replies_(replies), to_(to) {}
  void answer(std::string body) override { replies_.respond(to_, entry::answer(std::move(body))); }
  void abandon() noexcept override { replies_.abandon(to_); }

 private:
  http::Replies& replies_;
  http::ExchangeId to_;
};

}  // namespace

void handle(entry::Context& context, http::Exchange& exchange) {
  auto& in = exchange.request();
  auto read = in.method == http::Method::get ? entry::read_query(in) : entry::read_body(in);
  if (auto* refused = std::get_if<http::Response>(&read))
    return exchange.respond(std::move(*refused));
  auto& request = std::get<dialects::native::Request>(read);
  const auto here = exchange.id().shard;
  auto located = entry::locate(context, request, exchange.client_address(), here,
                               context.shared.hubs[here]->now());
  if (const auto* error = std::get_if<Error>(&located))
    return exchange.respond(entry::refusal(*error));
  auto where = std::get<entry::Located>(std::move(located));
  const auto id = where.id;
  const auto connection = entry::next_connection();
  entry::detach_when_gone(exchange, context, id, entry::carrier_name(request), connection);
  Poll poll{std::move(where), std::move(request), connection,
            std::make_unique<HttpReply>(exchange.replies(), exchange.id())};
  entry::at_session(
      context, here, id,
      [&context, &replies = exchange.replies(), to = exchange.id(),
       poll = std::move(poll)](session::Hub& hub) mutable {
        if (const auto error = run(context, hub, std::move(poll)))
          replies.respond(to, entry::refusal(*error));
      },
      [&replies = exchange.replies(), to = exchange.id()] { replies.abandon(to); });
}

}  // namespace sigway::longpoll
