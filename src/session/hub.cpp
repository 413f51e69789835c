#include "session/hub.h"

#include <algorithm>
#include <new>
#include <utility>

namespace sigway::session {
namespace {

constexpr base::Duration kDrainStep = std::chrono::milliseconds(20);
constexpr std::size_t kKeptCapacity = 1024;  // of the list of those that have something to write

/// Runs `step`, which is not the session's own request and so has nobody else to end for it.
template <typename Step>
void or_give_up(Session& session, Step step) noexcept {
  try {
    step();
  } catch (const std::bad_alloc&) {
    session.give_up();
  }
}

}  // namespace

dialects::Error too_many_joins() {
  return {.code = dialects::ErrorCode::rate_limited,
          .message = "Your address joins rooms, or changes names in them, too often.",
          .hint = "Try again in a few seconds. --join-rate sets the limit; 0 switches it off."};
}

dialects::Error too_often_in_room() {
  return {.code = dialects::ErrorCode::rate_limited,
          .message = "Your address joins this room, or changes names in it, too often.",
          .hint = "Try again in a few seconds."};
}

Hub::Hub(base::ShardIndex shard, Shared& shared, Runner& runner)
    : shard_(shard),
      shared_(shared),
      runner_(runner),
      drain_timer_(base::Timer::calling<&Hub::drain_next>(this)) {
  if (shared_.hubs.size() <= shard) shared_.hubs.resize(shard + 1);
  shared_.hubs[shard] = this;
}

Hub::~Hub() = default;

std::variant<Session*, dialects::Error> Hub::open(SessionId id, OpenContents contents) {
  if (auto* session = find_exactly(id.serial)) {
    if (contents.counted) session->counted_for(contents.address);
    if (!session->contents().agrees_with(contents))
      return dialects::Error{.code = dialects::ErrorCode::open_mismatch};
    return session;
  }
  // What has been on its way since before a drain began comes too late.
  if (!draining_ && shared_.directory.is_live(contents.key, id))
    return make(id, std::move(contents));
  // A session made instead is counted anew. If that throws, the request gives its own count back.
  auto opened = contents.traits->reuses_key
                    ? open_again(id.serial, contents)
                    : gone(shared_.directory.find(contents.key, now()).reason);
  if (contents.counted) shared_.addresses.subtract(contents.address);
  if (draining_) return dialects::Error{.code = dialects::ErrorCode::draining};
  return opened;
}

// The request was on its way here when the session ended.
std::variant<Session*, dialects::Error> Hub::open_again(std::uint64_t ended,
                                                        OpenContents contents) {
  using dialects::Error;
  using dialects::ErrorCode;
  if (draining_) return Error{.code = ErrorCode::draining};
  auto& directory = shared_.directory;
  if (directory.find(contents.key, now()).state == Directory::State::unknown) {
    if (shared_.memory.exceeded()) return Error{.code = ErrorCode::overloaded};
    if (!contents.room.empty()) {
      if (auto error = shared_.take_join(contents.room, contents.series, contents.address, now()))
        return *std::move(error);
    }
  }
  const auto found = directory.find_or_insert(contents.key, shard_, now());
  // Another request has opened it on another shard, which this connection cannot reach.
  if (found.id.shard != shard_) return gone(End::left);
  if (auto* const session = find_exactly(found.id.serial)) {
    if (!session->contents().agrees_with(contents)) return Error{.code = ErrorCode::open_mismatch};
    successors_.add(ended, found.id.serial);
    return session;
  }
  contents.counted = found.inserted && shared_.addresses.try_add(contents.address);
  if (found.inserted && !contents.counted) {
    directory.forget_unmade(contents.key, found.id);
    return Error{.code = ErrorCode::too_many_sessions};
  }
  try {
    successors_.add(ended, found.id.serial);  // before the session, which may end at once
    return make(found.id, contents);
  } catch (const std::bad_alloc&) {
    successors_.forget(found.id.serial);
    if (contents.counted) shared_.addresses.subtract(contents.address);
    directory.forget_unmade(contents.key, found.id);
    throw;
  }
}

Session* Hub::make(SessionId id, OpenContents contents) {
  const auto replaced =
      contents.replaces ? shared_.directory.find(contents.replaces, now()).id : SessionId{};
  auto session = std::make_unique<Session>(*this, id, std::move(contents));
  auto* const made = session.get();
  sessions_.emplace(id.serial, std::move(session));
  shared_.directory.set_made(made->contents().key, id);
  or_give_up(*made, [&] { made->begin(replaced); });
  return made;
}

Session* Hub::find_exactly(std::uint64_t serial) noexcept {
  const auto entry = sessions_.find(serial);
  return entry == sessions_.end() ? nullptr : entry->second.get();
}

Session* Hub::find(std::uint64_t serial) noexcept {
  if (auto* const session = find_exactly(serial)) return session;
  const auto successor = successors_.of(serial);
  return successor == 0 ? nullptr : find_exactly(successor);
}

SendStatus Hub::deliver(std::uint64_t serial, const dialects::EncodedEvent& event, Origin origin,
                        const std::shared_ptr<const Postmark>& postmark, const Spoken& spoken) {
  auto* session = find_exactly(serial);
  return session == nullptr ? SendStatus::absent
                            : session->deliver(event, origin, postmark, spoken);
}

UnreadMail Hub::take_unread(std::uint64_t serial, const std::string& name) {
  auto* session = find_exactly(serial);
  return session == nullptr ? UnreadMail() : session->take_unread(name);
}

void Hub::refuse(std::uint64_t serial, dialects::Re re, dialects::Error error) {
  if (auto* session = find_exactly(serial))
    or_give_up(*session, [&] { session->refuse(re, std::move(error)); });
}

void Hub::settle(SessionId id, const Settlement& settlement) {
  if (auto* session = find_exactly(id.serial)) {
    or_give_up(*session, [&] { session->settle(settlement); });
  } else if (settlement.kind == Settlement::Kind::joined) {
    // The session knew the series alone, not in which of its rooms it was.
    base::try_from_reserve([&] { switchboard().leave(id, settlement.subject, "closed", {}); });
  }
}

void Hub::go_on(std::uint64_t serial) {
  if (auto* session = find_exactly(serial)) or_give_up(*session, [&] { session->go_on(); });
}

void Hub::probe(std::uint64_t serial, Probe how, std::function<void(bool)> answer) {
  if (auto* session = find_exactly(serial)) {
    session->probe(how, std::move(answer));
  } else {
    answer(false);
  }
}

void Hub::report_unread(const Speaker& speaker) noexcept {
  for (const auto& [serial, session] : sessions_) session->report_unread(speaker);
}

void Hub::end(std::uint64_t serial, End reason) {
  if (auto* session = find_exactly(serial)) session->end(reason);
}

void Hub::give_up(std::uint64_t serial) noexcept {
  if (auto* session = find_exactly(serial)) session->give_up();
}

void Hub::touch(Session& session) noexcept {
  if (session.marked_dirty()) return;
  session.mark_dirty(true);
  try {
    dirty_.push_back(session.id().serial);
  } catch (const std::bad_alloc&) {
    is_dirty_beyond_ = true;
  }
  runner_.request_flush();
}

Session* Hub::find_dirty() noexcept {
  const auto entry = std::find_if(sessions_.begin(), sessions_.end(),
                                  [](const auto& each) { return each.second->marked_dirty(); });
  return entry == sessions_.end() ? nullptr : entry->second.get();
}

void Hub::bury(Session& session) noexcept {
  const auto entry = sessions_.find(session.id().serial);
  entry->second->keep_buried(std::move(buried_));
  buried_ = std::move(entry->second);
  successors_.forget(session.id().serial);
  sessions_.erase(entry);
  runner_.request_flush();
}

void Hub::pump(std::uint64_t serial) {
  auto* const session = find_exactly(serial);
  if (session == nullptr) return;
  session->mark_dirty(false);
  try {
    session->pump();
  } catch (const std::bad_alloc&) {
    // This session ends; the sessions behind it in the list are still written.
    session->end(End::memory);
  }
}

void Hub::flush() {
  // Writing can end a session, and an end can make others dirty: until nothing is left.
  std::size_t next = 0;
  while (next < dirty_.size()) pump(dirty_[next++]);  // the list grows meanwhile
  dirty_.clear();
  if (dirty_.capacity() > kKeptCapacity) dirty_ = {};
  if (std::exchange(is_dirty_beyond_, false)) {
    // Slow, and rare.
    while (auto* session = find_dirty()) pump(session->id().serial);
    dirty_.clear();
  }
  // One by one: the list may be long.
  while (buried_) buried_ = buried_->take_buried();
}

void Hub::drain(base::Duration spread) {
  if (std::exchange(draining_, true)) return;
  drain_from_ = now();
  drain_spread_ = spread;
  // By room, so that all shards come to its members at about the same time.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> sorted;
  for (const auto& [serial, session] : sessions_) {
    if (session->drained()) continue;  // with its room, which another shard began with
    const auto& rooms = session->rooms();
    sorted.emplace_back(base::keyed_hash(rooms.empty() ? session->peer() : rooms.front()), serial);
    session->server_drains();
  }
  untold_.store(sorted.size(), std::memory_order_release);
  std::sort(sorted.begin(), sorted.end());
  to_drain_.clear();
  for (const auto& [place, serial] : sorted) to_drain_.push_back(serial);
  drain_total_ = to_drain_.size();
  for (const auto& told : when_draining_) told();
  drain_next();
}

void Hub::drain_next() {
  const auto passed = now() - drain_from_;
  auto left = std::size_t{0};  // of those, how many must not have been told yet
  if (passed < drain_spread_) {
    const auto share = std::chrono::duration<double>(passed) / drain_spread_;
    left = static_cast<std::size_t>(static_cast<double>(drain_total_) * (1 - share));
  }
  while (to_drain_.size() > left) {
    if (auto* session = find_exactly(to_drain_.back()))
      or_give_up(*session, [&] { session->drain(drain_patience(), kDrainRetry); });
    to_drain_.pop_back();
  }
  if (!to_drain_.empty()) runner_.wheel().schedule(drain_timer_, now() + kDrainStep);
}

}  // namespace sigway::session
