#include "client/race.h"

#include <algorithm>
#include <utility>

namespace sigway::client {
namespace {

constexpr std::array kAll{Transport::websocket, Transport::sse, Transport::poll};
constexpr Duration kProof{10'000};  // the server lets an attempt stand by for as long
constexpr Duration kActivationLeast{3000}, kActivation{8000};
constexpr int kRepeats = 2;            // of a poll that was lost, in a round
constexpr Duration kStreamDelay{300};  // before an event stream is tried beside a WebSocket
constexpr Duration kGrace{300}, kGraceLeast{30};
constexpr Duration kHeadStart{300};  // at the least, of what worked here before
constexpr Duration kFirstProbe{5000};
constexpr int kProbeGrowth = 4;
constexpr Duration kRarestProbe{300'000};
constexpr Duration kSlowAnswer{3000};  // then one attempt has the line to itself
constexpr int kSlowTrips = 4;
constexpr Duration kFlows{1500}, kLookAgain{1000};
constexpr Duration kSteady{60'000};
constexpr int kHeardMost = 4;  // times the patience, in all, while something comes

std::string name_of(Transport transport) { return std::string(to_string(transport)); }

std::string seconds(Duration time) { return std::to_string((time.count() + 500) / 1000) + " s"; }

}  // namespace

Race::Race(Scheduler& scheduler, const Random& random, NetworkProfile& profile, RaceHost& host,
           Transport wanted)
    : scheduler_(scheduler),
      random_(random),
      profile_(profile),
      host_(host),
      wanted_(wanted),
      others_(scheduler),
      repeat_(scheduler),
      grace_(scheduler),
      probe_(scheduler),
      look_(scheduler),
      steady_(scheduler) {}

bool Race::allowed(Transport transport) const {
  return wanted_ == Transport::automatic || wanted_ == transport;
}

bool Race::spared(Transport transport) const {
  // Where one connection is served at a time a stream would leave none for uploads.
  return profile_.lives().is_aside(transport) ||
         (transport == Transport::sse && profile_.cadence().single());
}

bool Race::better(Transport transport) const {
  return !active_ || index(transport) < index(*active_);
}

void Race::begin() {
  rest();
  running_ = true;
  begun_ = scheduler_.now();
  retry_ = Duration(0);
  repeats_ = 0;
  is_late_ = is_heard_ = grace_over_ = false;
  look_.set(kSlowAnswer, [this] { look(); });
  if (wanted_ != Transport::automatic) {
    start(wanted_, true);
    return;
  }
  std::vector<Transport> candidates;
  for (const auto transport : kAll) {
    if (!spared(transport)) candidates.push_back(transport);
  }
  if (candidates.empty()) candidates.assign(kAll.begin(), kAll.end());
  for (const auto transport : candidates) at(transport).state = State::waiting;

  if (const auto known = profile_.known(); known && at(known->transport).state == State::waiting) {
    start(known->transport, profile_.is_trusted(known->transport));
    if (!running_) return;
    others_.set(std::max(kHeadStart, known->proof * 3 / 2), [this] { start_next(); });
    return;
  }
  start_next();
}

// Polling works nearly everywhere, WebSocket is the best: where they are, streaming may wait,
// however long a round trip takes here. Where it is long each one counts.
void Race::start_next() {
  const auto is_waiting = [this](Transport each) { return at(each).state == State::waiting; };
  const bool websocket = is_waiting(Transport::websocket);
  for (const auto each : {Transport::poll, Transport::websocket, Transport::sse}) {
    if (is_waiting(each) && !(websocket && each == Transport::sse)) start(each);
  }
  if (is_waiting(Transport::sse)) others_.set(kStreamDelay, [this] { start_waiting(); });
}

void Race::start_waiting() {
  for (const auto transport : kAll) {
    if (at(transport).state == State::waiting) start(transport);
  }
}

Duration Race::age(const Standing& standing) const {
  return std::chrono::duration_cast<Duration>(scheduler_.now() - standing.begun);
}

void Race::start(Transport transport, bool take_over) {
  if (transport == Transport::poll) repeat_.stop();
  auto& standing = at(transport);
  standing.state = State::running;
  standing.begun = scheduler_.now();
  standing.proof.reset();
  standing.attached = false;
  expect(transport, profile_.slack() * kProof);
  host_.start_attempt(transport, take_over);
}

void Race::expect(Transport transport, Duration patience) {
  auto& standing = at(transport);
  if (standing.deadline) scheduler_.cancel(*standing.deadline);
  const auto latest = scheduler_.now() + kHeardMost * patience;
  standing.deadline = scheduler_.after(
      patience, [this, transport, patience, latest] { expire(transport, patience, latest); });
}

bool Race::is_under_way(Transport transport) const {
  const auto state = at(transport).state;
  return state == State::running || state == State::proved || state == State::activating;
}

void Race::expire(Transport transport, Duration patience, Time latest) {
  auto& standing = at(transport);
  standing.deadline.reset();
  const auto silence = host_.silence(transport);
  is_heard_ = is_heard_ || silence.has_value();
  if (silence && *silence < patience && scheduler_.now() < latest) {
    const auto left = std::min(patience - *silence,
                               std::chrono::duration_cast<Duration>(latest - scheduler_.now()));
    standing.deadline = scheduler_.after(
        left, [this, transport, patience, latest] { expire(transport, patience, latest); });
    return;
  }
  if (standing.state == State::activating && !active_ && !std::exchange(standing.again, true)) {
    const auto is_ready = [this](Transport each) { return at(each).state == State::proved; };
    const bool is_only_hope =
        make_room(transport) || std::none_of(kAll.begin(), kAll.end(), is_ready);
    const auto more =
        is_only_hope ? profile_.slack() * kActivation : (profile_.slack() - 1) * patience;
    if (more > Duration(0)) {
      expect(transport, more);
      return;
    }
  }
  is_late_ = true;
  const auto* const what = standing.state == State::activating
                               ? "its activation was not answered within "
                               : "no proof that it works within ";
  host_.drop_attempt(transport);
  failed(transport, {.code = "deadline", .message = what + seconds(patience)});
}

// What is not proved yet may hold the connection that the activation needs.
bool Race::make_room(Transport transport) {
  bool has_dropped = false;
  for (const auto each : kAll) {
    if (each == transport || at(each).state != State::running) continue;
    give_up(each, "what is to take over may need its connection");
    has_dropped = true;
  }
  return has_dropped;
}

void Race::give_up(Transport transport, std::string_view why) {
  const bool was_under_way = is_under_way(transport);
  const bool was_renewal = at(transport).renewal;
  if (was_under_way || at(transport).state == State::waiting) conclude(transport, State::idle);
  if (!was_under_way) return;
  host_.journal(name_of(transport) + " is given up: " + std::string(why));
  host_.drop_attempt(transport);
  if (was_renewal && active_) host_.renewal_failed(Duration(0));
}

// Each carrier that is attached brings the same events: on a slow line one is enough. Where nothing
// comes at all, the attempts may be waiting for connections, and go on.
void Race::look() {
  if (active_ || !running_) return;
  // Where round trips are long, a proof and an activation take several of them.
  const auto early = std::chrono::duration_cast<Duration>(
      begun_ + kSlowTrips * profile_.trips().least().value_or(Duration(0)) - scheduler_.now());
  if (early > Duration(0)) {
    look_.set(early, [this] { look(); });
    return;
  }
  if (end_stranded()) {
    if (running_ && !active_) look_.set(kLookAgain, [this] { look(); });
    return;
  }
  const auto flows = [this](Transport each) {
    const auto silence = host_.silence(each);
    return is_under_way(each) && silence && *silence < kFlows;
  };
  // What is on its way to an activated one is not asked for again. Not to a stream in the first
  // round, as it may be held back on the way; while a poll may only be waiting for the one
  // connection that a stream has. What is proved leaves it one, or needs no other.
  const bool has_proved = std::any_of(kAll.begin(), kAll.end(), [&](Transport each) {
    return at(each).state == State::proved && flows(each);
  });
  std::optional<Transport> kept;
  bool comes = false;
  for (const auto each : kAll) {
    if (!is_under_way(each)) continue;
    comes = comes || flows(each);
    const bool is_kept = profile_.slack() > 1 || (each == Transport::poll && !has_proved);
    if (at(each).state == State::activating && is_kept) kept = each;
    if (flows(each) && !kept) kept = each;
  }
  if (!comes) {
    look_.set(kLookAgain, [this] { look(); });
    return;
  }
  profile_.found_slow();
  keep(*kept);
}

// A stream that came first leaves the others no connection, where one is served, nor its own
// confirmation. On a slow line it looks the same; the next round has more time, and then it is
// kept.
bool Race::end_stranded() {
  const auto is_activating = [this](Transport each) { return at(each).state == State::activating; };
  if (profile_.slack() > 1 || std::any_of(kAll.begin(), kAll.end(), is_activating)) return false;
  bool has_ended = false;
  for (const auto each : kAll) {
    if (at(each).state != State::running || !host_.stranded(each)) continue;
    host_.drop_attempt(each);
    failed(each, no_way_up());
    has_ended = true;
  }
  return has_ended;
}

void Race::keep(Transport kept) {
  for (auto* timer : {&others_, &repeat_, &grace_, &look_}) timer->stop();
  for (const auto each : kAll) {
    if (each != kept) give_up(each, "the line is slow, and " + name_of(kept) + " was answered");
  }
  auto& standing = at(kept);
  if (standing.deadline) expect(kept, profile_.slack() * kSlowAnswer);
  // It has no rival, and the server lets nothing stand by for longer than ten seconds.
  if (standing.state == State::running && standing.attached) activate(kept);
  consider();
}

void Race::conclude(Transport transport, State state) {
  auto& standing = at(transport);
  standing.state = state;
  if (standing.deadline) scheduler_.cancel(*std::exchange(standing.deadline, std::nullopt));
  if (state != State::proved && state != State::activating) standing.renewal = false;
}

void Race::rest() {
  running_ = false;
  for (auto* timer : {&others_, &repeat_, &grace_, &probe_, &look_}) timer->stop();
  for (const auto transport : kAll) {
    const bool was_under_way = is_under_way(transport);
    conclude(transport, State::idle);
    if (was_under_way) host_.drop_attempt(transport);
  }
}

void Race::attached(Transport transport) { at(transport).attached = true; }

void Race::proved(Transport transport) {
  auto& standing = at(transport);
  if (standing.state != State::running) return;
  standing.proof = age(standing);
  conclude(transport, State::proved);
  consider();
}

void Race::consider() {
  std::optional<Transport> best;
  for (const auto each : kAll) {
    const auto& standing = at(each);
    if (standing.state == State::activating) return;
    if (standing.state != State::proved) continue;
    if (!best && (better(each) || standing.renewal)) best = each;
  }
  if (!best) return;
  const auto is_near = [&](Transport each) {
    return index(each) < index(*best) && at(each).state == State::running && host_.opened(each);
  };
  if (active_ || grace_over_ || std::none_of(kAll.begin(), kAll.end(), is_near)) {
    activate(*best);
    return;
  }
  grace_over_ = true;
  grace_.set(std::min(kGrace, profile_.trips().usual(kGrace) * 3 / 2 + kGraceLeast),
             [this] { consider(); });
}

void Race::activate(Transport transport) {
  conclude(transport, State::activating);
  at(transport).again = false;
  // Without slack, and no longer on a slow line: the server lets it stand by for ten seconds, and
  // what may be in its way is to be gone well before.
  expect(transport,
         std::min(kActivation, profile_.trips().patience(kActivationLeast, kActivation)));
  host_.activate_attempt(transport);
}

void Race::activated(Transport transport) {
  const auto& standing = at(transport);
  std::optional<Duration> proof;
  if (!standing.renewal) proof = standing.proof.value_or(age(standing));
  conclude(transport, State::idle);
  probe_pause_ = kFirstProbe;
  active_ = transport;
  running_ = false;
  for (auto* timer : {&repeat_, &grace_, &look_}) timer->stop();
  steady_.set(kSteady, [this] { profile_.found_steady(); });
  profile_.worked(transport, proof);
  settle();
  consider();  // a better one may have been proved meanwhile
}

void Race::narrow() {
  if (!active_) return;
  for (auto* timer : {&others_, &grace_}) timer->stop();
  for (const auto each : kAll) give_up(each, "what is in use needs its connection");
  if (!probe_.is_set()) probe_later();  // else it would be put off by each request that is lost
}

// What is not better than what we have is given up; what is better has its time, and so has what
// has asked to take over, as the server may have let it.
void Race::settle() {
  bool under_way = false;
  for (const auto transport : kAll) {
    auto& standing = at(transport);
    const bool runs = is_under_way(transport);
    if (better(transport)) {
      under_way = under_way || runs || standing.state == State::waiting;
    } else if (transport != *active_ && standing.state != State::activating) {
      conclude(transport, State::idle);
      if (runs) host_.drop_attempt(transport);
    }
  }
  if (!under_way) probe_later();
}

void Race::failed(Transport transport, const Failure& failure) {
  auto& standing = at(transport);
  if (standing.state == State::idle || standing.state == State::failed) return;
  const bool was_renewal = standing.renewal;
  conclude(transport, State::failed);
  if (was_renewal && active_) host_.renewal_failed(failure.retry);
  if (failure.code == "superseded") {
    standing.state = State::idle;
    if (active_) return;
  } else {
    host_.journal(name_of(transport) + " does not work here: " + failure.message);
    profile_.failed(transport, failure);
  }
  last_ = failure;
  retry_ = std::max(retry_, failure.retry);
  is_late_ = is_late_ || failure.code == "deadline" || failure.code == "no_way_up";
  if (active_) {
    standing.state = State::idle;
    start_waiting();
    if (!active_) return;
    settle();
    consider();  // another one may have been proved while this one was to take over
    return;
  }
  if (!running_) return;
  // Those that wait need not any more.
  start_next();
  if (!running_) return;
  const auto hopes = [this](Transport each) {
    const auto state = at(each).state;
    return allowed(each) && state != State::idle && state != State::failed;
  };
  const auto was_lost = transport == Transport::poll && is_passing(failure);
  if (was_lost && std::any_of(kAll.begin(), kAll.end(), hopes)) repeat_later();
  if (std::any_of(kAll.begin(), kAll.end(), hopes)) {
    consider();
    return;
  }
  auto answer = last_;
  answer.retry = retry_;
  if (is_late_) profile_.late(is_heard_);
  rest();
  profile_.outage();  // what was set aside may be all that is left: the next round tries everything
  host_.exhausted(answer);
}

// One request was lost, which says little of polls, and the others may take seconds to fail.
void Race::repeat_later() {
  if (repeats_ == kRepeats) return;
  ++repeats_;
  at(Transport::poll).state = State::waiting;
  repeat_.set(soon(random_), [this] { start(Transport::poll); });
}

void Race::lost() {
  active_.reset();
  steady_.stop();
  rest();
}

void Race::renew() {
  if (!active_ || at(*active_).state != State::idle) return;
  at(*active_).renewal = true;
  start(*active_);
}

void Race::probe_later() {
  if (!active_ || *active_ == Transport::websocket || wanted_ != Transport::automatic) return;
  std::optional<Duration> aside;  // the soonest end of it
  for (const auto each : kAll) {
    if (!better(each)) continue;
    const auto left = profile_.lives().remaining(each);
    aside = std::min(aside.value_or(left), left);
  }
  const auto pause = Duration(static_cast<Duration::rep>(static_cast<double>(probe_pause_.count()) *
                                                         (0.8 + 0.4 * random_())));
  probe_.set(std::max(pause, aside.value_or(pause)), [this] { probe(); });
}

// One at a time, as soon as the one before has failed: uploads need connections, too.
void Race::probe() {
  std::vector<Transport> chosen;
  for (const auto each : kAll) {
    if (better(each) && !spared(each) && !is_under_way(each)) chosen.push_back(each);
  }
  if (chosen.empty()) {
    probe_later();
    return;
  }
  probe_pause_ = std::min(kRarestProbe, kProbeGrowth * probe_pause_);
  host_.journal("looks again whether " + name_of(chosen.front()) + " works");
  for (const auto each : chosen) at(each).state = State::waiting;
  if (chosen.size() > 1) others_.set(kProof, [this] { start_waiting(); });
  start(chosen.front());
}

void Race::look_again() {
  probe_pause_ = kFirstProbe;
  if (active_ && wanted_ == Transport::automatic &&
      std::none_of(kAll.begin(), kAll.end(), [this](Transport each) { return is_under_way(each); }))
    probe();
}

}  // namespace sigway::client
