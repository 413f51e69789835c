#include "client/poll_carrier.h"

#include <algorithm>
#include <utility>

#include "client/backoff.h"
#include "client/pieces.h"
#include "client/session.h"

namespace sigway::client {
namespace {

constexpr int kFailures = 4;  // in a row, then the carrier counts as cut
// A poll that is lost is missed when its hold is over: it is long in silence only.
constexpr Duration kBusyHold{1000};
constexpr Duration kRaceHold{300};   // while others are tried, too, which may need its connection
constexpr Duration kTurnHold{2500};  // where uploads wait for its answer
constexpr Duration kAtOnce{100};
constexpr Duration kSilent{2000};  // a poll that waits for longer may have been lost
constexpr Duration kAttachDeadline{5000};
constexpr Duration kSlowBody{100};  // from the first of it to its end
constexpr Duration kCutInHold{1000};
constexpr Duration kSlackLeast{600}, kSlackUnknown{8000};  // beyond the hold
// Of a slow answer so much comes in so many times its deadline, or in that time; or it is given up.
constexpr std::size_t kProgress = 1024;
constexpr int kDripTimes = 4;
constexpr Duration kDrip{30'000};

}  // namespace

PollCarrier::PollCarrier(Session& session, std::string name)
    : Carrier(session, Transport::poll, std::move(name)),
      hold_(kBusyHold),
      deadline_(session.scheduler()),
      replaced_deadline_(session.scheduler()),
      pause_(session.scheduler()) {}

void PollCarrier::start(std::uint64_t turn) {
  turn_ = turn;
  poll();
}

void PollCarrier::activate(std::uint64_t turn) {
  turn_ = turn;
  if (request_ == 0 && !pause_.is_set()) poll();
}

// Each has a number of its own, or the second of two would be a copy that is answered as the first
// was, without what has come since.
void PollCarrier::poll() {
  if (done()) return;
  if (planned_end && active()) {  // another one has taken over: its connection is wanted
    stop();
    return;
  }
  if (active()) {
    carries_ = true;
    const auto again = [this] {
      hold_ = kBusyHold;
      poll();
    };
    if (!session_.lines().may_poll(came_slowly_, again)) return;
  }
  const auto n = std::to_string(++n_);
  std::string body;
  asked_ = Duration(0);
  if (!welcomed_) {
    // Without "wait": the answer to an open comes with what its room says.
    body = attachment(R"(,"n":)" + n);
  } else {
    body = R"({"key":)" + json_string(session_.key()) + R"(,"carrier":")" + name + R"(","n":)" + n +
           R"(,"ack":)" + std::to_string(session_.cursor());
    if (active()) {
      // What a lost one should have brought has waited long enough.
      asked_ = failures_ > 0 ? Duration(0) : std::min(most_hold(), session_.cadence().hold());
    } else {
      body += R"(,"turn":)" + std::to_string(turn_);
    }
    body += R"(,"wait":)" + std::to_string(asked_.count()) + '}';
  }
  sent_ = session_.scheduler().now();
  // The first does not know how slow this network is, and others may be quicker meanwhile.
  // On a slow line the answer stands behind what is on its way already.
  const auto least = std::max(session_.slack() * kSlackLeast, session_.profile().queue());
  const auto slack =
      welcomed_ ? session_.patience(least * (1 << std::max(0, failures_ - 1)), kSlackUnknown)
                : session_.slack() * kAttachDeadline;
  head_.reset();
  came_slowly_ = false;
  request_ = session_.network().post(
      "v1/poll", std::move(body),
      [this, number = n_](const HttpAnswer& answer) {
        if (number != n_) {
          replaced_ = 0;
          replaced_deadline_.stop();
          // Empty, as a later one has been sent; or there was something to say in the same moment.
          const auto said = answer.status == 200 ? parse_object(answer.body) : std::nullopt;
          if (said) hear(*said);
          return;
        }
        request_ = 0;
        if (polls()) session_.lines().poll_answered();
        deadline_.stop();
        if (head_) {
          const auto took =
              std::chrono::duration_cast<Duration>(session_.scheduler().now() - *head_);
          came_slowly_ = took > kSlowBody;
          session_.profile().came(answer.body.size(), took);
        }
        answered(answer);
      },
      [this, slack, number = n_](std::size_t bytes) {  // a slow answer is not a lost one
        if (number != n_) return;
        sign_of_life();
        const auto now = session_.scheduler().now();
        came_ += bytes;
        session_.lines().hears(bytes);
        if (!head_ || came_ >= kProgress) {
          came_ = 0;
          latest_ = now + std::max(kDrip, kDripTimes * slack);
        }
        if (!head_) head_ = now;
        came_slowly_ = now - *head_ > kSlowBody;
        expect_within(std::min(slack, std::chrono::ceil<Duration>(latest_ - now)));
      });
  expect_within(asked_ + slack);
  session_.lines().polled(carries_);
}

// In silence a long poll is under way already: a short one after it would help no other transport.
Duration PollCarrier::most_hold() const {
  if (session_.cadence().single()) return std::min(kTurnHold, hold_ / 2);
  const bool races = session_.carrier_count() > 1 && hold_ <= kBusyHold;
  return std::min(session_.lines().hold(), races ? kRaceHold : hold_);
}

void PollCarrier::check() {
  if (request_ != 0 && welcomed_) replace(Duration(0));
}

void PollCarrier::hurry() {
  if (!pause_.is_set()) return;
  pause_.stop();
  poll();
}

// There is talk, so that it is to be missed soon if it was lost.
void PollCarrier::upload_answered() {
  if (request_ == 0 || !active() || asked_ <= kBusyHold || session_.cadence().single()) return;
  if (session_.scheduler().now() - sent_ < kSilent) return;
  replace(session_.patience(kSlackLeast, kSlackUnknown));
}

void PollCarrier::replace(Duration time) {
  drop_replaced();
  deadline_.stop();
  replaced_ = std::exchange(request_, 0);
  if (time > Duration(0)) {
    replaced_deadline_.set(time, [this] {
      drop_replaced();
      session_.swallowed();
    });
  } else {
    drop_replaced();
  }
  if (polls()) session_.lines().poll_answered();
  hold_ = kBusyHold;
  poll();
}

// The lines are another one's that has taken over and polls as well.
bool PollCarrier::polls() const {
  const auto* const active = session_.active();
  return carries_ && (active == nullptr || active == this || active->transport != Transport::poll);
}

void PollCarrier::drop_replaced() {
  replaced_deadline_.stop();
  if (replaced_ != 0) session_.network().drop(replaced_);
  replaced_ = 0;
}

void PollCarrier::expect_within(Duration time) {
  deadline_.set(time, [this] {
    session_.network().drop(request_);
    request_ = 0;
    if (polls()) session_.lines().poll_answered();
    failed({.code = "deadline", .message = "a poll had no answer in time"});
  });
}

void PollCarrier::answered(const HttpAnswer& answer) {
  if (answer.status != 200) {
    failed(failure_of(answer));
    return;
  }
  const auto body = parse_object(answer.body);
  const auto events = body ? body->find("events") : Json::const_iterator{};
  const bool is_servers = body && events != body->end() && events->is_array() &&
                          (welcomed_ || body->contains("welcome") || body->contains("ended"));
  if (!is_servers) {
    failed({.code = "not_sigway",
            .message = "a poll was answered with something that is not the server's"});
    return;
  }
  sign_of_life();
  failures_ = 0;
  take(*body);
}

void PollCarrier::take(const Json& answer) {
  const auto elapsed = std::chrono::duration_cast<Duration>(session_.scheduler().now() - sent_);
  const auto& events = answer.at("events");
  const bool attaching = !welcomed_;
  if (asked_ == Duration(0)) session_.measured(elapsed);
  if (const auto welcome = answer.find("welcome"); welcome != answer.end() && attaching) {
    if (!welcome->is_object() || !take_welcome(*welcome, number_of(answer, "first").value_or(0))) {
      nonsense("a welcome that is none");
      return;
    }
  }
  hear(answer);
  if (done()) return;
  if (answer.contains("activated")) {
    prove();
    take_over();
  } else if (const auto standby = answer.find("standby");
             standby != answer.end() && standby->is_object()) {
    stood_by(number_of(*standby, "turn").value_or(0));
  }
  if (const auto ended = answer.find("ended"); ended != answer.end() && ended->is_object())
    end(failure_of_control(*ended));
  if (done() || request_ != 0) return;
  if (attaching && !active()) {
    prove();
    if (done() || turn_ == 0 || request_ != 0) return;  // until it is told to take over
  }

  const bool nothing = events.empty() && !attaching && !answer.contains("activated");
  if (nothing && asked_ > Duration(0) && elapsed >= asked_ * 9 / 10)
    session_.learned(session_.cadence().poll_was_held(asked_));
  // One that was cut short for the sake of others tells nothing of how long silence lasts.
  const bool was_short =
      !session_.cadence().single() && asked_ < std::min(hold_, session_.cadence().hold());
  if (!nothing)
    hold_ = kBusyHold;
  else if (!was_short)
    hold_ = std::min(hold_ + asked_ * 3 / 2, session_.cadence().hold());
  // Nothing, and at once: a copy, or something on the way that answers for the server. Do not spin.
  empty_ = nothing && elapsed < kAtOnce ? empty_ + 1 : 0;
  if (empty_ > 1) {
    pause(std::min(Duration(2000), Duration(50) * (1 << std::min(empty_, 6))));
  } else {
    poll();
  }
}

// What is not about the poll itself.
void PollCarrier::hear(const Json& answer) {
  const auto first = number_of(answer, "first").value_or(0);
  if (first > 0) session_.acknowledged(first - 1);
  if (const auto up = number_of(answer, "up")) session_.uplink().taken(*up);
  const auto events = answer.find("events");
  if (events == answer.end() || !events->is_array()) return;
  for (std::size_t i = 0; i < events->size() && first > 0 && !done(); ++i) {
    if ((*events)[i].is_object()) session_.event(*this, first + i, (*events)[i]);
  }
}

void PollCarrier::failed(const Failure& failure) {
  const auto elapsed = std::chrono::duration_cast<Duration>(session_.scheduler().now() - sent_);
  if (failure.code == "deadline") {
    if (welcomed_) session_.swallowed();
  } else if (is_unclean(failure) && elapsed > kCutInHold) {
    // A poll that dies in the middle of its hold was probably cut for being held.
    session_.learned(session_.cadence().poll_cut(elapsed));
  }
  if (!welcomed_ || verdict(failure) != Verdict::retry || ++failures_ >= kFailures) {
    end(failure);
    return;
  }
  pause(std::max(failure.retry, failures_ == 1 ? soon(session_.random())
                                               : backoff(session_.random(), failures_ - 2)));
}

void PollCarrier::pause(Duration time) {
  pause_.set(time, [this] { poll(); });
}

void PollCarrier::on_stop() {
  deadline_.stop();
  pause_.stop();
  drop_replaced();
  if (request_ != 0) session_.network().drop(request_);
  request_ = 0;
  if (polls()) session_.lines().polling_ended();
}

}  // namespace sigway::client
