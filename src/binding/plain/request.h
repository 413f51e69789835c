#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "binding/opening.h"
#include "dialects/plain.h"
#include "http/request.h"

namespace sigway::plain {

using dialects::plain::Entrance;
using dialects::plain::Protocol;

/// What a request's address says, checked.
struct Query {
  Entrance entrance;
  std::optional<std::string> key;       ///< names the session
  std::optional<std::uint64_t> next;    ///< a poll: the number of the first message that it wants
  std::optional<base::Duration> wait;   ///< of a poll
  std::optional<std::uint64_t> number;  ///< of an uploaded message
};
std::variant<Query, dialects::Error> read_query(const Protocol& protocol,
                                                const http::Request& request);

/// `KEY.N`, the id of an event: whose it is, and its number.
struct EventId {
  std::string key;
  std::uint64_t number = 0;
};
std::optional<EventId> parse_event_id(std::string_view text);

/// Whether the session was opened at an address that asks for the same.
bool is_for(const session::Session& session, const Entrance& entrance) noexcept;

/// What opens the session with that key.
session::OpenContents contents_of(const Protocol& protocol, const Entrance& entrance,
                                  std::string_view key, const std::string& address,
                                  const dialects::Traits& traits);

}  // namespace sigway::plain
