#include "plain/poll.h"

#include <memory>
#include <string>
#include <utility>

#include "binding/answers.h"
#include "binding/reach.h"
#include "dialects/json_writer.h"
#include "longpoll/poll_carrier.h"

namespace sigway::plain {
namespace {

using dialects::Error;
using dialects::ErrorCode;
using longpoll::PollAnswer;
using longpoll::PollCarrier;
using session::End;

constexpr base::Duration kOpeningWait = std::chrono::milliseconds(200);

/// Answers the request wherever it is parked.
class HttpReply final : public longpoll::PollReply {
 public:
  HttpReply(http::Replies& replies, const http::ExchangeId& to) : replies_(replies), to_(to) {}
  void answer(std::string body) override {
    replies_.respond(to_, binding::answer(std::move(body)));
  }
  void over(End reason, std::string body) override {
    // A newer request of the same client has come in between: this one has nothing to say.
    if (reason == End::moved) return answer(std::move(body));
    replies_.respond(to_, binding::refusal(binding::error_of(reason)));
  }
  void abandon() noexcept override { replies_.abandon(to_); }

 private:
  http::Replies& replies_;
  http::ExchangeId to_;
};

/// `answer.welcome` is the session's key. The end of a session is a refusal, and not said here.
std::string encode(const Protocol& protocol, const PollAnswer& answer) {
  std::string out;
  dialects::JsonWriter json(out);
  json.optional_text("key", answer.welcome);
  json.number("next", answer.first + answer.events.size()).key("messages");
  out += '[';
  for (const auto& event : answer.events) {
    for (const auto* frame = event.get(); frame != nullptr; frame = frame->more.get()) {
      if (out.back() != '[') out += ',';
      protocol.append_json(out, *frame);
    }
  }
  out += ']';
  json.close();
  return out;
}

struct Poll {
  const Protocol& protocol;
  binding::Located located;
  Entrance entrance;
  std::string key;
  std::uint64_t next = 1;
  base::Duration wait{};
  std::unique_ptr<HttpReply> reply;
  std::uint64_t connection = binding::next_connection();
};

/// Lets the poll in and answers or parks it. On the session's shard. Returns the refusal.
std::optional<Error> run(session::Hub& hub, Poll poll) {
  const auto entered = binding::enter(hub, poll.located);
  if (const auto* error = std::get_if<Error>(&entered)) return *error;
  auto& session = *std::get<session::Session*>(entered);
  if (!is_for(session, poll.entrance)) {
    return Error{.code = ErrorCode::open_mismatch,
                 .message = "The key is that of a session at another address.",
                 .hint = "Poll at the address that the session was opened at."};
  }
  const auto cursor = session.cursor_for(poll.next - 1);
  const auto* const start = std::get_if<std::uint64_t>(&cursor);
  if (start == nullptr || *start != poll.next - 1) {
    return Error{.code = ErrorCode::bad_cursor,
                 .message = "`next` is not a number that this session waits for.",
                 .hint = "Ask for the `next` of the last answer, or again for the one before it.",
                 .expected = session.outbox().acknowledged() + 1};
  }
  const auto encode_answer = [&protocol = poll.protocol](const PollAnswer& answer) {
    return encode(protocol, answer);
  };
  // The polls of one client are one carrier, until a stream has come in between.
  const auto name_of = [](std::uint64_t turn) { return "poll" + std::to_string(turn); };
  const bool is_new = session.find_carrier(name_of(session.turn())) == nullptr;
  const auto turn = session.turn() + (is_new ? 1 : 0);
  const auto opened = session.open_carrier(name_of(turn), [&] {
    return std::make_unique<PollCarrier>(session, base::Duration{}, encode_answer);
  });
  if (const auto* error = std::get_if<Error>(&opened)) return *error;
  if (const auto* ended = std::get_if<session::Session::CarrierEnded>(&opened))
    return binding::error_of(ended->reason);
  auto* const carrier = dynamic_cast<PollCarrier*>(std::get<session::Carrier*>(opened));
  if (carrier == nullptr) return Error{.code = ErrorCode::carrier_mismatch};
  session.activate_with_attach(*carrier, turn);
  carrier->begin(std::nullopt, *start);
  session::Inputs inputs;
  inputs.ack = poll.next - 1;
  inputs.opening = poll.next == 1;
  auto error = session.process(std::move(inputs));
  session.carriers_changed();  // the parked polls that this one has replaced are gone
  if (error) return error;
  if (session.ended()) return binding::error_of(End::left);
  if (session.turns_away()) return binding::error_of(End::draining);
  // The first one says whether there is a place in the room, if that takes no time.
  auto wait = poll.wait;
  if (session.awaits_bus()) {
    wait = std::max(wait, kOpeningWait);
    carrier->gather();
  }
  carrier->finish(std::move(poll.reply), poll.connection, std::move(poll.key),
                  wait == base::Duration{}, hub.now() + wait, session.outbox());
  session.carriers_changed();
  return std::nullopt;
}

}  // namespace

void handle_poll(binding::Context& context, const Protocol& protocol, http::Exchange& exchange,
                 const Query& query) {
  const auto here = exchange.id().shard;
  auto& hub = *context.shared.hubs[here];
  const auto longest = context.shared.settings.poll_hold;
  Poll poll{.protocol = protocol,
            .located = {},
            .entrance = query.entrance,
            .key = query.key ? *query.key : session::make_key(),
            .next = query.next.value_or(1),
            // Without a key the client is told its key at once, so that it can say something.
            .wait = std::min(query.wait.value_or(query.key ? longest : base::Duration{}), longest),
            .reply = std::make_unique<HttpReply>(exchange.replies(), exchange.id())};
  std::optional<binding::LocateResult> located;
  if (poll.next == 1) {
    located =
        binding::locate_to_open(context,
                                contents_of(protocol, query.entrance, poll.key,
                                            exchange.client_address(), dialects::plain::kVisitor),
                                here, hub.now());
  } else {
    located = binding::locate(context, protocol.dialect(),
                              session::hash_key(poll.key, exchange.digest_memo()), hub.now());
    if (!located) {
      located = Error{.code = ErrorCode::unknown_key,
                      .message = "No session has this key, so nothing follows message " +
                                 std::to_string(poll.next - 1) + ".",
                      .hint = "Begin with next=1."};
    }
  }
  if (const auto* error = std::get_if<Error>(&*located))
    return exchange.respond(binding::refusal(*error));
  poll.located = std::get<binding::Located>(*std::move(located));
  const auto id = poll.located.id;
  binding::detach_when_gone(exchange, context, id, poll.connection);
  binding::at_session(
      context, here, id,
      [&replies = exchange.replies(), to = exchange.id(),
       poll = std::move(poll)](session::Hub& at) mutable {
        if (const auto error = run(at, std::move(poll)))
          replies.respond(to, binding::refusal(*error));
      },
      [&replies = exchange.replies(), to = exchange.id()] { replies.abandon(to); });
}

}  // namespace sigway::plain
