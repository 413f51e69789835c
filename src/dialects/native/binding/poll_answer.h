#pragma once

#include <string>

#include "longpoll/poll_answer.h"

namespace sigway::dialects::native {

/// The body of a poll's answer (docs/protocol.md, "Long-polling"): one JSON object on one line. Any
/// thread.
std::string encode_answer(const longpoll::PollAnswer& answer);

}  // namespace sigway::dialects::native
