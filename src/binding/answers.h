#pragma once

#include "base/bytes.h"
#include "dialects/error.h"
#include "http/response.h"
#include "session/end.h"

namespace sigway::binding {

/// The status, the sentence and the hint of an error (docs/protocol.md, "Errors").
http::Response refusal(const dialects::Error& error);

/// What a request hears that was parked when its carrier or session ended.
dialects::Error error_of(session::End reason);

/// 200 with JSON that nobody may keep.
http::Response answer(base::Bytes json);

}  // namespace sigway::binding
