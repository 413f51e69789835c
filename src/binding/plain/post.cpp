#include "plain/post.h"

#include <memory>
#include <string>
#include <utility>

#include "base/utf8.h"
#include "binding/answers.h"
#include "binding/reach.h"
#include "dialects/grammar.h"
#include "session/carrier.h"

namespace sigway::plain {
namespace {

using dialects::Error;
using dialects::ErrorCode;
using dialects::Payload;
using session::End;

http::Response taken() {
  auto response = http::Response::text(200, "ok\n");
  response.set("Cache-Control", "no-store");
  return response;
}

/// The body, or why it is no message.
std::variant<Payload, http::Response> read_body(const Protocol& protocol,
                                                const http::Request& request) {
  const auto* const header = request.header("content-type");
  const std::string_view type = header == nullptr ? std::string_view() : *header;
  const auto is = [type](std::string_view name) {
    return http::equals_ignoring_case(type.substr(0, name.size()), name);
  };
  if (is("multipart/")) {
    return http::Response::error(415, "wrong_content_type", "A body of this type is not read.",
                                 "Send the message itself as the body, as `curl -d` does.");
  }
  if (request.body.size() > protocol.max_message()) {
    return binding::refusal(
        Error{.code = ErrorCode::too_large,
              .message = "A message may have " + std::to_string(protocol.max_message()) + " bytes.",
              .limit = protocol.max_message()});
  }
  if (is("application/octet-stream")) return Payload{Payload::Kind::binary, request.body};
  if (!base::is_utf8(request.body)) {
    return binding::refusal(
        Error{.code = ErrorCode::bad_utf8,
              .message = "The body is not UTF-8.",
              .hint = "Send bytes with Content-Type: application/octet-stream."});
  }
  return Payload{Payload::Kind::text, request.body};
}

/// What stands for a guest's connection: answers its upload when the session ends. That a client
/// has finished sending does not end it: what it has said is said, and it may be reading still.
class Receipt final : public session::Carrier {
 public:
  Receipt(http::Replies& replies, const http::ExchangeId& to) : replies_(replies), to_(to) {}

  bool detach(std::uint64_t) override { return false; }
  bool connected() const override { return is_there_; }
  void pump(session::Outbox& outbox) override { outbox.mark_written(outbox.last()); }
  void activated(std::uint64_t, bool, session::Outbox&) override {}
  void standby(std::uint64_t, const session::Outbox&) override {}
  void probe() override {}
  void end(End reason, base::Duration) override {
    if (!std::exchange(is_there_, false)) return;
    try {
      replies_.respond(to_,
                       reason == End::left ? taken() : binding::refusal(binding::error_of(reason)));
    } catch (const std::bad_alloc&) {
      replies_.abandon(to_);
    }
  }
  base::TimePoint next_deadline() const override { return base::TimePoint::max(); }
  std::optional<End> on_timer(base::TimePoint, session::Outbox&) override { return std::nullopt; }

