#include "binding/attach.h"

#include <utility>

namespace sigway::binding {

using dialects::Error;
using dialects::ErrorCode;
using session::Session;

AttachResult attach_stream(session::Hub& hub, StreamAttach attach) {
  auto& inputs = attach.inputs;
  const auto entered = enter(hub, attach.located);
  if (const auto* error = std::get_if<Error>(&entered)) return *error;
  auto* const session = std::get<Session*>(entered);
  if (session->turns_away()) return session->draining();
  const auto cursor = session->cursor_for(inputs.ack);
  if (const auto* error = std::get_if<Error>(&cursor)) return *error;

  const auto opened = session->open_carrier(inputs.carrier, [&] { return attach.make(*session); });
  if (const auto* error = std::get_if<Error>(&opened)) return *error;
  if (const auto* ended = std::get_if<Session::CarrierEnded>(&opened)) return ended->reason;
  auto* const carrier = dynamic_cast<session::StreamCarrier*>(std::get<session::Carrier*>(opened));
  if (carrier == nullptr) return Error{.code = ErrorCode::carrier_mismatch};

  // `turn` acts as part of the attach: the client hears of it by its welcome.
  if (inputs.turn) session->activate_with_attach(*carrier, *std::exchange(inputs.turn, {}));
  const auto start = std::get<std::uint64_t>(cursor);
  auto sink = attach.accept({*session, *carrier, start + 1});
  if (sink != nullptr)
    carrier->attach(attach.connection, std::move(sink), start, attach.heartbeat, hub.now());
  session->carriers_changed();
  auto error = session->process(std::move(inputs));
  return Attached{session, std::move(error)};
}

}  // namespace sigway::binding
