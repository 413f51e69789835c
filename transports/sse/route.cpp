#include "sse/route.h"

#include <charconv>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "entry/http_entry.h"
#include "session/key.h"
#include "sse/event_stream_format.h"
#include "sse/sse_carrier.h"

namespace sigway::sse {
namespace {

namespace native = dialects::native;
using dialects::Error;
using dialects::ErrorCode;
using session::End;

constexpr int kPatience = 2;  // a client answers every heartbeat by an upload; two may be lost

/// One stream on its way down.
class Sink final : public session::StreamSink {
 public:
  Sink(std::shared_ptr<http::StreamWriter> stream, std::size_t pad)
      : stream_(std::move(stream)), pad_(pad) {}
  ~Sink() override { stream_->end(); }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  std::size_t room() override { return stream_->room(); }
  void events(std::uint64_t first, std::span<const dialects::EncodedEvent> events) override {
    std::size_t size = 0;
    for (const auto& event : events) size += event->size() + 40;
    std::string out;
    out.reserve(size);
    for (const auto& event : events) append_event(out, first++, *event);
    write(std::move(out));
  }
  void activated(std::uint64_t turn, std::uint64_t next) override {
    control(native::activated_control(turn, next));
  }
  void standby(std::uint64_t turn, std::uint64_t next) override {
    control(native::standby_control(turn, next));
  }
  void hello(std::uint64_t which) override { control(native::hello_control(which)); }
  void heartbeat(std::uint64_t next) override {
    std::string out;
    append_comment(out, "heartbeat, next " + std::to_string(next));
    write(std::move(out));
  }
  void probe() override { control(native::probe_control()); }
  void end(End reason, base::Duration retry) override {
    std::optional<std::uint64_t> retry_ms;
    if (retry > base::Duration{}) {
      retry_ms = std::chrono::duration_cast<std::chrono::milliseconds>(retry).count();
    }
    const auto& row = session::info(reason);
    try {
      control(native::end_control(row.name, row.sentence, retry_ms));
    } catch (const std::bad_alloc&) {
      return stream_->abort();  // cut, the client comes back and hears why
    }
    stream_->end();
  }

 private:
  void control(const std::string& json) {
    std::string out;
    append_control(out, json);
    write(std::move(out));
  }
  /// Whatever is written pushes what lies before it out of a buffer of `pad` bytes.
  void write(std::string out) {
    if (pad_ != 0) out += padding(pad_);
    stream_->write(std::move(out));
  }

