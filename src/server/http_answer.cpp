// The answering half of HttpConnection.
#include <ctime>

#include "net/shard.h"
#include "server/admission.h"
#include "server/http_connection.h"

namespace sigway::server {

namespace {

// What a page may make of an answer is not for its route to decide.
constexpr std::string_view kVary = "Vary: Origin\r\n";
constexpr std::string_view kCommonLinesWithVary =
    "Vary: Origin\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n";
constexpr std::string_view kCommonLines = kCommonLinesWithVary.substr(kVary.size());
static_assert(kCommonLinesWithVary.starts_with(kVary));
// A body that is copied behind its head, because that costs less than a part of its own.
constexpr std::size_t kShortBody = 256;

// Formatted once a second and thread.
std::string_view date_now() {
  thread_local std::time_t second = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != second) {
    second = now;
    text = http::http_date(now);
  }
  return text;
}

}  // namespace

// An answer whose body is made in slices. One slice at a time is read and queued: what an answer
// holds does not depend on the size of its body. It is counted for each of the connections that
// share a slice, like a broadcast, so each of them can be ended for what it holds.
struct HttpConnection::SlicedAnswer final : base::MemoryHolder {
  SlicedAnswer(net::Connection& of, http::Response&& what)
      : MemoryHolder(of.shard().ledger()),
        connection(of),
        response(std::move(what)),
        left(response.content_length()) {}
  void give_up_memory() override {
    slice.set(0);
    connection.abort(net::CloseReason::memory);
  }
  base::AddressKey memory_owner() const noexcept override { return connection.memory_owner(); }

  net::Connection& connection;
  http::Response response;
  std::size_t left;        // bytes of the body that have not been read
  bool has_begun = false;  // the head has been written
  base::MemoryShare slice{*this, base::MemoryPart::file};  // what is queued
};

HttpConnection::Pending::Pending() = default;
HttpConnection::Pending::~Pending() = default;

bool HttpConnection::is_current(std::uint32_t sequence, Phase phase) const {
  return sequence == sequence_ && phase_ == phase;
}

void HttpConnection::respond(std::uint32_t sequence, http::Response&& response) {
  if (!is_current(sequence, Phase::handling) && !is_current(sequence, Phase::waiting)) return;
  write_answer(std::move(response));
}

void HttpConnection::write_answer(http::Response&& response) {
  if (response.source() && http::sends_body(response.status(), pending_->is_head))
    return begin_slices(std::move(response));
  const bool keep_alive = may_keep_alive(response);
  const bool has_body =
      http::sends_body(response.status(), pending_->is_head) && !response.body().empty();
  const bool is_short = has_body && response.body().size() <= kShortBody;
  auto head = make_head(response, http::Framing::length, keep_alive, is_short ? kShortBody : 0);
  if (is_short) head += response.body().view();
  connection_.write(std::move(head));
  if (has_body && !is_short) connection_.write(response.take_body());
  finish_answer(keep_alive);
}

void HttpConnection::begin_slices(http::Response&& response) {
  pending_->sliced = std::make_unique<SlicedAnswer>(connection_, std::move(response));
  phase_ = Phase::sending;
  connection_.allow_pauses(true);
  queue_slice();
}

void HttpConnection::queue_slice() {
  net::Shard& shard = connection_.shard();
  shard.queue_disk_step([this_shard = &shard, id = connection_.id(), sequence = sequence_] {
    this_shard->run_for(id, [&](net::Connection& connection) {
      if (auto* self = dynamic_cast<HttpConnection*>(connection.handler()))
        self->send_slice(sequence);
    });
  });
}

void HttpConnection::send_slice(std::uint32_t sequence) {
  if (!is_current(sequence, Phase::sending)) return;
  SlicedAnswer& answer = *pending_->sliced;
  auto slice = answer.response.source()->next();
  if (!slice || slice->empty() || slice->size() > answer.left) {
    const bool has_begun = answer.has_begun;
    pending_->sliced.reset();
    if (!has_begun) {
      return write_answer(http::Response::error(500, "internal_error",
                                                "The server could not read this file.",
                                                "Try again; if it stays, tell the operator."));
    }
    // The body stays shorter than its Content-Length, which tells the client that it is broken.
    forget_pending();
    return close();
  }
  if (!answer.has_begun) {
    pending_->keep_alive = may_keep_alive(answer.response);
    write_head(answer.response, http::Framing::length, pending_->keep_alive);
    answer.has_begun = true;
  }
  answer.left -= slice->size();
  answer.slice.set(slice->size());
  connection_.write(std::move(*slice));
}

// Everything queued has gone: a slice, or what was queued before the first one.
void HttpConnection::slice_has_gone() {
  SlicedAnswer& answer = *pending_->sliced;
  if (answer.slice.bytes() == 0) return;
  answer.slice.set(0);
  if (answer.left > 0) return queue_slice();
  // While it ran, the server may have begun to drain.
  finish_answer(pending_->keep_alive && !server_.is_draining());
}

bool HttpConnection::may_keep_alive(const http::Response& response) const {
  return pending_->keep_alive && !response.closes() && !server_.is_draining() &&
         !(peer_finished_ && following_.empty());
}

void HttpConnection::write_head(http::Response& response, http::Framing framing, bool keep_alive) {
  connection_.write(make_head(response, framing, keep_alive, 0));
}

