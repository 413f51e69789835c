#include "client/carrier.h"

#include <atomic>
#include <utility>

#include "client/pieces.h"
#include "client/session.h"

namespace sigway::client {
namespace {

std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> count{0};
  return ++count;
}

}  // namespace

Carrier::Carrier(Session& session, Transport way, std::string own_name)
    : transport(way),
      name(std::move(own_name)),
      serial(next_serial()),
      born(session.scheduler().now()),
      session_(session),
      seen_(born),
      silence_(session.scheduler()) {}

Duration Carrier::age() const {
  return std::chrono::duration_cast<Duration>(session_.scheduler().now() - born);
}

Duration Carrier::silence() const {
  return std::chrono::duration_cast<Duration>(session_.scheduler().now() - seen_);
}

void Carrier::sign_of_life() { seen_ = session_.scheduler().now(); }

void Carrier::stop() {
  if (done_) return;
  done_ = true;
  active_ = false;
  silence_.stop();
  on_stop();
}

void Carrier::end(const Failure& failure) {
  if (done_) return;
  stop();
  session_.ended(*this, failure);
}

void Carrier::nonsense(const std::string& what) { end({.code = "not_sigway", .message = what}); }

std::string Carrier::attachment(const std::string& more) const {
  auto text = R"({"key":)" + json_string(session_.key()) + ',' + session_.identity() +
              R"(,"carrier":)" + json_string(name) + R"(,"ack":)" +
              std::to_string(session_.cursor());
  if (turn_ != 0) text += R"(,"turn":)" + std::to_string(turn_);
  return text + more + '}';
}

bool Carrier::take_welcome(const Json& welcome, std::uint64_t next) {
  const auto server = text_of(welcome, "server");
  const auto heartbeat = number_of(welcome, "heartbeat");
  const auto turn = number_of(welcome, "turn");
  if (server.empty() || text_of(welcome, "carrier") != name || !heartbeat || !turn || next == 0) {
    nonsense("a welcome to somebody else, or without what a server's welcome has");
    return false;
  }
  next_ = next;
  if (!session_.welcome(welcome)) {
    end(session_.other_server(*this));
    return false;
  }
  welcomed_ = true;
  if (transport != Transport::poll) watch(bounded_duration(*heartbeat));
  const auto active = welcome.find("active");
  const bool takes_over =
      turn_ != 0 && active != welcome.end() && *active == true && *turn == turn_;
  // The turn of an attach that stands by did nothing: once it is proved it takes another.
  if (!takes_over) turn_ = 0;
  session_.attached(*this);
  if (takes_over) {
    prove();
    take_over();
  }
  return !done_;
}

void Carrier::take_over() {
  if (active_ || done_) return;
  active_ = true;
  on_active();
  session_.activated(*this);
}

// Turns are given out once: our own in the answer means that an earlier copy of the request did it.
void Carrier::stood_by(std::uint64_t turn) {
  if (active_ || done_) return;
  if (turn == turn_) {
    take_over();
  } else if (session_.active() != nullptr || session_.is_anothers(turn, *this)) {
    end({.code = "superseded", .message = "another transport was quicker"});
  } else {
    session_.activate(*this, turn);
  }
}

void Carrier::prove() {
  if (proved_ || done_) return;
  proved_ = true;
  session_.proved(*this);
}

bool Carrier::refuses_stranger(std::string_view control) {
  if (welcomed_ || control == "welcome" || control == "error" || control == "end") return false;
  nonsense("something before the welcome");
  return true;
}

bool Carrier::take_control(const std::string& control, const Json& fields) {
  if (control == "welcome") {
    take_welcome(fields, number_of(fields, "next").value_or(0));
  } else if (control == "activated") {
    next_ = number_of(fields, "next").value_or(next_);
    prove();
    take_over();
  } else if (control == "standby") {
    next_ = number_of(fields, "next").value_or(next_);
    stood_by(number_of(fields, "turn").value_or(0));
  } else if (control == "up") {
    session_.uplink().taken(number_of(fields, "up").value_or(0));
  } else if (control == "error" || control == "end") {
    end(failure_of_control(fields));
  } else {
    return false;
  }
  return true;
}

void Carrier::watch(Duration heartbeat) {
  heartbeat_ = heartbeat;
  silence_.set(heartbeat_ * 11 / 5, [this] { check_silence(); });
}

void Carrier::check_silence() {
  const auto quiet = silence();
  const auto patience = heartbeat_ * 11 / 5;
  if (quiet >= patience) {
    end({.code = "silence",
         .message = "nothing was heard for " + std::to_string(quiet.count()) + " ms"});
  } else {
    silence_.set(patience - quiet, [this] { check_silence(); });
  }
}

}  // namespace sigway::client
