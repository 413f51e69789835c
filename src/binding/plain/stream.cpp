#include "plain/stream.h"

#include <memory>
#include <new>
#include <string>
#include <utility>

#include "binding/answers.h"
#include "binding/reach.h"
#include "dialects/json_writer.h"
#include "session/stream_carrier.h"
#include "sse/event_stream_format.h"

namespace sigway::plain {
namespace {

using dialects::Error;
using dialects::ErrorCode;
using dialects::Frame;
using session::End;

std::string event_id(const std::string& key, std::uint64_t number) {
  return key + '.' + std::to_string(number);
}

/// Everything about a request for a stream that outlives its handler.
struct Arrival {
  binding::Context& context;
  const Options& options;
  http::Replies& replies;
  http::ExchangeId to;
  binding::Located located;
  Entrance entrance;
  std::string address;  ///< the request's URL without its query
  std::string key = {};
  std::uint64_t seen = 0;  ///< the number of the last event that the client has
  std::uint64_t connection = binding::next_connection();
};

/// A session's events as blocks of one event stream. The stream begins when the session has got the
/// room that it was opened for; if it gets none, the answer is a refusal, after which an
/// `EventSource` does not come back.
class BlockSink final : public session::StreamSink {
 public:
  BlockSink(const session::Session& session, Arrival arrival, std::string carrier)
      : session_(session), arrival_(std::move(arrival)), carrier_(std::move(carrier)) {}
  ~BlockSink() override {
    if (stream_) stream_->end();
  }
  BlockSink(const BlockSink&) = delete;
  BlockSink& operator=(const BlockSink&) = delete;

  std::size_t room() override {
    if (!stream_) {
      if (session_.awaits_bus()) return 0;  // the session pumps again when it has been answered
      begin();
    }
    return stream_->room();
  }
  std::size_t unsent() override { return stream_ ? stream_->unsent() : 0; }
  void events(std::uint64_t first, std::span<const dialects::EncodedEvent> events) override {
    std::string out;
    for (const auto& event : events) append(out, *event, first++);
    stream_->write(std::move(out));
  }
  void activated(std::uint64_t /*turn*/, std::uint64_t /*next*/) override {}
  void standby(std::uint64_t /*turn*/, std::uint64_t /*next*/) override {}
  void hello(std::uint64_t /*which*/) override {}
  void heartbeat(std::uint64_t /*next*/) override {
    if (stream_) comment("heartbeat");
  }
  void probe() override {}
  void end(End reason, base::Duration /*retry*/) override {
    try {
      if (!stream_)
        return arrival_.replies.respond(arrival_.to, binding::refusal(binding::error_of(reason)));
      comment(session::info(reason).sentence);
    } catch (const std::bad_alloc&) {
      if (stream_) return stream_->abort();
      return arrival_.replies.abandon(arrival_.to);
    }
    stream_->end();
  }

 private:
  void begin();
  void append(std::string& out, const Frame& event, std::uint64_t number);
  void comment(std::string_view text) {
    std::string out;
    sse::append_comment(out, text);
    stream_->write(std::move(out));
  }

