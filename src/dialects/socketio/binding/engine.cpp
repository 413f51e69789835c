#include "socketio_binding/engine.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/reserve.h"
#include "binding/reach.h"

namespace sigway::dialects::socketio {
namespace {

using session::End;

/// Of the engine's own packets that nobody fetches, beside the events.
constexpr std::size_t kMostQueued = 1024;
constexpr std::size_t kMostQueuedBytes = 4 * base::Flow::kQueue;
/// How often sessions hear of frames, each of which shows that the client is there.
constexpr base::Duration kHearAgain = std::chrono::milliseconds(100);

std::size_t cost_of(const Packet& packet) noexcept { return packet.bytes.size() + sizeof packet; }

std::size_t cost_of(const Query& query) noexcept {
  std::size_t bytes = 0;
  for (const auto& [name, value] : query) bytes += sizeof query[0] + name.size() + value.size();
  return bytes;
}

}  // namespace

Engine::Engine(Service& service, const EngineSeat& seat, const Traits& traits)
    : base::MemoryHolder(service.hub(seat.id.shard).runner().ledger()),
      service_(service),
      hub_(service.hub(seat.id.shard)),
      id_(seat.id),
      key_(seat.key),
      address_(seat.address),
      traits_(traits),
      application_(seat.application),
      query_(seat.query),
      asked_(*this, base::MemoryPart::input),
      queued_(*this, base::MemoryPart::output),
      polls_(*this),
      connect_by_(hub_.now() + service.options().connect_timeout),
      timer_(base::Timer::calling<&Engine::on_timer>(this)) {
  asked_.set(cost_of(query_));
}

Engine::~Engine() = default;

// -- Polls

void Engine::poll(http::Replies& replies, const http::ExchangeId& to, std::string stamp) {
  if (socket_) return replies.respond(to, misplaced());
  switch (polls_.arrive(replies, to, std::move(stamp))) {
    case Polls::Arrival::waits: break;
    case Polls::Arrival::copies: return;
    case Polls::Arrival::crowds: return replies.respond(polls_.replace_oldest(to), answer({}));
    case Polls::Arrival::repeats: await_poll(); return schedule();
    case Polls::Arrival::overlaps:
      replies.respond(to, overlap());
      return close(Leaving::lost, End::left);
  }
  gone_at_ = base::TimePoint::max();
  confirmed();
  heard(Sign::answer);
  polled();
  if (closed_) return;
  if (!queue_.empty() || hurries_polls()) {
    answer_polls();
  } else if (polls_.are_waiting()) {
    polls_.wait_until(now() + options().poll_hold);
  }
  update_flows(true);
  schedule();
}

http::Response Engine::take_queue() {
  // The capacity goes along.
  auto response = answer(std::exchange(queue_, {}));
  queued_.set(0);
  ask();
  await_poll();
  return response;
}

void Engine::answer_polls(bool from_session) {
  if (!polls_.are_waiting()) return;
  if (queue_.empty()) queue_.push_back(noop_packet());
  polls_.answer(take_queue());
  update_flows(!from_session);
  schedule();
}

void Engine::poll_gone(const http::ExchangeId& of) {
  if (!polls_.gone(of)) return;
  if (!socket_) gone_at_ = now() + options().repeat_time;
  schedule();
}

http::Response Engine::post(std::string body, std::string_view content_type) {
  heard();
  return take_payload(std::move(body), content_type);
}

// -- The WebSocket

void Engine::use_socket(std::uint64_t number, const websocket::Port& port) {
  socket_.emplace(Line{number, port});
  polls_.forget_answer();
  gone_at_ = base::TimePoint::max();
  flush(false);
}

void Engine::socket_pong() { heard(Sign::answer); }

/// A client that has had an answer polls again, as soon as it has read all of it.
void Engine::await_poll() { gone_at_ = now() + options().ping_interval + options().ping_timeout; }

void Engine::socket_drained() { update_flows(true); }

void Engine::socket_closed(std::uint64_t number, bool left) {
  if (is_socket(number)) close(left ? Leaving::left : Leaving::lost, End::left);
}

void Engine::write(const websocket::Port& port, Packet packet) {
  port.send(packet.is_binary ? Frame::Kind::binary : Frame::Kind::text, std::move(packet.bytes));
}

// -- The queue

void Engine::send(Packet packet) {
  if (closed_) return;
  if (queue_.size() >= kMostQueued || queued_.bytes() >= kMostQueuedBytes)
    return close(Leaving::lost, End::slow_consumer);
  queued_.add(cost_of(packet));
  queue_.push_back(std::move(packet));
  flush(false);
}

void Engine::flush(bool from_session) {
  if (queue_.empty()) return;
  if (!socket_) return answer_polls(from_session);
  auto packets = std::exchange(queue_, {});
  queued_.set(0);
  for (auto& packet : packets) write(socket_->port, std::move(packet));
  update_flows(!from_session);
  flushed();
}

std::size_t Engine::backlog() const {
  return queued_.bytes() + (socket_ ? socket_->port.unsent() : 0);
}

void Engine::update_flows(bool may_tell) {
  const auto waiting = backlog();
  // By index: what is called may remove one.
  for (std::size_t i = 0; i < spaces_.size(); ++i) {  // NOLINT(modernize-loop-convert)
    const auto* const space = spaces_[i].get();
    const bool may_call = may_tell || space->session.shard != id_.shard;
    if (waiting != 0 || !may_call) {
      space->flow->set_queued(waiting);
    } else if (space->flow->drained()) {
      binding::drained(service_.context(), id_.shard, space->session, space->carrier);
    }
  }
}

// -- From sessions

void Engine::events(std::uint64_t number, std::uint64_t first, std::span<const EncodedEvent> events,
                    std::size_t bytes) {
  auto* const space = find(number);
  if (closed_ || space == nullptr) return;
  const auto before = queue_.size();
  std::vector<std::string_view> attachments;
  for (std::size_t i = 0; i < events.size(); ++i) {
    for (const Frame* frame = events[i].get(); frame != nullptr;) {
      const auto* const text = frame;
      attachments.clear();
      for (frame = frame->more.get(); frame != nullptr && frame->kind == Frame::Kind::binary;
           frame = frame->more.get()) {
        attachments.push_back(frame->bytes);
      }
      if (const auto note = read_note(text->bytes)) {
        // In a later turn: what comes of it calls the session, which is writing.
        service_.post(id_.shard, id_, [number, carried = std::string(*note)](Engine& engine) {
          engine.noted(number, carried);
        });
        continue;
      }
      // Of an event in several packets the last one has its number: who was cut between them gets
      // all of them again.
      std::optional<std::uint64_t> offset;
      if (space->recoverable) offset = first + i - (frame == nullptr ? 0 : 1);
      append_event(queue_, *space, text->bytes, attachments, offset);
    }
  }
  space->written = first + events.size() - 1;
  for (auto i = before; i < queue_.size(); ++i) queued_.add(cost_of(queue_[i]));
  // Before the flush, which may find that nothing waits and tell a session that wants to hear it.
  space->flow->set_queued(backlog());
  space->flow->arrived(bytes);
  flush(true);
}

// -- Life and death

void Engine::heard(Sign sign) {
  const auto at = now();
  if (sign == Sign::any && at < hear_at_) return;
  hear_at_ = at + kHearAgain;
  for (std::size_t i = 0; i < spaces_.size(); ++i)  // NOLINT(modernize-loop-convert)
    binding::hear(service_.context(), id_.shard, spaces_[i]->session);
}

void Engine::count_noise() {
  if (!noise_.take(options().websocket.noise, 1, now())) close(Leaving::lost, End::rate_limited);
}

void Engine::ask() noexcept {
  for (const auto& space : spaces_) space->asked = space->written;
}

void Engine::confirmed() {
  for (std::size_t i = 0; i < spaces_.size(); ++i) {  // NOLINT(modernize-loop-convert)
    auto* const space = spaces_[i].get();
    if (!space->recoverable || space->asked <= space->acknowledged) continue;
    space->acknowledged = space->asked;
    binding::at_session(service_.context(), id_.shard, space->session,
                        [id = space->session, ack = space->asked](session::Hub& hub) {
                          auto* const session = hub.find(id.serial);
                          if (session == nullptr) return;
                          session::Inputs inputs;
                          inputs.ack = ack;
                          session->process(std::move(inputs));
                        });
  }
}

void Engine::schedule() {
  if (closed_) return;
  const auto next = std::min({connect_by_, polls_.wait_until(), gone_at_, deadline()});
  if (next == base::TimePoint::max()) return timer_.cancel();
  hub_.runner().wheel().schedule(timer_, next);
}

void Engine::on_timer() {
  const auto self = shared_from_this();
  const auto at = now();
  try {
    if (at >= connect_by_) return close(Leaving::lost, End::no_attach);
    if (at >= gone_at_) return close(Leaving::lost, End::left);
    if (at >= polls_.wait_until()) end_hold();
    if (!closed_ && at >= deadline()) on_deadline(at);
    schedule();
  } catch (const std::bad_alloc&) {
    cut();
  }
}

void Engine::close(Leaving leaving, End reason) {
  if (closed_) return;
  // The application has acted, and nobody will hear of it.
  if (reaction_ != nullptr && reaction_->receipt) leaving = Leaving::left;
  const auto self = shared_from_this();
  if (polls_.are_waiting()) {
    base::try_from_reserve([&] {
      queue_.push_back(close_packet());
      answer_polls(true);
    });
    polls_.abandon();
  }
  closed_ = true;
  timer_.cancel();
  base::try_from_reserve([&] { on_close(); });
  if (socket_) {
    base::try_from_reserve([&] {
      const auto& row = session::info(reason);
      socket_->port.close(row.close_code, row.name);
    });
  }
  while (!spaces_.empty()) {
    const auto number = spaces_.back()->number;
    if (!base::try_from_reserve([&] { remove(number, leaving); }) && !spaces_.empty() &&
        spaces_.back()->number == number) {
      spaces_.pop_back();
    }
  }
  queue_ = {};
  queued_.set(0);
  polls_.forget_answer();
  place_.reset();
  service_.forget(id_, key_);
}

void Engine::cut() noexcept {
  if (closed_) return;
  if (socket_) socket_->port.abort();
  socket_.reset();
  polls_.abandon();
  close(Leaving::lost, End::memory);
}

}  // namespace sigway::dialects::socketio
