#pragma once

#include <string>

#include "client/json.h"
#include "client/network.h"
#include "client/scheduler.h"

namespace sigway::client {

/// Why an attempt, a carrier or a session is over.
struct Failure {
  /// What the server said (docs/protocol.md, "Errors" and "Ends"), or ours: `network`, `deadline`,
  /// `unsent`, `silence`, `gap`, `no_way_up`, `not_sigway`, `http_STATUS`.
  std::string code{};
  std::string message{};
  int status = 0;              ///< of the HTTP answer, if it was one
  Duration retry{0};           ///< not before
  std::uint64_t limit = 0;     ///< of a body, where the server stated it
  std::uint64_t expected = 0;  ///< of `draining`: no message from that number on was taken
  bool of_uploads = false;     ///< they failed, which says nothing of how a stream dies
};

enum class Verdict {
  retry,  ///< it is about the way there
  reset,  ///< the server has forgotten the session: a new one, with another key
  close,  ///< the server will not have us, or we are where we wanted to be
};
/// Only codes that the server itself wrote can end a session: a 403 from a filter says nothing.
Verdict verdict(const Failure& failure);
/// Whether something on the way refuses requests: a filter, for a while or for good. It says
/// nothing of the way down.
bool is_filtered(const Failure& failure);

/// Whether the next request may fare better: the connection broke, or a balancer had no server, and
/// nobody said when to come back.
bool is_passing(const Failure& failure);

/// Whether something on the way did it, and not the server or we.
bool is_unclean(const Failure& failure);

/// Of a stream beside which nothing goes up.
Failure no_way_up();
/// Of an answer that is no success.
Failure failure_of(const HttpAnswer& answer);
/// Of a control `error` or `end`, or the `ended` of a poll.
Failure failure_of_control(const Json& control);

}  // namespace sigway::client
