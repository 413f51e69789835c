#include "client/connection.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "client/pieces.h"

namespace sigway::client {
namespace {

constexpr Duration kQuickLoss{1000};  // who dies sooner than that is followed after a longer pause
constexpr Duration kLeaving{1500};
constexpr Duration kStable{10'000};
constexpr Duration kPulse{5000};  // how often it looks whether the machine has slept
constexpr Duration kSlept{8000};
constexpr int kTriesInPlace = 4;  // at the least, while the server keeps our place

// The `open` of a new session: the first room and the name at once, so that one answer brings both.
std::string opening(const std::string& room, unsigned capacity, const std::string& name) {
  Json open = Json::object();
  if (!room.empty()) open["room"] = room;
  if (!room.empty() && capacity != 0) open["capacity"] = capacity;
  if (!name.empty()) open["name"] = name;
  return dump(open);
}

std::string join_fields(const std::string& room, unsigned capacity) {
  auto fields = R"("type":"join","room":)" + json_string(room);
  if (capacity != 0) fields += R"(,"capacity":)" + std::to_string(capacity);
  return fields;
}

}  // namespace

Connection::Connection(Scheduler& scheduler, Network& network, ConnectionListener& listener,
                       ConnectionOptions options)
    : scheduler_(scheduler),
      network_(network),
      listener_(listener),
      options_(std::move(options)),
      profile_(scheduler,
               {.journal = [this](std::string_view line) { journal(line); },
                .keep = [this](const std::string& what) { listener_.on_learned(what); }}),
      race_(scheduler, options_.random, profile_, *this, options_.transport),
      name_(options_.name),
      connect_(scheduler),
      pulse_(scheduler),
      renewal_(scheduler),
      closing_timer_(scheduler),
      bury_(scheduler) {
  if (!options_.room.empty()) rooms_[options_.room] = {options_.capacity, true};
}

void Connection::start() {
  started_ = true;
  profile_.recall(options_.remembered);
  new_session();
  connect();
  pulse();
}

std::size_t Connection::pending() const {
  return backlog_.size() + (session_ ? session_->uplink().pending() : 0);
}

std::size_t Connection::pending_bytes() const {
  auto bytes = session_ ? session_->uplink().bytes() : 0;
  for (const auto& message : backlog_) bytes += message.fields.size();
  return bytes;
}

void Connection::say(Message message) {
  if (closing_) return;
  if (session_) {
    session_->uplink().push(message);
  } else {
    backlog_.push_back(std::move(message));
  }
}

void Connection::join(std::uint64_t id, const std::string& room, unsigned capacity) {
  if (closing_) return;
  rooms_.try_emplace(room, Place{capacity, false});
  joining_.emplace(id, room);
  say({id, join_fields(room, capacity)});
}

void Connection::leave(std::uint64_t id, const std::string& room) {
  rooms_.erase(room);
  say({id, R"("type":"leave","room":)" + json_string(room)});
}

void Connection::close(ClientEnd end) {
  if (closing_) return;
  end_ = std::move(end);
  say({0, R"("type":"leave")"});
  closing_ = true;
  if (!session_) {
    leave();
  } else if (session_->way() || !session_->welcomed()) {
    closing_timer_.set(kLeaving, [this] { leave_alone(); });
  } else {
    leave_alone();
  }
}

// Nothing carries it: it goes by itself, once, and the server's patience does the rest.
void Connection::leave_alone() {
  closing_timer_.set(kLeaving, [this] { leave(); });
  session_->upload(R"("messages":[{"type":"leave"}])", kLeaving,
                   [this](const HttpAnswer&) { leave(); });
}

void Connection::leave() { finish(end_); }

// --- Connecting ---------------------------------------------------------------------------------

void Connection::connect_after(Duration pause) {
  connect_.set(pause, [this] { connect(); });
}

void Connection::connect() {
  if (state_ == ClientState::closed || !session_) return;
  race_.begin();
}

void Connection::pulse() {
  beat_ = scheduler_.now() + kPulse;
  pulse_.set(kPulse, [this] {
    const auto late = std::chrono::duration_cast<Duration>(scheduler_.now() - beat_);
    profile_.relax();
    pulse();
    if (late >= kSlept) woke(late);
  });
}

// What was connected may not be any more: networks forget a connection within a minute or so.
void Connection::woke(Duration slept) {
  journal("slept for " + std::to_string(slept.count() / 1000) + " s");
  network_.forget_idle();
  if (connect_.is_set()) connect_after(Duration(0));
  if (auto* const active = session_ ? session_->active() : nullptr) active->check();
  if (session_) session_->hurry();
  race_.look_again();
}

void Connection::start_attempt(Transport transport, bool take_over) {
  const auto name = std::string(to_string(transport)).substr(0, 1) + std::to_string(++carriers_);
  auto& carrier = session_->start(transport, name, take_over);
  if (!carrier.done()) attempt(transport) = &carrier;
}

std::optional<Duration> Connection::silence(Transport transport) const {
  const auto* const carrier = attempts_[static_cast<std::size_t>(transport) - 1];
  if (carrier == nullptr || carrier->silence() >= carrier->age()) return std::nullopt;
  return carrier->silence();
}

bool Connection::opened(Transport transport) const {
  const auto* const carrier = attempts_[static_cast<std::size_t>(transport) - 1];
  return carrier != nullptr && carrier->streams();
}

bool Connection::stranded(Transport transport) const {
  const auto* const carrier = attempts_[static_cast<std::size_t>(transport) - 1];
  return carrier != nullptr && carrier->stranded();
}

void Connection::activate_attempt(Transport transport) {
  if (auto* const carrier = attempt(transport)) session_->activate(*carrier);
}

void Connection::drop_attempt(Transport transport) {
  if (auto* const carrier = std::exchange(attempt(transport), nullptr)) session_->discard(*carrier);
  if (is_between_ && !has_attempt() && state_ == ClientState::open)
    lost(nullptr, {.code = "moved", .message = "the carrier that was to take over did not"});
}

void Connection::renewal_failed(Duration retry) {
  const auto pause = std::max(retry, backoff(options_.random, renewals_++));
  renewal_.set(pause, [this] { race_.renew(); });
}

void Connection::exhausted(const Failure& failure) {
  trouble_ = failure.message;
  if (ever_open_) set_state(ClientState::reconnecting);
  const auto pause = std::max(
      failure.retry, backoff(options_.random, failures_++, Duration(500), longest_pause()));
  journal("nothing gets through (" + failure.message + "): tries again in " +
          std::to_string(pause.count()) + " ms");
  connect_after(pause);
}

Duration Connection::longest_pause() const {
  const auto kept = session_ ? session_->resume() : Duration(0);
  return scheduler_.now() - lost_at_ < kept ? kept / kTriesInPlace : Duration::max();
}

void Connection::on_attached(Carrier& carrier) {
  if (attempt(carrier.transport) == &carrier && carrier.turn() == 0)
    race_.attached(carrier.transport);
}

void Connection::on_proved(Carrier& carrier) {
  if (attempt(carrier.transport) == &carrier && carrier.turn() == 0)
    race_.proved(carrier.transport);
}

void Connection::on_activated(Carrier& carrier) {
  if (attempt(carrier.transport) == &carrier) attempt(carrier.transport) = nullptr;
  connect_.stop();
  is_between_ = false;
  failures_ = renewals_ = 0;
  ever_open_ = true;
  const auto before = std::exchange(transport_, carrier.transport);
  if (before != transport_) {
    journal("events come by " + std::string(to_string(transport_)) + " now; a round trip takes " +
            std::to_string(round_trip().count()) + " ms");
    listener_.on_transport(transport_);
  }
  race_.activated(carrier.transport);
  set_state(ClientState::open);
  renewal_.stop();
  if (const auto age = profile_.cadence().renewal(carrier.transport)) {
    const auto left = std::max(Duration(1000), *age - carrier.age());
    renewal_.set(left, [this] { race_.renew(); });
  }
}

void Connection::on_ended(Carrier& carrier, bool was_active, const Failure& failure) {
  const bool was_attempt = attempt(carrier.transport) == &carrier;
  if (was_attempt) attempt(carrier.transport) = nullptr;
  if (closing_ && (failure.code == "left" || failure.code == "gone")) {
    leave();
    return;
  }
  if (carrier.planned_end || (!was_active && !was_attempt)) return;
  if (ends_session(failure)) return;
  if (was_attempt) {
    race_.failed(carrier.transport, failure);
    if (is_between_ && !has_attempt()) lost(nullptr, failure);
    return;
  }
  if (failure.code == "moved" && has_attempt()) {
    // The news that we have moved was quicker than the new carrier's own.
    is_between_ = true;
    return;
  }
  const auto name = std::string(to_string(carrier.transport));
  journal(name + " was lost after " + std::to_string(carrier.age().count()) +
          " ms: " + failure.message);
  lost(&carrier, failure);
}

bool Connection::has_attempt() const {
  return std::any_of(attempts_.begin(), attempts_.end(),
                     [](const Carrier* carrier) { return carrier != nullptr; });
}

void Connection::learn_of(const Carrier& carrier, const Failure& failure) {
  if (is_unclean(failure)) {
    profile_.died(carrier.transport, failure, carrier.age(), carrier.silence(),
                  carrier.heartbeat());
  } else {
    profile_.ended(carrier.transport, carrier.age(), carrier.heartbeat());
  }
}

void Connection::lost(const Carrier* carrier, const Failure& failure) {
  is_between_ = false;
  renewal_.stop();
  lost_at_ = scheduler_.now();
  const auto age = carrier == nullptr ? Duration(0) : carrier->age();
  if (carrier != nullptr) learn_of(*carrier, failure);
  race_.lost();
  if (age >= kStable) resets_ = 0;
  quick_losses_ = age < kQuickLoss ? quick_losses_ + 1 : 0;
  const bool polite = failure.code == "stream_limit";
  if (!polite) set_state(ClientState::reconnecting);
  if (polite && age > kQuickLoss) {
    connect_after(Duration(0));
    return;
  }
  // Those that were cut together do not return together.
  const auto pause =
      backoff(options_.random, std::max(0, quick_losses_ - 1), Duration(500), longest_pause());
  // What uploads were asked to wait for they have had, or still keep to: the way down has not.
  connect_after(failure.of_uploads ? pause : std::max(failure.retry, pause));
}

void Connection::on_broken(const Failure& failure) {
  if (closing_ && failure.code == "gone") {
    leave();
    return;
  }
  if (ends_session(failure) || !session_) return;
  if (auto* const active = session_->active()) active->end(failure);
}

bool Connection::ends_session(const Failure& failure) {
  const auto meaning = verdict(failure);
  if (meaning == Verdict::retry) return false;
  if (closing_) {
    leave();
  } else if (meaning == Verdict::close) {
    finish({failure.code, failure.message});
  } else {
    reset(failure);
  }
  return true;
}

// --- Sessions -----------------------------------------------------------------------------------

void Connection::new_session() {
  // What is still to be said may join rooms by itself.
  std::set<std::string> asked;
  for (const auto& message : backlog_) {
    const auto fields = parse_object('{' + message.fields + '}');
    if (fields && text_of(*fields, "type") == "join") asked.insert(text_of(*fields, "room"));
  }
  // Opened in a room that we were in: what else was asked for may be refused, and that must not end
  // the session.
  const auto first = std::find_if(rooms_.begin(), rooms_.end(), [&](const auto& room) {
    return room.second.entered && !asked.contains(room.first);
  });
  session_ = std::make_unique<Session>(
      scheduler_, network_, options_.random, profile_, *this, options_.make_key(),
      first == rooms_.end() ? opening({}, 0, name_)
                            : opening(first->first, first->second.capacity, name_));
  session_->uplink().limit_rate(options_.message_rate);
  for (auto room = rooms_.begin(); room != rooms_.end(); ++room) {
    if (room != first && !asked.contains(room->first))
      session_->uplink().push({0, join_fields(room->first, room->second.capacity)});
  }
  for (const auto& message : std::exchange(backlog_, {})) session_->uplink().push(message);
}

void Connection::reset(const Failure& failure) {
  if (state_ == ClientState::closed) return;
  failures_ = 0;  // who says so can be reached
  journal("the server has forgotten the session (" + failure.code + "): begins a new one");
  is_between_ = false;
  race_.lost();  // of this session nothing carries any more
  renewal_.stop();
  attempts_.fill(nullptr);
  const bool is_heard = session_->cursor() > 0;
  std::vector<std::uint64_t> lost;
  auto unsent = session_->stop(lost);
  const auto previous = session_->peer();
  former_ = std::move(session_);
  bury_.set(Duration(0), [this] { former_.reset(); });
  backlog_.insert(backlog_.begin(), std::make_move_iterator(unsent.begin()),
                  std::make_move_iterator(unsent.end()));
  auto first_kept = std::numeric_limits<std::uint64_t>::max();
  for (const auto& message : backlog_) {
    if (message.id != 0) first_kept = std::min(first_kept, message.id);
  }
  listener_.on_lost_session(first_kept);
  for (const auto id : lost) joining_.erase(id);  // nobody will answer them by that id
  // Messages of ours, which the application does not know.
  std::erase(lost, std::uint64_t{0});
  if (ever_open_ || is_heard) {
    if (!reset_) reset_ = ClientReset{failure.code, previous, {}, {}};
    reset_->lost.insert(reset_->lost.end(), lost.begin(), lost.end());
  }
  if (ever_open_) set_state(ClientState::reconnecting);
  new_session();
  connect_after(backoff(options_.random, resets_++));
}

void Connection::on_welcome() {
  if (!reset_) return;
  auto reset = std::move(*reset_);
  reset_.reset();
  reset.peer = session_->peer();
  listener_.on_reset(reset);
}

void Connection::on_taken(std::uint64_t) {
  if (closing_ && session_ && session_->uplink().pending() == 0) leave();
}

void Connection::on_event(const Json& event, std::uint64_t number, Transport transport) {
  ClientEvent told;
  told.number = number;
  told.transport = transport;
  told.type = text_of(event, "type");
  told.from = text_of(event, "from");
  told.room = text_of(event, "room");
  told.name = text_of(event, "name");
  told.peer = text_of(event, "peer");
  told.code = text_of(event, "code");
  told.re = number_of(event, "re");
  if (const auto data = event.find("data"); data != event.end()) told.data = dump(*data);
  told.json = dump(event);
  if (told.from.empty()) note_place(event);
  listener_.on_event(told);
}

void Connection::note_place(const Json& event) {
  const auto type = text_of(event, "type");
  const auto re = number_of(event, "re");
  const auto join = re ? joining_.find(*re) : joining_.end();
  const auto asked = join != joining_.end() ? std::move(join->second) : std::string{};
  if (join != joining_.end()) joining_.erase(join);
  if (type == "full" || type == "left" || type == "place-lost") {
    rooms_.erase(text_of(event, "room"));
  } else if (type == "created" || type == "joined") {
    // A room is made anew, after a restart, as it was, by whoever comes first.
    const auto room = rooms_.find(text_of(event, "room"));
    const auto capacity = number_of(event, "capacity").value_or(0);
    if (room != rooms_.end()) room->second = {static_cast<unsigned>(capacity), true};
  } else if (type == "login") {
    name_ = text_of(event, "name");
  } else if (type == "logout" || type == "name-lost") {
    name_.clear();
  } else if (type == "error") {
    const auto code = text_of(event, "code");
    if (!asked.empty() && code != "already_joined") rooms_.erase(asked);
    if (!re && code == "name_taken") name_.clear();  // the one that we opened with
  }
}

void Connection::set_state(ClientState state) {
  if (state_ == state || state_ == ClientState::closed) return;
  state_ = state;
  listener_.on_state(state);
}

void Connection::finish(const ClientEnd& end) {
  if (state_ == ClientState::closed) return;
  closing_ = true;
  is_between_ = false;
  race_.lost();
  for (auto* timer : {&connect_, &pulse_, &renewal_, &closing_timer_}) timer->stop();
  attempts_.fill(nullptr);
  if (session_) {
    std::vector<std::uint64_t> lost;
    session_->stop(lost);
    former_ = std::move(session_);
    bury_.set(Duration(0), [this] { former_.reset(); });
  }
  transport_ = Transport::automatic;
  set_state(ClientState::closed);
  listener_.on_closed(end);
}

}  // namespace sigway::client