std::string HttpConnection::make_head(http::Response& response, http::Framing framing,
                                      bool keep_alive, std::size_t room) const {
  http::ReplyContext context;
  context.common_lines = kCommonLines;
  if (pending_) {
    for (const auto& [name, value] : pending_->headers) response.add(name, value);
    if (pending_->varies_by_origin) context.common_lines = kCommonLinesWithVary;
    context.version_minor = pending_->version_minor;
    context.is_head = pending_->is_head;
  }
  context.keep_alive = keep_alive;
  context.date = date_now();
  context.room = room;
  return http::serialize_head(response, context, framing);
}

void HttpConnection::finish_answer(bool keep_alive) {
  pending_.reset();
  if (!keep_alive) return close();
  go_idle();
  if (is_processing_) return;  // the loop in process() goes on by itself
  if (!following_.empty() || peer_finished_) continue_later();
}

void HttpConnection::go_idle() {
  phase_ = Phase::idle;
  connection_.set_idle(true);
  connection_.shard().schedule_in(timer_, server_.options().keep_alive);
}

void HttpConnection::close() {
  phase_ = Phase::over;
  timer_.cancel();
  incoming_.reset();
  following_ = {};
  connection_.hold_input(0);
  connection_.close_after_flush();
}

// A request that cannot be answered in the ordinary way: its end is not known, or not worth waiting
// for.
void HttpConnection::refuse(const http::Problem& problem) {
  http::Response response = http::Response::error(problem);
  if (problem.status == 405 && incoming_ && !incoming_->match.allowed.empty()) {
    response.set("Allow", allow_header(incoming_->match.allowed));
  }
  refuse_with(std::move(response));
}

void HttpConnection::refuse_with(http::Response response) {
  write_head(response, http::Framing::length, false);
  if (!pending_ || !pending_->is_head) connection_.write(response.take_body());
  pending_.reset();
  close();
}

std::optional<http::Response> HttpConnection::admission_refusal() const {
  if (admission_ == net::Admission::normal) return std::nullopt;
  if (admission_ == net::Admission::server_full)
    return overloaded(admission_problem(admission_).message);
  auto response = http::Response::error(admission_problem(admission_));
  response.set("Retry-After", kAdmissionRetryAfter);
  return response;
}

http::Response HttpConnection::overloaded(std::string message) {
  auto response =
      http::Response::error(503, "overloaded", std::move(message), "Try again in a few seconds.");
  response.set("Retry-After", kAdmissionRetryAfter);
  return response;
}

void HttpConnection::begin_stream(std::uint32_t sequence, http::Response head,
                                  const std::shared_ptr<StreamState>& state) {
  if (!is_current(sequence, Phase::handling) && !is_current(sequence, Phase::waiting)) {
    state->closed = true;
    return;
  }
  const bool keep_alive = may_keep_alive(head) && pending_->version_minor > 0;
  write_head(head, http::Framing::stream, keep_alive);
  if (!http::sends_body(head.status(), pending_->is_head)) {
    state->closed = true;
    finish_answer(keep_alive);
    return;
  }
  phase_ = Phase::streaming;
  pending_->keep_alive = keep_alive;
  pending_->stream = state;
  write_stream(sequence, head.body());
}

void HttpConnection::write_stream(std::uint32_t sequence, base::Bytes bytes) {
  // An empty chunk would end the body.
  if (!is_current(sequence, Phase::streaming) || bytes.empty()) return;
  if (pending_->version_minor > 0) {
    connection_.write(http::chunk_head(bytes.size()));
    connection_.write(std::move(bytes));
    connection_.write(base::Bytes::of_static(http::kChunkEnd));
  } else {
    connection_.write(std::move(bytes));
  }
  pending_->stream->queued.store(connection_.queued_bytes(), std::memory_order_relaxed);
}

void HttpConnection::end_stream(std::uint32_t sequence) {
  if (!is_current(sequence, Phase::streaming)) return;
  if (pending_->version_minor > 0) connection_.write(base::Bytes::of_static(http::kLastChunk));
  pending_->stream->closed.store(true, std::memory_order_relaxed);
  // While it ran, the server may have begun to drain.
  finish_answer(pending_->keep_alive && !server_.is_draining());
}

void HttpConnection::abort_stream(std::uint32_t sequence) {
  if (!is_current(sequence, Phase::streaming)) return;
  pending_->on_gone = nullptr;  // the writer knows
  connection_.abort();
}

void HttpConnection::upgrade(std::uint32_t sequence, http::Response head,
                             std::unique_ptr<net::ConnectionHandler> next) {
  if (!is_current(sequence, Phase::handling)) return;
  write_head(head, http::Framing::none, true);
  pending_.reset();
  phase_ = Phase::over;
  connection_.hold_input(0);
  connection_.replace_handler(std::move(next), std::exchange(following_, {}));
}

void HttpConnection::set_on_gone(std::uint32_t sequence, std::function<void()> callback) {
  if (sequence != sequence_ || !is_answering()) return;
  pending_->on_gone = std::move(callback);
}

// The client is gone, or as good as gone: says so to whoever was answering.
void HttpConnection::forget_pending() {
  const std::unique_ptr<Pending> pending = std::move(pending_);
  if (!pending) return;
  phase_ = Phase::over;
  if (pending->stream) pending->stream->closed.store(true, std::memory_order_relaxed);
  if (pending->on_gone) pending->on_gone();
}

}  // namespace sigway::server
