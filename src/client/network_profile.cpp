#include "client/network_profile.h"

#include <algorithm>
#include <utility>

namespace sigway::client {
namespace {

constexpr Duration kYoungLeast{10'000};  // a carrier that dies before loses a life
constexpr int kYoung = 2;                // so do heartbeats
constexpr Duration kMendedLife{10'000};  // renewing more often than this is no remedy
constexpr Duration kQuickProof{3000};
constexpr int kSlackMost = 8, kSlackUnheard = 2, kSlackSlow = 4;
constexpr std::size_t kManyBytes = 4096;    // fewer say little of a line's speed
constexpr std::size_t kLineBytes = 16'384;  // that may stand before an answer
constexpr Duration kLineMost{20'000};

bool is_old(Duration age, Duration heartbeat) {
  return age > std::max(kYoungLeast, kYoung * heartbeat);
}

}  // namespace

NetworkProfile::NetworkProfile(const Scheduler& scheduler, Hooks hooks)
    : hooks_(std::move(hooks)), cadence_(scheduler), lives_(scheduler) {}

void NetworkProfile::recall(const std::string& what) {
  const auto kept = parse_object(what);
  const auto transport = kept ? transport_named(text_of(*kept, "transport")) : std::nullopt;
  if (!transport || *transport == Transport::automatic) return;
  known_ = Known{*transport, bounded_duration(number_of(*kept, "proof").value_or(0))};
  trusted_.insert(*transport);
  if (const auto cadence = kept->find("cadence"); cadence != kept->end()) cadence_.recall(*cadence);
  hooks_.journal("remembers that " + std::string(to_string(*transport)) + " worked here");
}

std::optional<NetworkProfile::Known> NetworkProfile::known() const {
  return known_ && !lives_.is_aside(known_->transport) ? known_ : std::nullopt;
}

void NetworkProfile::learnt(const std::string& lesson) {
  if (lesson.empty()) return;
  hooks_.journal(lesson);
  keep();
}

void NetworkProfile::worked(Transport transport, std::optional<Duration> proof) {
  trusted_.insert(transport);
  if (proof && *proof < kQuickProof) slack_ = 1;
  known_ = Known{transport, proof.value_or(known_ ? known_->proof : Duration(0))};
  keep();
}

void NetworkProfile::came(std::size_t bytes, Duration time) {
  if (bytes < kManyBytes) return;
  const auto queue =
      time * static_cast<Duration::rep>(kLineBytes) / static_cast<Duration::rep>(bytes);
  queue_ = std::min(kLineMost, queue);
}

void NetworkProfile::late(bool is_heard) {
  slack_ = std::max(slack_, std::min(is_heard ? kSlackMost : kSlackUnheard, 2 * slack_));
}

void NetworkProfile::found_slow() { slack_ = std::max(slack_, kSlackSlow); }

void NetworkProfile::failed(Transport transport, const Failure& failure) {
  trusted_.erase(transport);
  const bool is_held = failure.code == "held_back" || failure.code == "deadline";
  if (transport == Transport::sse && is_held) learnt(cadence_.stream_held_back());
  if (failure.code == "no_way_up")
    set_aside(transport, "leaves no connection for uploads", lives_.lose_for_certain(transport));
}

void NetworkProfile::set_aside(Transport transport, std::string_view why, Duration term) {
  if (term == Duration(0)) return;
  hooks_.journal(std::string(to_string(transport)) + ' ' + std::string(why) +
                 ": it is set aside for " + std::to_string((term.count() + 500) / 1000) + " s");
}

void NetworkProfile::died(Transport transport, const Failure& failure, Duration age,
                          Duration silence, Duration heartbeat) {
  if (transport == Transport::poll) return;  // it passes where nothing else does
  const bool is_held_back = failure.code == "held_back";
  // What is held back once is held back always, and what has the only connection keeps it.
  const bool is_always = is_held_back || failure.code == "no_way_up";
  const auto before = cadence_.renewal(transport);
  if (!failure.of_uploads) {
    learnt(is_held_back ? cadence_.stream_held_back()
                        : cadence_.stream_cut(transport, age, silence));
  }
  const auto renewal = cadence_.renewal(transport);
  const bool is_mended = renewal != before && renewal >= kMendedLife;
  if ((is_old(age, heartbeat) || is_mended) && !is_always) {
    lives_.restore(transport);
    return;
  }
  const auto* const why = is_held_back ? "is held back"
                          : is_always  ? "leaves no connection for uploads"
                                       : "keeps dying young";
  set_aside(transport, why, lives_.lose(transport, is_always));
}

void NetworkProfile::ended(Transport transport, Duration age, Duration heartbeat) {
  if (is_old(age, heartbeat)) lives_.restore(transport);
}

void NetworkProfile::outage() {
  lives_.pardon();
  if (cadence_.forget()) keep();
}

void NetworkProfile::keep() {
  if (!known_) return;
  hooks_.keep(dump(Json{{"transport", to_string(known_->transport)},
                        {"proof", known_->proof.count()},
                        {"cadence", cadence_.learnt()}}));
}

}  // namespace sigway::client
