#include "socketio_binding/polls.h"

#include <cstddef>
#include <utility>

namespace sigway::dialects::socketio {
namespace {

constexpr std::size_t kMostCopies = 4;
/// Bytes of a stamp that is kept.
constexpr std::size_t kMostStamp = 64;

}  // namespace

Polls::Arrival Polls::arrive(http::Replies& replies, const http::ExchangeId& to,
                             std::string stamp) {
  replies_ = &replies;
  // On a connection that has had the answer it is another one, which has the same stamp by chance.
  const bool is_copy = !stamp.empty() && stamp == stamp_ && !is_answered_on(to);
  if (!waiting_.empty()) {
    if (!is_copy) return Arrival::overlaps;
    if (waiting_.size() == kMostCopies) return Arrival::crowds;
    waiting_.push_back(to);
    return Arrival::copies;
  }
  if (is_copy && last_) {
    replies.respond(to, *last_);
    return Arrival::repeats;
  }
  // A client polls again when it has the answer.
  forget_answer();
  stamp_ = stamp.size() <= kMostStamp ? std::move(stamp) : std::string();
  waiting_.push_back(to);
  return Arrival::waits;
}

http::ExchangeId Polls::replace_oldest(const http::ExchangeId& by) {
  const auto oldest = waiting_.front();
  waiting_.erase(waiting_.begin());
  waiting_.push_back(by);
  return oldest;
}

void Polls::answer(http::Response response) {
  until_ = base::TimePoint::max();
  if (waiting_.empty()) return;
  last_ = std::move(response);
  last_bytes_.set(last_->body().size());
  answered_ = waiting_.front();
  for (const auto& to : std::exchange(waiting_, {})) replies_->respond(to, *last_);
}

void Polls::forget_answer() noexcept {
  last_.reset();
  last_bytes_.set(0);
}

bool Polls::gone(const http::ExchangeId& of) noexcept {
  if (std::erase(waiting_, of) == 0 || !waiting_.empty()) return false;
  until_ = base::TimePoint::max();
  return true;
}

void Polls::abandon() noexcept {
  until_ = base::TimePoint::max();
  for (const auto& to : std::exchange(waiting_, {})) replies_->abandon(to);
}

bool Polls::is_answered_on(const http::ExchangeId& to) const noexcept {
  return answered_.connection == to.connection && answered_.shard == to.shard;
}

}  // namespace sigway::dialects::socketio
