// The reading half: from bytes to a request handed to its route. Answers are in http_answer.cpp.
#include "server/http_connection.h"

#include <algorithm>
#include <exception>
#include <new>

#include "net/shard.h"
#include "server/http_exchange.h"
#include "server/static_pages.h"

namespace sigway::server {

namespace {

constexpr base::Duration kRefusalTimeout = std::chrono::seconds(3);

}  // namespace

HttpConnection::HttpConnection(HttpServer& server, net::Connection& connection,
                               net::Admission admission)
    : server_(server), connection_(connection), admission_(admission) {}

HttpConnection::~HttpConnection() = default;

Caller HttpConnection::caller() const {
  return {connection_.peer(), connection_.is_tls(), connection_.port().local.is_loopback()};
}

base::DigestMemo& HttpConnection::digest_memo() {
  if (!digest_memo_) digest_memo_ = std::make_unique<base::DigestMemo>();
  return *digest_memo_;
}

bool HttpConnection::is_answering() const {
  return phase_ == Phase::handling || phase_ == Phase::waiting || phase_ == Phase::sending ||
         phase_ == Phase::streaming;
}

// Not idle yet, and so not to be reclaimed: for a while its first request counts as on the way.
void HttpConnection::on_attached(net::Connection&) {
  connection_.shard().schedule_in(timer_, head_timeout());
}

// A refused connection still occupies a slot that another client needs to receive its own refusal.
base::Duration HttpConnection::head_timeout() const {
  const base::Duration longest = server_.options().head_timeout;
  return admission_ == net::Admission::normal ? longest : std::min(longest, kRefusalTimeout);
}

void HttpConnection::on_stop(net::Connection&) {
  if (phase_ == Phase::idle && following_.empty() && !connection_.has_unread_input()) close();
}

void HttpConnection::on_data(net::Connection&, std::span<std::uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  // While a request is in flight, and for the rest of the turn in which its answer came from
  // elsewhere, what follows waits in order.
  if (is_answering() || !following_.empty()) {
    keep_following(text);
  } else {
    process(text);
  }
  count_held();
  close_if_finished();
}

// The client has finished sending, and everything that it sent has been answered.
void HttpConnection::close_if_finished() {
  if (peer_finished_ && phase_ != Phase::over && !is_answering() && following_.empty() &&
      !connection_.has_left_unread()) {
    close();
  }
}

void HttpConnection::count_held() {
  connection_.hold_input(following_.size() + (incoming_ ? incoming_->parser.held_bytes() : 0));
}

void HttpConnection::keep_following(std::string_view bytes) {
  following_ += bytes;
  if (following_.size() > server_.options().max_pipelined) connection_.pause_reading();
}

void HttpConnection::process(std::string_view bytes) {
  is_processing_ = true;
  std::string owned;  // keeps alive what `bytes` points to once a handler has been called
  while (!bytes.empty() && phase_ != Phase::over && !is_answering()) {
    // Not for each request only: one body may be thousands of chunks, of which a call takes some.
    if (!connection_.take_share()) {
      const auto* rest = reinterpret_cast<const std::uint8_t*>(bytes.data());
      connection_.leave_unread({rest, bytes.size()});
      break;
    }
    if (!read_request(bytes)) continue;
    following_ = bytes;  // if the route upgrades the connection, they go along
    handle_request();
    owned = std::exchange(following_, {});
    bytes = owned;
  }
  is_processing_ = false;
  if (is_answering()) keep_following(bytes);
  time_request();
}

// The rest of a request must come in time. One that has come whole never has a timeout running.
void HttpConnection::time_request() {
  if (is_timed_ || (phase_ != Phase::head && phase_ != Phase::body)) return;
  connection_.shard().schedule_in(
      timer_, phase_ == Phase::head ? head_timeout() : server_.options().body_timeout);
  is_timed_ = true;
}

void HttpConnection::begin_request() {
  incoming_ = std::make_unique<Incoming>(server_.options().limits);
  phase_ = Phase::head;
  is_timed_ = false;
  connection_.set_idle(false);
}

// True when the request is complete. Takes what belongs to it off `bytes`.
bool HttpConnection::read_request(std::string_view& bytes) {
  using State = http::RequestParser::State;
  if (!incoming_) begin_request();
  http::RequestParser& parser = incoming_->parser;
  auto result = parser.feed(bytes);
  bytes.remove_prefix(result.consumed);
  if (result.state == State::head_complete) {
    if (!accept_head()) return false;
    result = parser.feed(bytes);
    bytes.remove_prefix(result.consumed);
    // RFC 9110 section 10.1.1: not needed when the body has begun to come.
    if (result.state == State::need_more && result.consumed == 0 &&
        parser.request().expects_continue) {
      connection_.write(base::Bytes::of_static("HTTP/1.1 100 Continue\r\n\r\n"));
    }
  }
  if (result.state == State::error) {
    refuse(parser.problem());
    return false;
  }
  return result.state == State::complete;
}

// Everything that can be decided without the body, and before anything has an effect. False when
// the request was refused and the connection is closing.
bool HttpConnection::accept_head() {
  http::RequestParser& parser = incoming_->parser;
  const http::Request& request = parser.request();
  pending_ = std::make_unique<Pending>();
  pending_->version_minor = request.version_minor;
  pending_->is_head = request.method == http::Method::head;
  pending_->keep_alive = request.keep_alive;
  if (connection_.is_shared()) {
    const auto client = server_.policy().client_of(request, caller()).address;
    const bool is_proxy = client == connection_.peer().ip();
    connection_.set_client(is_proxy ? base::AddressKey{} : base::AddressKey::parse(client));
  }
  if (auto refusal = admission_refusal()) {
    refuse_with(std::move(*refusal));
    return false;
  }
  incoming_->match = server_.router().match(request, connection_.port().label);
  const Router::Match& match = incoming_->match;
  auto decision = server_.policy().decide(request, caller(), match.access);
  incoming_->refusal = std::move(decision.refusal);
  pending_->varies_by_origin = decision.varies_by_origin;
  pending_->headers = std::move(decision.headers);
  if (incoming_->refusal && server_.options().when_refused) {
    server_.options().when_refused(*incoming_->refusal,
                                   server_.policy().client_of(request, caller()).address,
                                   connection_.shard().now());
  }

  const bool has_body = parser.has_body();
  const std::optional<http::Problem>& refusal =
      incoming_->refusal ? incoming_->refusal : match.refusal;
  if (has_body && refusal) {
    // The body is not waited for: it might be long, and nothing will be done with it.
    refuse(*refusal);
    return false;
  }
  if (match.route && match.route->options.max_body) {
    parser.set_max_body(*match.route->options.max_body);
  }
  if (has_body) {
    constexpr std::uint64_t kSmallBody = 16 * 1024;  // acknowledgements, which free memory
    if (connection_.shard().ledger().budget().exceeded()) {
      if (parser.announced_length().value_or(0) > kSmallBody) {
        refuse_with(overloaded("The server is short of memory."));
        return false;
      }
      parser.set_max_body(kSmallBody);  // of a body in chunks the length is not known yet
    }
    phase_ = Phase::body;
    is_timed_ = false;
    body_mark_ = 0;
  }
  return true;
}

// Bodies may come slowly, for lines are slow, but they must come.
bool HttpConnection::body_moves() {
  const std::size_t received = incoming_->parser.request().body.size();
  if (net::is_too_slow(received - body_mark_, server_.options().body_timeout)) return false;
  body_mark_ = received;
  connection_.shard().schedule_in(timer_, server_.options().body_timeout);
  return true;
}

void HttpConnection::handle_request() {
  // Freed at the end of this call: a parked request keeps no head and no body.
  const auto incoming = std::move(incoming_);
  timer_.cancel();
  phase_ = Phase::handling;
  ++sequence_;
  answer_request(*incoming);
  if (phase_ == Phase::handling) phase_ = Phase::waiting;
}

void HttpConnection::answer_request(Incoming& incoming) {
  http::Request& request = incoming.parser.request();
  connection_.allow_pauses(false);  // a download of before is over; few answers are one
  const Router::Match& match = incoming.match;
  if (incoming.refusal) return write_answer(http::Response::error(*incoming.refusal));
  if (match.route) return call_route(*match.route, request);
  if (request.method == http::Method::options && !match.allowed.empty()) {
    return write_answer(server_.policy().answer_options(request, pending_->headers, match.allowed));
  }
  if (match.pages) return write_answer(match.pages->serve(request));
  http::Response response = http::Response::error(match.refusal.value_or(http::Problem{
      404, "unknown_route", "There is nothing here.", "See the documentation for the routes."}));
  if (!match.allowed.empty()) response.set("Allow", allow_header(match.allowed));
  write_answer(std::move(response));
}

void HttpConnection::call_route(const Router::Route& route, http::Request& request) {
  HttpExchange exchange(*this, sequence_, request);
  try {
    route.handler(exchange);
  } catch (const std::bad_alloc&) {
    throw;  // ends the connection
  } catch (const std::exception&) {
    // What a route could not foresee must not take the other connections of the shard down.
    if (phase_ == Phase::streaming) return connection_.abort();
    respond(sequence_, http::Response::error(500, "internal_error", "The server failed at this.",
                                             "Try again; if it stays, tell the operator."));
  }
}

// After an answer that came from elsewhere. Not at once: whoever answered is in the middle of
// something and does not expect the next request's route to run inside it.
void HttpConnection::continue_later() {
  connection_.shard().at_end_of_turn([&shard = connection_.shard(), id = connection_.id()] {
    shard.run_for(id, [](net::Connection& connection) {
      if (auto* self = dynamic_cast<HttpConnection*>(connection.handler())) self->continue_now();
    });
  });
}

void HttpConnection::continue_now() {
  if (phase_ != Phase::idle) return;
  const std::string bytes = std::exchange(following_, {});
  process(bytes);
  if (following_.size() <= server_.options().max_pipelined) connection_.resume_reading();
  count_held();
  close_if_finished();
}

void HttpConnection::on_eof(net::Connection&) {
  peer_finished_ = true;
  if (phase_ == Phase::over) return;
  if (!is_answering()) {
    // Pipelined requests that wait for the end of the turn, or for the next, are still answered.
    close_if_finished();
    return;
  }
  // Half-closing after a request is legal, but whoever waits for long must hear that nobody
  // listens: so a request that asked for on_gone, or a stream, ends here; a short one gets its
  // answer.
  if (phase_ == Phase::sending || (phase_ == Phase::waiting && !pending_->on_gone)) return;
  forget_pending();
  close();
}

void HttpConnection::on_drained(net::Connection&) {
  if (phase_ == Phase::sending) return slice_has_gone();
  if (phase_ != Phase::streaming) return;
  StreamState& stream = *pending_->stream;
  stream.queued.store(0);
  if (stream.starved.exchange(false)) stream.on_room();
}

void HttpConnection::on_closed(net::Connection&, net::CloseReason) {
  phase_ = Phase::over;
  timer_.cancel();
  forget_pending();
}

void HttpConnection::on_timer() {
  // A timer runs in nobody's name. Without memory for the answer the connection must still end.
  connection_.shard().run_for(connection_.id(), [this](net::Connection&) { on_timeout(); });
}

void HttpConnection::on_timeout() {
  if (auto refusal = admission_refusal()) return refuse_with(std::move(*refusal));
  switch (phase_) {
    case Phase::idle: return connection_.is_idle() ? close() : go_idle();
    case Phase::head:
      return refuse({408, "slow_request", "The request's head took too long.",
                     "Send it at once, or ask for a longer --head-timeout."});
    case Phase::body:
      if (body_moves()) return;
      return refuse({408, "slow_request", "The request's body took too long.",
                     "Send it faster, or ask for a longer --body-timeout."});
    default: return;
  }
}

}  // namespace sigway::server
