#include "plain/request.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "dialects/grammar.h"

namespace sigway::plain {

using dialects::Error;
using dialects::ErrorCode;

namespace {

constexpr std::uint64_t kMaxNumber = (std::uint64_t{1} << 53) - 1;

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error != std::errc{} || end != last || number > kMaxNumber) return std::nullopt;
  return number;
}

Error bad_parameter(std::string_view name, std::string hint) {
  return {.code = ErrorCode::bad_request,
          .message = "The parameter `" + std::string(name) + "` is not right.",
          .hint = std::move(hint)};
}

std::optional<Error> read_number(std::string_view name, const std::string& value,
                                 std::optional<std::uint64_t>& out) {
  out = parse_number(value);
  if (out && *out != 0) return std::nullopt;
  return bad_parameter(name, "Write a number from 1 on.");
}

bool is_own(std::string_view name) noexcept {
  return name == "key" || name == "next" || name == "n" || name == "wait";
}

std::optional<Error> read(const std::string& name, const std::string& value, Query& query) {
  if (name == "key") {
    if (!dialects::valid_key(value)) return Error{.code = ErrorCode::bad_key};
    query.key = value;
  } else if (name == "next") {
    return read_number(name, value, query.next);
  } else if (name == "n") {
    return read_number(name, value, query.number);
  } else if (name == "wait") {
    const auto seconds = parse_number(value);
    if (!seconds) return bad_parameter(name, "Write how many seconds the poll may wait, like 25.");
    constexpr std::uint64_t kDay = 86'400;  // more would not fit the clock's ticks
    query.wait = std::chrono::seconds(std::min(*seconds, kDay));
  }
  return std::nullopt;
}

/// What follows the protocol's path, or `/` on a port of its own.
std::string_view room_of(const Protocol& protocol, std::string_view path) noexcept {
  if (path.starts_with(protocol.path())) {
    const auto rest = path.substr(protocol.path().size());
    if (rest.empty() || rest.starts_with('/')) path = rest;
  }
  return path.substr(std::min<std::size_t>(1, path.size()));
}

}  // namespace

std::variant<Query, Error> read_query(const Protocol& protocol, const http::Request& request) {
  Query query;
  auto parameters = request.parameters();
  for (const auto& [name, value] : parameters) {
    if (auto error = read(name, value, query)) return *std::move(error);
  }
  if (request.header("upgrade") == nullptr)
    std::erase_if(parameters, [](const auto& parameter) { return is_own(parameter.first); });
  auto entrance = protocol.entrance(room_of(protocol, request.path), parameters);
  if (auto* error = std::get_if<Error>(&entrance)) return std::move(*error);
  query.entrance = std::get<Entrance>(std::move(entrance));
  return query;
}

std::optional<EventId> parse_event_id(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos || !dialects::valid_key(text.substr(0, dot)))
    return std::nullopt;
  const auto number = parse_number(text.substr(dot + 1));
  if (!number) return std::nullopt;
  return EventId{std::string(text.substr(0, dot)), *number};
}

bool is_for(const session::Session& session, const Entrance& entrance) noexcept {
  const auto& opened = session.contents();
  return opened.room == entrance.room && opened.name == entrance.name;
}

session::OpenContents contents_of(const Protocol& protocol, const Entrance& entrance,
                                  std::string_view key, const std::string& address,
                                  const dialects::Traits& traits) {
  return {.key = session::hash_key(key),
          .room = entrance.room,
          .name = entrance.name,
          .capacity = entrance.capacity,
          .series = entrance.series,
          .replaces = {},
          .dialect = &protocol.dialect(),
          .traits = &traits,
          .address = base::AddressKey::parse(address)};
}

}  // namespace sigway::plain