 private:
  http::Replies& replies_;
  const http::ExchangeId to_;
  bool is_there_ = true;
};

/// Joins, says, and leaves. Returns the refusal.
std::optional<Error> run_guest(session::Hub& hub, const binding::Located& located,
                               session::Inputs inputs, std::unique_ptr<Receipt> receipt) {
  const auto entered = binding::enter(hub, located);
  if (const auto* error = std::get_if<Error>(&entered)) return *error;
  auto& session = *std::get<session::Session*>(entered);
  const auto opened = session.open_carrier("receipt", [&] { return std::move(receipt); });
  if (const auto* error = std::get_if<Error>(&opened)) return *error;
  session.carriers_changed();
  auto error = session.process(std::move(inputs));
  if (error) session.end(End::memory);
  return std::nullopt;
}

void handle_guest(binding::Context& context, const Protocol& protocol, http::Exchange& exchange,
                  const Query& query, session::Inputs inputs) {
  inputs.messages.push_back({std::nullopt, dialects::Command(dialects::Leave{})});
  const auto here = exchange.id().shard;
  auto located =
      binding::locate_to_open(context,
                              contents_of(protocol, query.entrance, session::make_key(),
                                          exchange.client_address(), dialects::plain::kGuest),
                              here, context.shared.hubs[here]->now());
  if (const auto* error = std::get_if<Error>(&located))
    return exchange.respond(binding::refusal(*error));
  auto& where = std::get<binding::Located>(located);
  const auto id = where.id;
  binding::at_session(
      context, here, id,
      [where = std::move(where), inputs = std::move(inputs), &replies = exchange.replies(),
       to = exchange.id()](session::Hub& hub) mutable {
        const auto error =
            run_guest(hub, where, std::move(inputs), std::make_unique<Receipt>(replies, to));
        if (error) replies.respond(to, binding::refusal(*error));
      },
      [&replies = exchange.replies(), to = exchange.id()] { replies.abandon(to); });
}

/// Says it for the session with the key. Returns the refusal.
std::optional<Error> run_member(session::Hub& hub, const binding::Located& located,
                                const Entrance& entrance, session::Inputs inputs) {
  const auto entered = binding::enter(hub, located);
  if (const auto* error = std::get_if<Error>(&entered)) return *error;
  auto& session = *std::get<session::Session*>(entered);
  if (!is_for(session, entrance)) {
    return Error{.code = ErrorCode::open_mismatch,
                 .message = "The key is that of a session at another address.",
                 .hint = "Send to the address that the session was opened at."};
  }
  return session.process(std::move(inputs));
}

void handle_member(binding::Context& context, const Protocol& protocol, http::Exchange& exchange,
                   const Query& query, session::Inputs inputs) {
  const auto here = exchange.id().shard;
  if (query.number) inputs.messages.back().n = query.number;
  auto located = binding::locate(context, protocol.dialect(),
                                 session::hash_key(*query.key, exchange.digest_memo()),
                                 context.shared.hubs[here]->now());
  if (!located) located = Error{.code = ErrorCode::unknown_key};
  if (const auto* error = std::get_if<Error>(&*located))
    return exchange.respond(binding::refusal(*error));
  auto& where = std::get<binding::Located>(*located);
  const auto id = where.id;
  binding::at_session(
      context, here, id,
      [where = std::move(where), inputs = std::move(inputs), entrance = query.entrance,
       &replies = exchange.replies(), to = exchange.id()](session::Hub& hub) mutable {
        const auto error = run_member(hub, where, entrance, std::move(inputs));
        replies.respond(to, error ? binding::refusal(*error) : taken());
      },
      [&replies = exchange.replies(), to = exchange.id()] { replies.abandon(to); });
}

}  // namespace

void handle_post(binding::Context& context, const Protocol& protocol, http::Exchange& exchange,
                 const Query& query) {
  auto read = read_body(protocol, exchange.request());
  if (auto* refused = std::get_if<http::Response>(&read))
    return exchange.respond(std::move(*refused));
  if (!query.key && !protocol.takes_guests()) {
    return exchange.respond(binding::refusal(
        Error{.code = ErrorCode::bad_key,
              .message = "The address names no session, so nobody could be answered.",
              .hint = "Open one with a GET of this address and `?key=`, a key that you choose, and "
                      "send with the same."}));
  }
  session::Inputs inputs;
  inputs.repeatable = true;
  protocol.decode(query.entrance, std::get<Payload>(std::move(read)), inputs.messages);
  const bool is_ignored = inputs.messages.empty();
  if (query.key) {
    // Its number is taken all the same.
    if (is_ignored)
      inputs.messages.push_back({std::nullopt, dialects::Command(dialects::Nothing{})});
    handle_member(context, protocol, exchange, query, std::move(inputs));
  } else if (is_ignored) {
    exchange.respond(taken());
  } else {
    handle_guest(context, protocol, exchange, query, std::move(inputs));
  }
}

}  // namespace sigway::plain
