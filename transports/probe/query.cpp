#include "probe/query.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace sigway::probe {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostNonces = 16;
constexpr std::size_t kLeastChunk = 64;  // room for number and time
constexpr std::size_t kMostChunk = 64 * 1024;
constexpr std::size_t kMostChunks = 2000;
constexpr std::uint64_t kLeastInterval = 10;

http::Response refuse(std::string message, std::string hint) {
  return http::Response::error(400, "bad_request", std::move(message), std::move(hint));
}

http::Response out_of_range(std::string_view name, std::uint64_t least, std::uint64_t most) {
  return refuse(
      "The parameter " + std::string(name) + " is out of its range.",
      "Give a whole number from " + std::to_string(least) + " to " + std::to_string(most) + ".");
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Reads a number into `field`, or makes the refusal.
template <typename Field>
std::optional<http::Response> read_number(std::string_view name, std::string_view text,
                                          std::uint64_t least, std::uint64_t most, Field& field) {
  const auto value = number(text);
  if (!value || *value < least || *value > most) return out_of_range(name, least, most);
  field = Field(*value);
  return std::nullopt;
}

std::optional<http::Response> read_type(std::string_view text, StreamType& type) {
  static constexpr std::pair<std::string_view, StreamType> kTypes[] = {
      {"events", StreamType::events},
      {"text", StreamType::text},
      {"json", StreamType::json},
      {"binary", StreamType::binary}};
  for (const auto& [name, value] : kTypes) {
    if (name != text) continue;
    type = value;
    return std::nullopt;
  }
  return refuse("The parameter type is none that is known.",
                "Known are events, text, json and binary.");
}

std::string_view known_parameters(Kind kind) {
  switch (kind) {
    case Kind::echo: return "Known are u and of.";
    case Kind::hold: return "Known are u and ms.";
    case Kind::stream: return "Known are u, type, interval, size and count.";
    case Kind::socket: return "Known is u.";
  }
  return "";
}

std::optional<http::Response> read_parameter(Query& query, Kind kind, const std::string& name,
                                             const std::string& value, const Bounds& bounds) {
  const auto most_time = static_cast<std::uint64_t>(bounds.time.count());
  if (name == "u" || (kind == Kind::echo && name == "of")) {
    if (!is_nonce(value)) {
      return refuse("The parameter " + name + " is no nonce.",
                    "A nonce is 1 to 64 characters of A-Z a-z 0-9 - _.");
    }
    if (name == "u") {
      query.u = value;
    } else if (query.of.size() == kMostNonces) {
      return refuse("There are too many parameters of.",
                    "Ask for " + std::to_string(kMostNonces) + " nonces at a time.");
    } else {
      query.of.push_back(value);
    }
    return std::nullopt;
  }
  if (kind == Kind::hold && name == "ms") return read_number(name, value, 0, most_time, query.hold);
  if (kind == Kind::stream) {
    if (name == "type") return read_type(value, query.type);
    if (name == "interval") {
      return read_number(name, value, std::min(kLeastInterval, most_time), most_time,
                         query.interval);
    }
    if (name == "size") return read_number(name, value, kLeastChunk, kMostChunk, query.size);
    if (name == "count") return read_number(name, value, 1, kMostChunks, query.count);
  }
  return http::Response::error(400, "unknown_field", "The query has a parameter that is not known.",
                               std::string(known_parameters(kind)));
}

}  // namespace

bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
             std::string_view::npos;
}

std::variant<Query, http::Response> read_query(const http::Request& request, Kind kind,
                                               const Bounds& bounds) {
  Query query;
  for (const auto& [name, value] : request.parameters()) {
    if (auto refusal = read_parameter(query, kind, name, value, bounds)) return std::move(*refusal);
  }
  if (kind == Kind::stream) {
    // No overflow: the range of each factor is small.
    if (query.interval * static_cast<std::int64_t>(query.count - 1) > bounds.time) {
      return refuse(
          "The stream would last too long.",
          "interval times count may be " + std::to_string(bounds.time.count()) + " milliseconds.");
    }
    if (query.size * query.count > bounds.bytes) {
      return refuse("The stream would be too large.",
                    "size times count may be " + std::to_string(bounds.bytes) + " bytes.");
    }
  }
  return query;
}

}  // namespace sigway::probe
