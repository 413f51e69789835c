#include "apprtc_binding/channel.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "apprtc/apprtc.h"
#include "apprtc/collider.h"
#include "apprtc/payload.h"

namespace sigway::dialects::apprtc {

using session::End;
using session::Outbox;

namespace {

class Sink final : public session::StreamSink {
 public:
  /// All but `port` outlive it.
  Sink(Service& service, const session::Hub& hub, websocket::Port port, Talk& talk,
       websocket::PingProof& proof)
      : service_(service), hub_(hub), port_(std::move(port)), talk_(talk), proof_(proof) {}

  std::size_t room() override { return port_.room(); }
  std::size_t unsent() override { return port_.unsent(); }
  void events(std::uint64_t first, std::span<const EncodedEvent> events) override {
    for (const auto& event : events) write(event);
    proof_.wrote(first + events.size() - 1, hub_.now());
  }
  void activated(std::uint64_t /*turn*/, std::uint64_t /*next*/) override {}
  void standby(std::uint64_t /*turn*/, std::uint64_t /*next*/) override {}
  void hello(std::uint64_t /*which*/) override {}
  void heartbeat(std::uint64_t /*next*/) override { proof_.ask(); }
  void probe() override { proof_.ask(); }

  void end(End reason, base::Duration /*retry*/) override {
    try {
      if (reason == End::full) return fail(kNoPlace);
      if (reason == End::moved) return fail(kTakenOver);
      if (reason == End::left) return port_.close(kNormalClose, {});
      port_.close(session::info(reason).close_code, session::info(reason).name);
    } catch (const std::bad_alloc&) {
      port_.abort();
    }
  }

 private:
  void write(const EncodedEvent& event) {
    switch (note_of(event)) {
      case Note::none:
        port_.send(event);
        if (is_bye(event)) end_talk();
        break;
      case Note::peer_offer:
        if (talk_.role == Role::caller) break;
        port_.send_text({std::shared_ptr<const std::string>(event, &event->more->bytes)});
        break;
      case Note::gone:
        // A client that hears it twice begins its next call twice.
        if (!talk_.is_over) say_bye();
        break;
      case Note::anew:
        // One who is called takes the next offer as it is.
        if (talk_.role != Role::callee) say_bye();
        break;
      case Note::met: talk_.is_over = false; break;
      case Note::created:
      case Note::joined:
        // It has come in by Collider, so that nobody has told it who offers.
        talk_ = {};
        break;
      case Note::unsent: ++talk_.unsent; break;
      case Note::unplaced: return refuse(session::too_many_joins(), End::rate_limited);
    }
  }
  void say_bye() {
    port_.send_text(server_message(kBye));
    end_talk();
  }
  void end_talk() {
    talk_.is_over = true;
    if (talk_.role == Role::callee) talk_.role = Role::caller;
  }
  void fail(std::string_view why) {
    complain(why);
    port_.close(kNormalClose, {});
  }
  void refuse(const Error& error, End reason) {
    complain(error.sentence());
    port_.close(session::info(reason).close_code, session::info(reason).name);
  }
  void complain(std::string_view why) {
    ++service_.counters.socket_errors;
    port_.send_text(server_error(why));
  }

  Service& service_;
  const session::Hub& hub_;
  const websocket::Port port_;
  Talk& talk_;
  websocket::PingProof& proof_;
};

}  // namespace

Channel::Channel(const session::Session& session, const session::Hub& hub)
    : StreamCarrier(
          {.heartbeat = hub.settings().heartbeat, .patience = 1, .max_age = {}, .max_bytes = 0}),
      session_(session),
      hub_(hub),
      expected_until_(hub.now() + kGrace) {}

Channel& Channel::of(session::Session& session, const session::Hub& hub) {
  const auto opened =
      session.open_carrier(kName, [&] { return std::make_unique<Channel>(session, hub); });
  // The only carrier, which nothing ends for good but the session's end.
  return dynamic_cast<Channel&>(*std::get<session::Carrier*>(opened));
}

Channel* Channel::find(session::Session& session) {
  return dynamic_cast<Channel*>(session.find_carrier(kName));
}

std::unique_ptr<session::StreamSink> Channel::registered(Service& service, std::uint64_t connection,
                                                         const websocket::Port& port) {
  StreamCarrier::end(End::moved, {});
  expected_until_ = base::TimePoint::max();
  socket_ = connection;
  proof_.emplace([port](std::string_view payload) { port.ping(payload); },
                 service.options.websocket.noise);
  return std::make_unique<Sink>(service, hub_, port, talk_, *proof_);
}

std::optional<std::uint64_t> Channel::pong(std::string_view payload) {
  return proof_ ? proof_->pong(payload, hub_.now()) : std::nullopt;
}

bool Channel::detach(std::uint64_t connection) {
  const auto is_it = [&](const Waiting& waiting) { return waiting.connection == connection; };
  if (StreamCarrier::detach(connection)) {
    proof_.reset();
    return true;
  }
  return std::erase_if(waiting_, is_it) != 0;
}

void Channel::pump(Outbox& outbox) {
  if (!session_.awaits_bus()) {
    // Before that, the client does not know that it may register.
    if (!std::exchange(is_placed_, true) && socket_ == 0) expected_until_ = hub_.now() + kGrace;
    if (!waiting_.empty()) answer_waiting(outbox);
  }
  StreamCarrier::pump(outbox);
}

void Channel::answer_waiting(Outbox& outbox) {
  std::vector<EncodedEvent> events;
  for (auto number = outbox.acknowledged(); number < outbox.last();)
    events.push_back(outbox.at(++number));
  while (!waiting_.empty()) {
    const auto waiting = std::move(waiting_.back());
    waiting_.pop_back();
    try {
      // The room may be larger than the server allows, so that nobody has asked for a place.
      const bool has_place = !session_.rooms().empty();
      auto response = has_place ? waiting.placed(events) : waiting.ended(End::full);
      if (response) waiting.replies->respond(waiting.to, *std::move(response));
    } catch (const std::bad_alloc&) {
      waiting.replies->abandon(waiting.to);
      continue;
    }
    if (!waiting.is_join) continue;
    const auto is_first = [](const EncodedEvent& event) { return note_of(event) == Note::created; };
    talk_.role = std::any_of(events.begin(), events.end(), is_first) ? Role::caller : Role::callee;
    outbox.mark_written(outbox.last());
    answered_ = outbox.last();
  }
}

void Channel::end(End reason, base::Duration retry) {
  StreamCarrier::end(reason, retry);
  while (!waiting_.empty()) {
    const auto waiting = std::move(waiting_.back());
    waiting_.pop_back();
    try {
      waiting.replies->respond(waiting.to, waiting.ended(reason));
    } catch (const std::bad_alloc&) {
      waiting.replies->abandon(waiting.to);
    }
  }
}

base::TimePoint Channel::next_deadline() const {
  const auto next_ping = proof_ ? proof_->next_ping() : base::TimePoint::max();
  return std::min({expected_until_, next_ping, StreamCarrier::next_deadline()});
}

std::optional<End> Channel::on_timer(base::TimePoint now, Outbox& outbox) {
  if (now >= expected_until_) expected_until_ = base::TimePoint::max();
  if (proof_) proof_->on_timer(now);
  return StreamCarrier::on_timer(now, outbox);
}

std::optional<std::uint64_t> Channel::sent(const Outbox& outbox) {
  const auto by_socket = StreamCarrier::sent(outbox);
  return by_socket ? by_socket : answered_;
}

}  // namespace sigway::dialects::apprtc
