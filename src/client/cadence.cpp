#include "client/cadence.h"

#include <algorithm>
#include <cstdlib>

namespace sigway::client {
namespace {

constexpr Duration kLeastHold{500}, kLossyHold{1000};
constexpr Duration kLeastHeartbeat{1000};
constexpr Duration kNoHold{300};         // a poll that dies sooner was not cut for being held
constexpr int kHeldToRelax = 8;          // polls in a row at the ceiling before it is lifted
constexpr int kHeldWhereLost = 3;        // the same where a loss has lowered it: it may be over
constexpr Duration kLeastRenewal{5000};  // shorter lives are not worth a change each
constexpr int kRenewalsToRelax = 10;
constexpr Duration kLongLife{600'000};
constexpr std::array<std::size_t, 3> kPads{0, 1100, 4200};  // just beyond blocks worth filling

std::string seconds(Duration time) {
  const auto tenths = time.count() / 100;
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " s";
}

constexpr std::array kStreams{Transport::websocket, Transport::sse};

void put(Json& object, const char* field, std::optional<Duration> time) {
  if (time) object[field] = static_cast<std::uint64_t>(time->count());
}

// Nothing where it is absent, no time, or too short to be one.
std::optional<Duration> take(const Json& object, const char* field, Duration least) {
  const auto number = number_of(object, field);
  if (!number || bounded_duration(*number) < least) return std::nullopt;
  return bounded_duration(*number);
}

}  // namespace

void Cadence::server_says(Duration hold, Duration heartbeat) {
  hold_ = std::max(hold, kLeastHold);
  heartbeat_ = std::max(heartbeat, kLeastHeartbeat);
}

void Cadence::poll_was_held(Duration asked) {
  const auto enough = is_lossy_ ? kHeldWhereLost : kHeldToRelax;
  if (!ceiling_ || asked < *ceiling_ || ++held_ < enough) return;
  held_ = 0;
  ceiling_ = is_lossy_ ? *ceiling_ * 2 : *ceiling_ * 3 / 2;
  if (*ceiling_ >= hold_) ceiling_.reset();
}

std::string Cadence::poll_cut(Duration asked, Duration elapsed) {
  if (elapsed < kNoHold) return {};
  held_ = 0;
  is_lossy_ = false;
  const auto before = hold();
  ceiling_ = std::min(before, std::max(kLeastHold, std::min(asked, elapsed) * 7 / 10));
  if (*ceiling_ == before) return {};
  return "a poll was cut after " + seconds(elapsed) + ": they are held for " + seconds(*ceiling_) +
         " at the most";
}

std::string Cadence::swallowed() {
  held_ = 0;
  if (hold() <= kLossyHold) return {};
  is_lossy_ = true;
  ceiling_ = kLossyHold;
  return "requests get lost without a word: polls are held for " + seconds(kLossyHold) +
         " at the most";
}

std::optional<Duration> Cadence::heartbeat(Transport transport) const {
  return stream(transport).heartbeat;
}

std::string Cadence::stream_cut(Transport transport, Duration age, Duration silence) {
  auto& known = stream(transport);
  const auto name = std::string(to_string(transport));
  const auto before = std::exchange(known.last_cut, age);
  // Twice at nearly one age: that is a limit of ages, whatever the silence.
  if (before && age >= kLeastRenewal && std::abs((age - *before).count()) < age.count() / 8) {
    const auto renewal = age * 4 / 5;
    if (known.renewal == renewal) return {};
    known.renewal = renewal;
    known.renewals = 0;
    return name + " is cut at the age of " + seconds(age) + ": it is renewed after " +
           seconds(renewal);
  }
  const auto current = known.heartbeat.value_or(heartbeat_);
  if (silence < kLeastHeartbeat || silence < current / 4) return {};
  const auto heartbeat = std::max(kLeastHeartbeat, silence * 3 / 5);
  if (heartbeat >= current) return {};
  known.heartbeat = heartbeat;
  return name + " was cut after " + seconds(silence) +
         " of silence: heartbeats are asked for every " + seconds(heartbeat);
}

void Cadence::stream_lived(Transport transport, Duration age) {
  auto& known = stream(transport);
  if (known.renewal && age >= *known.renewal && ++known.renewals >= kRenewalsToRelax) {
    known.renewals = 0;
    known.renewal = *known.renewal * 5 / 4;
    if (*known.renewal > kLongLife) known.renewal.reset();
  }
  if (age < kLongLife) return;
  known.last_cut.reset();
  if (transport == Transport::sse && pad_ != 0)
    pad_ = *std::prev(std::lower_bound(kPads.begin(), kPads.end(), pad_));
  if (!known.heartbeat) return;
  known.heartbeat = *known.heartbeat * 3 / 2;
  if (*known.heartbeat >= heartbeat_) known.heartbeat.reset();
}

std::string Cadence::stream_held_back() {
  const auto* const next = std::upper_bound(kPads.begin(), kPads.end(), pad_);
  pad_ = next == kPads.end() ? 0 : *next;  // larger blocks than that are not worth filling
  if (pad_ == 0) return {};
  return "streams are held back: " + std::to_string(pad_) + " bytes of padding are asked for";
}

std::string Cadence::served_singly() {
  single_ = true;
  return "uploads wait while a poll is held: polls and uploads take turns";
}

Json Cadence::learnt() const {
  Json learnt = Json::object();
  if (single_) learnt["single"] = true;
  put(learnt, "hold", ceiling_);
  if (pad_ != 0) learnt["pad"] = pad_;
  for (const auto transport : kStreams) {
    Json known = Json::object();
    put(known, "heartbeat", stream(transport).heartbeat);
    put(known, "renewal", stream(transport).renewal);
    if (!known.empty()) learnt[std::string(to_string(transport))] = std::move(known);
  }
  return learnt;
}

void Cadence::recall(const Json& learnt) {
  if (!learnt.is_object()) return;
  ceiling_ = take(learnt, "hold", kLeastHold);
  const auto single = learnt.find("single");
  single_ = single != learnt.end() && *single == true;
  const auto pad = number_of(learnt, "pad").value_or(0);
  pad_ = std::find(kPads.begin(), kPads.end(), pad) == kPads.end() ? 0 : pad;
  for (const auto transport : kStreams) {
    const auto known = learnt.find(std::string(to_string(transport)));
    if (known == learnt.end() || !known->is_object()) continue;
    stream(transport).heartbeat = take(*known, "heartbeat", kLeastHeartbeat);
    stream(transport).renewal = take(*known, "renewal", kLeastRenewal * 4 / 5);
  }
}

std::optional<Duration> Cadence::renewal(Transport transport) const {
  if (transport == Transport::poll) return std::nullopt;
  return stream(transport).renewal;
}

}  // namespace sigway::client
