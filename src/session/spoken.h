#pragma once

#include <memory>

#include "dialects/event.h"
#include "session/ids.h"

namespace sigway::session {

/// Who has said something. Whatever has still to become of it holds a share of this: the message on
/// its way, in an outbox until it is acknowledged, or in a mailbox, and a refusal on its way back.
/// So a session that holds the only share knows that all it has said has arrived, or that it has
/// been told what has not. Thread: any.
struct Speaker {
  SessionId id;
};

/// One message, as its sender knows it.
struct Spoken {
  std::shared_ptr<const Speaker> by;  ///< none: nobody has to hear what becomes of it
  dialects::Re re = 0;
};

}  // namespace sigway::session
