#include "client/cadence.h"

#include <algorithm>
#include <cstdlib>

namespace sigway::client {
namespace {

constexpr Duration kLeastWait{500};
constexpr Duration kLeastHeartbeat{1000};
constexpr Duration kNoHold{300};         // a poll that dies sooner was not cut for being held
constexpr int kHeldToRelax = 8;          // polls in a row at the ceiling before it is lifted
constexpr Duration kLeastRenewal{5000};  // shorter lives are not worth a change each
constexpr int kRenewalsToRelax = 10;
constexpr Duration kLongLife{600'000};

std::string seconds(Duration time) {
  const auto tenths = time.count() / 100;
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " s";
}

}  // namespace

void Cadence::server_says(Duration hold, Duration heartbeat) {
  hold_ = std::max(hold, kLeastWait);
  heartbeat_ = std::max(heartbeat, kLeastHeartbeat);
}

void Cadence::poll_was_held() {
  if (ceiling_ && wait_ >= *ceiling_) {
    if (++held_ < kHeldToRelax) return;
    held_ = 0;
    ceiling_ = *ceiling_ * 3 / 2;
    if (*ceiling_ >= hold_) ceiling_.reset();
  }
  wait_ = std::min(wait_ * 2, ceiling_.value_or(hold_));
}

std::string Cadence::poll_failed(Duration elapsed, bool silently) {
  if (elapsed < kNoHold) return {};
  held_ = 0;
  const auto asked = wait();
  // What was lost without a word may be lost again: the next loss is to be noticed sooner. What was
  // cut was cut for its age.
  const auto bearable = silently ? asked / 2 : std::min(asked, elapsed) * 7 / 10;
  const auto least = silently ? Duration(1000) : kLeastWait;
  ceiling_ = std::max(bearable, least);
  if (*ceiling_ >= wait_) return {};
  wait_ = *ceiling_;
  return "a poll " + std::string(silently ? "was lost" : "was cut") + " after " + seconds(elapsed) +
         ": they now ask to be held for " + seconds(wait_);
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
  if (!known.heartbeat) return;
  known.heartbeat = *known.heartbeat * 3 / 2;
  if (*known.heartbeat >= heartbeat_) known.heartbeat.reset();
}

std::optional<Duration> Cadence::renewal(Transport transport) const {
  if (transport == Transport::poll) return std::nullopt;
  return stream(transport).renewal;
}

}  // namespace sigway::client
