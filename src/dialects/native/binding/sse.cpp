#include "native_binding/sse.h"

#include <charconv>
#include <memory>
#include <string>
#include <utility>

#include "native_binding/http_entry.h"
#include "native_binding/sse_sink.h"
#include "native_binding/ticket.h"
#include "session/key.h"
#include "sse/event_stream_format.h"

namespace sigway::dialects::native {
namespace {

using session::End;

constexpr int kPatience = 2;  // a client answers every heartbeat by an upload; two may be lost

/// What a person at a terminal types next.
void append_advice(std::string& out, const std::string& base_url, const Welcome& welcome) {
  const auto body = [&](const char* message) {
    return R"( curl -d '{"key":")" + welcome.key + "\"," + message + "}' ";
  };
  sse::append_comment(out, "You are peer " + welcome.peer +
                               ". To say something to the room, type in another terminal:");
  sse::append_comment(out, body(R"("type":"offer","data":{"sdp":"…"})") + base_url + "/v1/send");
  sse::append_comment(out, "To leave:");
  sse::append_comment(out, body(R"("type":"leave")") + base_url + "/v1/send");
}

std::string prelude(const SseOptions& options, const Welcome& welcome, const std::string& base_url,
                    std::size_t pad) {
  std::string out;
  sse::append_retry(
      out, static_cast<std::uint64_t>(
               std::chrono::duration_cast<std::chrono::milliseconds>(options.retry).count()));
  sse::append_comment(out, "sigway.v1 event stream");
  if (!welcome.key.empty()) append_advice(out, base_url, welcome);
  sse::append_control(out, welcome_control(welcome));
  sse::append_control(out, hello_control(1));
  if (pad != 0) out += sse::padding(pad);
  return out;
}

/// Everything about a request for a stream that outlives its handler.
struct Arrival {
  binding::Context& context;
  const SseOptions& options;
  http::Replies& replies;
  http::ExchangeId to;
  std::string base_url;
  std::uint64_t connection = binding::next_connection();
};

std::unique_ptr<session::StreamSink> begin(const Arrival& arrival, const session::Session& session,
                                           const Welcome& welcome, std::size_t pad) {
  auto stream = arrival.replies.begin_stream(arrival.to, sse::stream_head());
  stream->set_on_room(
      binding::tell_drained(arrival.context, arrival.to.shard, session.id(), welcome.carrier));
  stream->write(prelude(arrival.options, welcome, arrival.base_url, pad));
  return std::make_unique<SseSink>(std::move(stream), pad, session);
}

void answer(const Arrival& arrival, const binding::AttachResult& result) {
  if (const auto* error = std::get_if<Error>(&result)) {
    arrival.replies.respond(arrival.to, binding::refusal(*error));
  } else if (std::holds_alternative<End>(result)) {
    // HTML standard §9.2.3: 204 tells an EventSource not to come back.
    arrival.replies.respond(arrival.to, http::Response(204));
  }
}

std::unique_ptr<SseCarrier> make_carrier(const session::Hub& hub, const session::Session& session) {
  const auto& settings = hub.settings();
  const auto& traits = session.traits();
  return std::make_unique<SseCarrier>(
      session::StreamOptions{.heartbeat = settings.heartbeat,
                             // A terminal that shows a stream says nothing.
                             .patience = traits.acknowledges ? kPatience : 0,
                             // A session that cannot resume would end with its stream.
                             .max_age = traits.resumes ? settings.stream_max_age : base::Duration{},
                             .max_bytes = traits.resumes ? settings.stream_max_bytes : 0});
}

/// The carrier is attached, but its stream comes later, by the ticket that is answered now.
void give_ticket(const Arrival& arrival, session::Hub& hub, StreamAttach attach) {
  const auto name = carrier_name(attach.request);
  attach.make = [&hub](const session::Session& session) { return make_carrier(hub, session); };
  attach.accept = [](const Welcome&, const session::Session&) { return nullptr; };
  const auto result = attach_stream(arrival.context, hub, std::move(attach));
  const auto* attached = std::get_if<binding::Attached>(&result);
  if (attached == nullptr) return answer(arrival, result);
  if (attached->error)
    return arrival.replies.respond(arrival.to, binding::refusal(*attached->error));
  auto* const carrier = dynamic_cast<SseCarrier*>(attached->session->find_carrier(name));
  if (carrier == nullptr) return answer(arrival, Error{.code = ErrorCode::carrier_mismatch});
  if (carrier->ticket_secret.empty()) carrier->ticket_secret = session::make_token(16);
  const auto ticket = to_string({attached->session->id(), name, carrier->ticket_secret});
  arrival.replies.respond(arrival.to,
                          binding::answer(R"({"ticket":")" + ticket + R"(","up":)" +
                                          std::to_string(attached->session->up()) + "}"));
}

void stream(const Arrival& arrival, session::Hub& hub, StreamAttach attach) {
  const auto pad = attach.request.pad.value_or(0);
  attach.connection = arrival.connection;
  attach.make = [&hub](const session::Session& session) { return make_carrier(hub, session); };
  attach.accept = [&arrival, pad](const Welcome& welcome, const session::Session& session) {
    return begin(arrival, session, welcome, pad);
  };
  answer(arrival, attach_stream(arrival.context, hub, std::move(attach)));
}

void handle_request(Arrival arrival, http::Exchange& exchange, Request request) {
  auto& context = arrival.context;
  const auto here = exchange.id().shard;
  auto located = locate(context, request, address_for(request, exchange), here,
                        context.shared.hubs[here]->now());
  if (const auto* error = std::get_if<Error>(&located))
    return exchange.respond(binding::refusal(*error));
  auto where = std::get<Located>(std::move(located));
  const auto id = where.id;
  binding::detach_when_gone(exchange, context, id, arrival.connection);
  const auto failed = [&replies = arrival.replies, to = arrival.to] { replies.abandon(to); };
  binding::at_session(
      context, here, id,
      [arrival = std::move(arrival), where = std::move(where),
       request = std::move(request)](session::Hub& hub) mutable {
        const bool ticket = request.ticket;
        StreamAttach attach{std::move(where), std::move(request), 0, {}, {}};
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
    return arrival.replies.respond(arrival.to, binding::refusal(*error));
  }
  const auto start = std::get<std::uint64_t>(cursor);
  const auto heartbeat = hub.settings().heartbeat;
  if (session->turns_away())
    return arrival.replies.respond(arrival.to, binding::refusal(session->draining()));
  auto sink = begin(
      arrival, *session,
      welcome(arrival.context, *session, {}, *carrier, ticket.carrier, start + 1, heartbeat), 0);
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
  binding::detach_when_gone(exchange, context, ticket.session, arrival.connection);
  binding::at_session(
      context, exchange.id().shard, ticket.session,
      [arrival, ticket, last_id](session::Hub& hub) {
        resume_ticket(arrival, hub, ticket, last_id);
      },
      [&replies = arrival.replies, to = arrival.to] { replies.abandon(to); });
}

}  // namespace

void handle_sse(binding::Context& context, const SseOptions& options, http::Exchange& exchange) {
  auto& in = exchange.request();
  Arrival arrival{context, options, exchange.replies(), exchange.id(), exchange.base_url()};
  if (in.method == http::Method::get) {
    if (const auto ticket = in.parameter("ticket"))
      return handle_ticket(arrival, exchange, *ticket);
  }
  auto read = in.method == http::Method::get ? read_query(in) : read_body(in);
  if (auto* refused = std::get_if<http::Response>(&read))
    return exchange.respond(std::move(*refused));
  handle_request(std::move(arrival), exchange, std::get<Request>(std::move(read)));
}

}  // namespace sigway::dialects::native
