#include "client/cadence.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace sigway::client {
namespace {

constexpr Duration kLeastHeartbeat{1000};  // the server refuses less
constexpr Duration kLeastHold{1000}, kLossyHold{1000};
constexpr int kHeldWhereLost = 3;  // where a loss has shortened the hold: it may be over
constexpr Duration kLeastLife{1500};
constexpr Duration kOldAge{600'000};  // what dies later did not die of its age
constexpr Duration kLeastSilence{1500};
constexpr Duration kCalm{300'000};
constexpr std::size_t kLargestBody = 1 << 18;
constexpr std::array<std::size_t, 3> kPads{0, 1100, 4200};  // just beyond blocks worth filling

constexpr std::array kStreams{Transport::websocket, Transport::sse};

// So many percent, rounded, of what was cut.
Duration share(Duration time, int percent) { return (time * percent + Duration(50)) / 100; }

std::string seconds(Duration time) {
  const auto tenths = time.count() / 100;
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " s";
}

// Half as much again; nothing where that is as much as there is.
template <typename Figure>
std::optional<Figure> widened(const std::optional<Figure>& figure, Figure most) {
  if (!figure || 3 * *figure >= 2 * most) return std::nullopt;
  return (3 * *figure + Figure(1)) / 2;
}

void put(Json& object, std::string_view field, std::optional<Duration> time) {
  if (time) object[std::string(field)] = static_cast<std::uint64_t>(time->count());
}

// Nothing where it is absent, no time, or shorter than any that is learnt.
std::optional<Duration> take(const Json& object, const char* field, Duration least) {
  const auto number = number_of(object, field);
  if (!number || bounded_duration(*number) < least) return std::nullopt;
  return bounded_duration(*number);
}

}  // namespace

Cadence::Cadence(const Scheduler& scheduler)
    : scheduler_(scheduler), calm_since_(scheduler.now()) {}

void Cadence::server_says(Duration hold, Duration heartbeat) {
  if (!learnt_.heartbeat && heartbeat > Duration(0)) server_heartbeat_ = heartbeat;
  if (hold > Duration(0)) server_hold_ = hold;
}

Duration Cadence::hold() const {
  return std::min(learnt_.hold.value_or(server_hold_), server_hold_);
}

std::string Cadence::stream_cut(Transport transport, Duration age, Duration silence) {
  const auto name = std::string(to_string(transport));
  disturbed();
  if (age < kOldAge && alike(transport, age)) {
    // Heartbeats did not help: it is age.
    if (is_blamed_ && before_) learnt_.heartbeat = before_->heartbeat;
    is_blamed_ = false;
    const auto renewal = std::max(kLeastLife, share(shortest(transport), 70));
    if (renewal >= life(transport).value_or(Duration::max())) return {};
    life(transport) = renewal;
    return name + " was cut twice at the age of " + seconds(age) + ": it is renewed after " +
           seconds(renewal);
  }
  const auto heartbeat = std::max(kLeastHeartbeat, share(silence, 60));
  is_blamed_ = silence >= kLeastSilence &&
               10 * heartbeat < 9 * learnt_.heartbeat.value_or(server_heartbeat_);
  if (!is_blamed_) return {};
  learnt_.heartbeat = heartbeat;
  return name + " was cut after " + seconds(silence) +
         " of silence: heartbeats are asked for every " + seconds(heartbeat);
}

std::string Cadence::poll_cut(Duration held) {
  disturbed();
  if (!alike(Transport::poll, held)) return {};
  const auto hold = std::max(kLeastHold, share(shortest(Transport::poll), 75));
  if (hold >= this->hold()) return {};
  learnt_.hold = hold;
  is_lossy_ = false;
  return "answers to polls are cut after " + seconds(held) + ": they are held for " +
         seconds(hold) + " at the most";
}

std::string Cadence::swallowed() {
  disturbed();
  held_ = 0;
  if (hold() <= kLossyHold) return {};
  learnt_.hold = kLossyHold;
  is_lossy_ = true;
  return "requests get lost without a word: polls are held for " + seconds(kLossyHold) +
         " at the most";
}

std::string Cadence::poll_was_held(Duration asked) {
  if (!is_lossy_ || asked < hold() || ++held_ < kHeldWhereLost) return {};
  held_ = 0;
  const auto wider = 2 * hold();
  is_lossy_ = wider < server_hold_;
  learnt_.hold = is_lossy_ ? std::optional(wider) : std::nullopt;
  return "polls are answered again: they are held for " + seconds(hold());
}

std::string Cadence::stream_held_back() {
  if (!before_) before_ = now();
  const auto* const next = std::upper_bound(kPads.begin(), kPads.end(), learnt_.pad);
  learnt_.pad = next == kPads.end() ? 0 : *next;  // larger blocks than that are not worth filling
  if (learnt_.pad == 0) return {};
  return "streams are held back: " + std::to_string(learnt_.pad) +
         " bytes of padding are asked for";
}

std::optional<Duration> Cadence::renewal(Transport transport) const {
  if (transport == Transport::websocket) return learnt_.life[0];
  return transport == Transport::sse ? learnt_.life[1] : std::nullopt;
}

std::optional<Duration>& Cadence::life(Transport transport) {
  return learnt_.life[transport == Transport::websocket ? 0 : 1];
}

std::string Cadence::body_refused(std::size_t size, std::size_t limit) {
  if (!body_.refused(size, limit)) return {};
  return "a body of " + std::to_string(size) + " bytes is refused on the way: they are to have " +
         std::to_string(body_.most()) + " at the most";
}

std::string Cadence::body_passed(std::size_t size) {
  if (!body_.passed(size)) return {};
  return "a body of " + std::to_string(size) + " bytes has passed: they may have " +
         std::to_string(body_.most());
}

std::string Cadence::served_singly() {
  if (learnt_.single) return {};
  disturbed();
  learnt_.single = true;
  return "uploads wait while a poll is held: polls and uploads take turns";
}

bool Cadence::forget() {
  ages_.clear();
  is_blamed_ = false;
  if (!before_) return false;
  set(*before_);
  before_.reset();
  return true;
}

std::string Cadence::relax() {
  if (scheduler_.now() - calm_since_ < kCalm) return {};
  calm_since_ = scheduler_.now();
  const auto before = now();
  Learnt wider;
  wider.heartbeat = widened(before.heartbeat, server_heartbeat_);
  wider.hold = widened(before.hold, server_hold_);
  for (std::size_t i = 0; i < wider.life.size(); ++i)
    wider.life[i] = widened(before.life[i], kOldAge);
  if (before.pad != 0)
    wider.pad = *std::prev(std::lower_bound(kPads.begin(), kPads.end(), before.pad));
  wider.body = widened(before.body, kLargestBody);
  set(wider);
  return wider == before ? std::string{} : "minutes without a disturbance: asks for more again";
}

void Cadence::disturbed() {
  calm_since_ = scheduler_.now();
  if (!is_blamed_) before_ = now();
}

bool Cadence::alike(Transport what, Duration age) {
  auto& [before, last] = ages_[what];
  before = std::exchange(last, age);
  return before && 5 * std::min(*before, age) >= 4 * std::max(*before, age);
}

Duration Cadence::shortest(Transport what) const {
  const auto& [before, last] = ages_.at(what);
  return std::min(before.value_or(Duration::max()), last.value_or(Duration::max()));
}

Cadence::Learnt Cadence::now() const {
  auto learnt = learnt_;
  if (body_.is_known()) learnt.body = body_.most();
  return learnt;
}

void Cadence::set(const Learnt& learnt) {
  learnt_ = learnt;
  body_.set(learnt.body);
}

Json Cadence::learnt() const {
  const auto now = this->now();
  Json learnt = Json::object();
  put(learnt, "heartbeat", now.heartbeat);
  put(learnt, "hold", now.hold);
  Json life = Json::object();
  for (const auto transport : kStreams) put(life, to_string(transport), renewal(transport));
  if (!life.empty()) learnt["life"] = std::move(life);
  if (now.pad != 0) learnt["pad"] = now.pad;
  if (now.body) learnt["body"] = *now.body;
  if (now.single) learnt["single"] = true;
  return learnt;
}

void Cadence::recall(const Json& learnt) {
  if (!learnt.is_object()) return;
  Learnt known;
  known.heartbeat = take(learnt, "heartbeat", kLeastHeartbeat);
  known.hold = take(learnt, "hold", kLeastHold);
  const auto life = learnt.find("life");
  if (life != learnt.end() && life->is_object())
    known.life = {take(*life, "websocket", kLeastLife), take(*life, "sse", kLeastLife)};
  const auto pad = number_of(learnt, "pad").value_or(0);
  known.pad = std::find(kPads.begin(), kPads.end(), pad) == kPads.end() ? 0 : pad;
  const auto body = number_of(learnt, "body");
  if (body && *body >= BodyLimit::kLeast && *body < kLargestBody) known.body = *body;
  const auto single = learnt.find("single");
  known.single = single != learnt.end() && *single == true;
  set(known);
}

}  // namespace sigway::client