  const session::Session& session_;
  const Arrival arrival_;
  const std::string carrier_;
  std::shared_ptr<http::StreamWriter> stream_;
};

void BlockSink::begin() {
  stream_ = arrival_.replies.begin_stream(arrival_.to, sse::stream_head());
  stream_->set_on_room(
      binding::tell_drained(arrival_.context, arrival_.to.shard, session_.id(), carrier_));
  std::string out;
  sse::append_retry(
      out,
      static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(arrival_.options.retry).count()));
  sse::append_comment(out, "To say something, type in another terminal: curl -d TEXT '" +
                               arrival_.address + "?key=" + arrival_.key + "'");
  // A block without data is no event, but the client remembers its id.
  out += "id: " + event_id(arrival_.key, arrival_.seen) + "\n\n";
  stream_->write(std::move(out));
}

void BlockSink::append(std::string& out, const Frame& event, std::uint64_t number) {
  for (const auto* frame = &event; frame != nullptr; frame = frame->more.get()) {
    // The event's number stands at its last frame: a client that was cut before wants it again.
    const auto id = event_id(arrival_.key, frame->more == nullptr ? number : number - 1);
    if (frame->kind == Frame::Kind::text) {
      sse::append_text(out, id, frame->bytes);
    } else {
      std::string json;
      dialects::append_json(json, {dialects::Payload::Kind::binary, frame->bytes});
      sse::append_text(out, id, json);
    }
  }
}

std::optional<Error> attach(const Arrival& arrival, session::Hub& hub) {
  const auto entered = binding::enter(hub, arrival.located);
  if (const auto* error = std::get_if<Error>(&entered)) return *error;
  auto& session = *std::get<session::Session*>(entered);
  if (!is_for(session, arrival.entrance)) {
    return Error{.code = ErrorCode::open_mismatch,
                 .message = "The Last-Event-ID is that of a session at another address.",
                 .hint = "Leave it out to open a session here."};
  }
  const auto cursor = session.cursor_for(arrival.seen);
  if (const auto* error = std::get_if<Error>(&cursor)) return *error;
  const auto& settings = hub.settings();
  // The newest connection is the one that the client reads.
  const auto turn = session.turn() + 1;
  const auto name = "stream" + std::to_string(turn);
  const auto opened = session.open_carrier(name, [&settings] {
    return std::make_unique<session::StreamCarrier>(
        session::StreamOptions{.heartbeat = settings.heartbeat,
                               .patience = 0,
                               .max_age = settings.stream_max_age,
                               .max_bytes = settings.stream_max_bytes});
  });
  if (const auto* error = std::get_if<Error>(&opened)) return *error;
  const auto* const made = std::get_if<session::Carrier*>(&opened);
  auto* const carrier = made == nullptr ? nullptr : dynamic_cast<session::StreamCarrier*>(*made);
  if (carrier == nullptr) return Error{.code = ErrorCode::carrier_mismatch};
  session.behave_as(dialects::plain::kVisitor);  // it may have polled, and acknowledged, before
  session.activate_with_attach(*carrier, turn);
  auto kept = arrival;
  kept.located = {};  // a stream that may be idle for long needs it no more
  carrier->attach(arrival.connection, std::make_unique<BlockSink>(session, std::move(kept), name),
                  std::get<std::uint64_t>(cursor), settings.heartbeat, hub.now());
  session.carriers_changed();
  session.heard();
  return std::nullopt;
}

/// Whose stream it is: the session that the last event came from, if it still lives, else the one
/// with the client's key, else a new one.
std::variant<Arrival, Error> arrive(binding::Context& context, const Protocol& protocol,
                                    const Options& options, http::Exchange& exchange,
                                    const Query& query) {
  const auto here = exchange.id().shard;
  const auto now = context.shared.hubs[here]->now();
  const auto& request = exchange.request();
  const auto& target = request.target.starts_with("/") ? request.target : request.path;
  Arrival arrival{.context = context,
                  .options = options,
                  .replies = exchange.replies(),
                  .to = exchange.id(),
                  .located = {},
                  .entrance = query.entrance,
                  .address = exchange.base_url() + target.substr(0, target.find('?'))};
  const auto* const last = exchange.request().header("last-event-id");
  if (const auto id = last == nullptr ? std::nullopt : parse_event_id(*last)) {
    auto known = binding::locate(context, protocol.dialect(), session::hash_key(id->key), now);
    if (auto* const located = known ? std::get_if<binding::Located>(&*known) : nullptr) {
      arrival.located = std::move(*located);
      arrival.key = id->key;
      arrival.seen = id->number;
      return arrival;
    }
  }
  arrival.key = query.key.value_or("");
  if (arrival.key.empty()) arrival.key = session::make_key();
  auto located =
      binding::locate_to_open(context,
                              contents_of(protocol, query.entrance, arrival.key,
                                          exchange.client_address(), dialects::plain::kVisitor),
                              here, now);
  if (auto* const error = std::get_if<Error>(&located)) return std::move(*error);
  arrival.located = std::get<binding::Located>(std::move(located));
  return arrival;
}

}  // namespace

void handle_stream(binding::Context& context, const Protocol& protocol, const Options& options,
                   http::Exchange& exchange, const Query& query) {
  auto arrived = arrive(context, protocol, options, exchange, query);
  if (const auto* error = std::get_if<Error>(&arrived))
    return exchange.respond(binding::refusal(*error));
  auto& arrival = std::get<Arrival>(arrived);
  const auto id = arrival.located.id;
  const auto here = exchange.id().shard;
  binding::detach_when_gone(exchange, context, id, arrival.connection);
  binding::at_session(
      context, here, id,
      [arrival = std::move(arrival)](session::Hub& hub) {
        if (const auto error = attach(arrival, hub))
          arrival.replies.respond(arrival.to, binding::refusal(*error));
      },
      [&replies = exchange.replies(), to = exchange.id()] { replies.abandon(to); });
}

}  // namespace sigway::plain