  std::shared_ptr<http::StreamWriter> stream_;
  std::size_t pad_;
};

http::Response stream_head() {
  http::Response head(200, "text/event-stream", {});
  // Each against a buffer or a cache that somebody has met on the way (nginx, gzip filters, mobile
  // proxies).
  head.set("Cache-Control", "no-cache, no-store, no-transform");
  head.set("X-Accel-Buffering", "no");
  return head;
}

/// What a person at a terminal types next.
void append_advice(std::string& out, const std::string& base_url, const native::Welcome& welcome) {
  const auto body = [&](const char* message) {
    return R"( curl -d '{"key":")" + welcome.key + "\"," + message + "}' ";
  };
  append_comment(out, "You are peer " + welcome.peer +
                          ". To say something to the room, type in another terminal:");
  append_comment(out, body(R"("type":"offer","data":{"sdp":"…"})") + base_url + "/v1/send");
  append_comment(out, "To leave:");
  append_comment(out, body(R"("type":"leave")") + base_url + "/v1/send");
}

std::string prelude(const Options& options, const native::Welcome& welcome,
                    const std::string& base_url, std::size_t pad) {
  std::string out;
  append_retry(out,
               static_cast<std::uint64_t>(
                   std::chrono::duration_cast<std::chrono::milliseconds>(options.retry).count()));
  append_comment(out, "sigway.v1 event stream");
  if (!welcome.key.empty()) append_advice(out, base_url, welcome);
  append_control(out, native::welcome_control(welcome));
  append_control(out, native::hello_control(1));
  if (pad != 0) out += padding(pad);
  return out;
}

/// Everything about a request for a stream that outlives its handler.
struct Arrival {
  entry::Context& context;
  const Options& options;
  http::Replies& replies;
  http::ExchangeId to;
  std::string base_url;
  std::uint64_t connection = entry::next_connection();
};

std::unique_ptr<session::StreamSink> begin(const Arrival& arrival, session::SessionId id,
                                           const native::Welcome& welcome, std::size_t pad) {
  auto stream = arrival.replies.begin_stream(arrival.to, stream_head());
  stream->set_on_room(entry::tell_drained(arrival.context, arrival.to.shard, id, welcome.carrier));
  stream->write(prelude(arrival.options, welcome, arrival.base_url, pad));
  return std::make_unique<Sink>(std::move(stream), pad);
}

void answer(const Arrival& arrival, const entry::AttachResult& result) {
  if (const auto* error = std::get_if<Error>(&result)) {
    arrival.replies.respond(arrival.to, entry::refusal(*error));
  } else if (std::holds_alternative<End>(result)) {
    // HTML standard §9.2.3: 204 tells an EventSource not to come back.
    arrival.replies.respond(arrival.to, http::Response(204));
  }
}

std::unique_ptr<SseCarrier> make_carrier(const session::Hub& hub, bool answers) {
  const auto& settings = hub.settings();
  return std::make_unique<SseCarrier>(
      session::StreamOptions{.heartbeat = settings.heartbeat,
                             .patience = answers ? kPatience : 0,
                             .max_age = settings.stream_max_age,
                             .max_bytes = settings.stream_max_bytes});
}

/// The carrier is attached, but its stream comes later, by the ticket that is answered now.
void give_ticket(const Arrival& arrival, session::Hub& hub, entry::StreamAttach attach) {
  const auto name = entry::carrier_name(attach.request);
  attach.make = [&hub](bool answers) { return make_carrier(hub, answers); };
  attach.accept = [](const native::Welcome&) { return nullptr; };
  const auto result = entry::attach_stream(arrival.context, hub, std::move(attach));
  const auto* attached = std::get_if<entry::Attached>(&result);
  if (attached == nullptr) return answer(arrival, result);
  if (attached->error) return arrival.replies.respond(arrival.to, entry::refusal(*attached->error));
  auto* const carrier = dynamic_cast<SseCarrier*>(attached->session->find_carrier(name));
  if (carrier == nullptr) return answer(arrival, Error{.code = ErrorCode::carrier_mismatch});
  if (carrier->ticket_secret.empty()) carrier->ticket_secret = session::make_token(16);
  const auto ticket = to_string({attached->session->id(), name, carrier->ticket_secret});
  arrival.replies.respond(arrival.to, entry::answer(R"({"ticket":")" + ticket + R"(","up":)" +
                                                    std::to_string(attached->session->up()) + "}"));
}

void stream(const Arrival& arrival, session::Hub& hub, entry::StreamAttach attach) {
  const auto pad = attach.request.pad.value_or(0);
  attach.connection = arrival.connection;
  attach.make = [&hub](bool answers) { return make_carrier(hub, answers); };
  attach.accept = [&arrival, pad, id = attach.located.id](const native::Welcome& welcome) {
    return begin(arrival, id, welcome, pad);
  };
  answer(arrival, entry::attach_stream(arrival.context, hub, std::move(attach)));
}

void handle_request(Arrival arrival, http::Exchange& exchange, native::Request request) {
  auto& context = arrival.context;
  const auto here = exchange.id().shard;
  auto located = entry::locate(context, request, exchange.client_address(), here,
                               context.shared.hubs[here]->now());
  if (const auto* error = std::get_if<Error>(&located))
    return exchange.respond(entry::refusal(*error));
  auto where = std::get<entry::Located>(std::move(located));
  const auto id = where.id;
  entry::detach_when_gone(exchange, context, id, entry::carrier_name(request), arrival.connection);
  const auto failed = [&replies = arrival.replies, to = arrival.to] { replies.abandon(to); };
  entry::at_session(
      context, here, id,
      [arrival = std::move(arrival), where = std::move(where),
       request = std::move(request)](session::Hub& hub) mutable {
        const bool ticket = request.ticket;
        entry::StreamAttach attach{std::move(where), std::move(request), 0, {}, {}};
        if (ticket) {
          give_ticket(arrival, hub, std::move(attach));
        } else {
          stream(arrival, hub, std::move(attach));
        }
      },
      failed);
}

/// A ticket that is shown: receives on the carrier it names, as often as it is used while that
/// carrier lives.
void resume_ticket(const Arrival& arrival, session::Hub& hub, const Ticket& ticket,
                   std::optional<std::uint64_t> last_id) {
  auto* const session = hub.find(ticket.session.serial);
  auto* const carrier = session == nullptr
                            ? nullptr
                            : dynamic_cast<SseCarrier*>(session->find_carrier(ticket.carrier));
  if (carrier == nullptr || carrier->ticket_secret.empty() ||
      !session::equal_secret(carrier->ticket_secret, ticket.secret)) {
    // The carrier is over, or never was: an EventSource must not come back either way.
    return arrival.replies.respond(arrival.to, http::Response(204));
  }
  const auto cursor = session->cursor_for(last_id);
  if (const auto* error = std::get_if<Error>(&cursor)) {
    return arrival.replies.respond(arrival.to, entry::refusal(*error));
  }
  const auto start = std::get<std::uint64_t>(cursor);
  const auto heartbeat = hub.settings().heartbeat;
  auto sink = begin(
      arrival, ticket.session,
      entry::welcome(arrival.context, *session, {}, *carrier, ticket.carrier, start + 1, heartbeat),
      0);
  carrier->attach(arrival.connection, std::move(sink), start, heartbeat, hub.now());
  session->carriers_changed();
}

void handle_ticket(const Arrival& arrival, http::Exchange& exchange, const std::string& text) {
  const auto ticket = parse_ticket(text);
  auto& context = arrival.context;
  if (ticket.secret.empty() || ticket.session.shard >= context.shared.hubs.size()) {
    return exchange.respond(http::Response(204));
  }
  std::optional<std::uint64_t> last_id;
  if (const auto* header = exchange.request().header("last-event-id");
      header != nullptr && !header->empty()) {
    std::uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(header->data(), header->data() + header->size(), value);
    if (error == std::errc{} && end == header->data() + header->size()) last_id = value;
  }
  entry::detach_when_gone(exchange, context, ticket.session, ticket.carrier, arrival.connection);
  entry::at_session(
      context, exchange.id().shard, ticket.session,
      [arrival, ticket, last_id](session::Hub& hub) {
        resume_ticket(arrival, hub, ticket, last_id);
      },
      [&replies = arrival.replies, to = arrival.to] { replies.abandon(to); });
}

}  // namespace

void handle(entry::Context& context, const Options& options, http::Exchange& exchange) {
  auto& in = exchange.request();
  Arrival arrival{context, options, exchange.replies(), exchange.id(), exchange.base_url()};
  if (in.method == http::Method::get) {
    if (const auto ticket = in.parameter("ticket"))
      return handle_ticket(arrival, exchange, *ticket);
  }
  auto read = in.method == http::Method::get ? entry::read_query(in) : entry::read_body(in);
  if (auto* refused = std::get_if<http::Response>(&read))
    return exchange.respond(std::move(*refused));
  handle_request(std::move(arrival), exchange, std::get<native::Request>(std::move(read)));
}

}  // namespace sigway::sse
