#include "native_binding/poll.h"

#include <algorithm>
#include <utility>

#include "native_binding/poll_answer.h"

namespace sigway::dialects::native {

using longpoll::PollCarrier;

namespace {

/// How long an opening poll waits for what its room and name say, so that one round trip brings
/// that as well. A person's waits for any event, and may take longer: it is the only one.
constexpr base::Duration kOpeningWait = std::chrono::milliseconds(200);
constexpr base::Duration kPersonsWait = std::chrono::seconds(1);

base::Duration wait_of(const session::Settings& settings, const Request& request) {
  if (!request.wait_ms) return settings.poll_hold;
  const auto longest =
      std::chrono::duration_cast<std::chrono::milliseconds>(settings.poll_hold).count();
  return std::chrono::milliseconds(
      std::min<std::uint64_t>(*request.wait_ms, static_cast<std::uint64_t>(longest)));
}

}  // namespace

std::optional<Error> run_poll(binding::Context& context, session::Hub& hub, Poll poll) {
  auto& request = poll.request;
  const auto entered = enter(hub, poll.located);
  if (const auto* error = std::get_if<Error>(&entered)) return *error;
  auto& session = *std::get<session::Session*>(entered);
  const auto cursor = session.cursor_for(request.ack);
  if (const auto* error = std::get_if<Error>(&cursor)) return *error;

  const bool opening = poll.located.open.has_value();
  bool attaching = opening || request.resume.has_value();
  const auto name = carrier_name(request);
  const auto inputs = [&](bool attached) {
    auto all = inputs_of(request, opening);
    if (attached) all.turn.reset();  // it has acted already
    all.repeatable = true;
    return all;
  };
  const auto opened = session.open_carrier(name, [&] {
    attaching = true;
    return std::make_unique<PollCarrier>(session, hub.settings().poll_linger, &encode_answer);
  });
  if (const auto* error = std::get_if<Error>(&opened)) return *error;
  if (const auto* ended = std::get_if<session::Session::CarrierEnded>(&opened)) {
    // The carrier is over, but what else the client says counts.
    auto error = session.process(inputs(true));
    if (!error) poll.reply->answer(PollCarrier::ended(ended->reason, {}, session, &encode_answer));
    return error;
  }
  auto* const carrier = dynamic_cast<PollCarrier*>(std::get<session::Carrier*>(opened));
  if (carrier == nullptr) return Error{.code = ErrorCode::carrier_mismatch};

  const auto begun = carrier->begin(request.n, std::get<std::uint64_t>(cursor));
  std::string welcome;
  if (attaching) {
    if (request.turn) session.activate_with_attach(*carrier, *request.turn);
    welcome = welcome_object(native::welcome(context, session, poll.located, *carrier, name,
                                             std::nullopt, hub.settings().heartbeat));
  }
  const auto wait = wait_of(hub.settings(), request);
  if (auto error = session.process(inputs(attaching))) {
    session.carriers_changed();  // the parked polls that this one has replaced are gone
    return error;
  }
  if (session.ended()) {
    poll.reply->answer(PollCarrier::ended(session::End::left, {}, session, &encode_answer));
    return std::nullopt;
  }
  if (session.turns_away()) {
    poll.reply->answer(
        PollCarrier::ended(session::End::draining, session::kDrainRetry, session, &encode_answer));
    return std::nullopt;
  }
  if (begun == PollCarrier::Begun::stale) {
    poll.reply->answer(carrier->empty());
    return std::nullopt;
  }
  auto longest = wait;
  if (!poll.located.made_key.empty()) {
    longest = std::min(wait, kPersonsWait);
  } else if (attaching) {
    longest = opening && session.awaits_bus() ? std::min(wait, kOpeningWait) : base::Duration{};
  }
  if (opening && longest != base::Duration{}) carrier->gather();
  carrier->finish(std::move(poll.reply), poll.connection, std::move(welcome),
                  longest == base::Duration{}, hub.now() + longest, session.outbox());
  session.carriers_changed();
  return std::nullopt;
}

}  // namespace sigway::dialects::native
