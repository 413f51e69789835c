#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "apprtc_binding/client.h"
#include "http/exchange.h"
#include "session/end.h"

namespace sigway::dialects::apprtc {

/// How something went that a request has said.
struct Said {
  std::optional<Error> error = std::nullopt;  ///< it was not taken
  bool is_unsent = false;                     ///< it was refused: too much waits for its receivers
};

/// A request that says something, and how it is answered.
struct Saying {
  http::Replies* replies = nullptr;
  http::ExchangeId to = {};
  std::function<http::Response(const Said&)> answer;
  /// The client has not got the place for which it waited.
  std::function<http::Response(session::End)> ended;
  std::uint64_t connection = 0;  ///< for `Session::detach`, while the request waits for the place
};

/// Says `text` in the room of `session`. The request is answered when the client has its place and
/// all that could refuse the message has had its say. On the session's shard.
void say_and_answer(session::Hub& hub, session::Session& session, std::string_view text,
                    const Saying& saying);

}  // namespace sigway::dialects::apprtc
