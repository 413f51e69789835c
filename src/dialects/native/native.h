#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dialects/dialect.h"

/// The codec of `sigway.v1`; docs/protocol.md is the norm.
namespace sigway::dialects::native {

inline constexpr std::size_t kMaxData = 65536;        ///< bytes of `data`
inline constexpr std::size_t kMaxWhole = 72U << 10U;  ///< bytes of a message in pieces: its data
                                                      ///< and its envelope
inline constexpr std::size_t kMaxDataDepth = 64;      ///< levels of `data`
inline constexpr std::size_t kMaxRequestDepth = 512;  ///< levels of a whole request
inline constexpr std::size_t kMaxMessages = 256;      ///< messages in one request
inline constexpr std::size_t kMaxAddresses = 64;

struct Open {
  std::optional<std::string> room;
  std::optional<std::string> name;
  std::optional<std::uint32_t> capacity;
  std::optional<std::string> replaces;  ///< a key

  bool operator==(const Open&) const = default;
};
struct Resume {
  std::string server;  ///< empty: not quoted
};

/// One POST body or WebSocket text frame, decoded. Fields that were absent are empty.
struct Request {
  std::optional<std::string> key;
  std::optional<Open> open;
  std::optional<Resume> resume;
  std::optional<std::string> carrier;
  std::optional<std::uint64_t> turn, ack, n, wait_ms, heartbeat_ms, pad, hello, ping;
  bool ticket = false;
  bool away = false;
  std::vector<Message> messages;
};

/// Decodes a whole request. The bytes need not be valid UTF-8 or JSON; anything wrong with the
/// envelope refuses the request, anything wrong inside a numbered message becomes that message's
/// refusal.
std::variant<Request, Error> decode_request(std::string_view text);

/// `open` of a person, from a URL's query (`room`, `name`, `capacity`, `replaces` is not allowed
/// there). Returns the error if a value is out of its limits.
std::variant<Open, Error> check_open(Open open);

bool valid_carrier(std::string_view name) noexcept;

const Dialect& dialect() noexcept;

/// A client that made its key: it numbers, acknowledges and activates.
extern const Traits kClient;
/// A person at a terminal, whose key the server made. Its session ends with its connection until
/// somebody has quoted the key, and is then `kPersonWithKey`.
extern const Traits kPerson, kPersonWithKey;

/// What the server does beyond `sigway.v1` as it was at first, as a JSON array for
/// `welcome.features` (docs/protocol.md, "Versions"). A name is never taken off, and never changes
/// its meaning.
inline constexpr std::string_view kFeatures = R"(["drain","mail"])";

/// Controls. Each yields the JSON object on one line, starting with `{"control":`; `welcome_object`
/// is the bare object for the field `welcome` of a poll's answer.
struct Welcome {
  std::string server, peer, carrier;
  std::string key;  ///< only for a person's session, else empty
  bool active = false;
  std::uint64_t turn = 0, up = 0;
  std::optional<std::uint64_t> next;  ///< WebSocket and SSE
  std::string ice_json = "[]";        ///< a JSON array, passed through
  std::uint64_t heartbeat_ms = 0, hold_ms = 0, resume_ms = 0;
  std::uint64_t max_data = kMaxData, max_body = 0, max_messages = kMaxMessages;
};
std::string welcome_control(const Welcome& welcome);
std::string welcome_object(const Welcome& welcome);
std::string hello_control(std::uint64_t which);
std::string activated_control(std::uint64_t turn, std::uint64_t next);
std::string standby_control(std::uint64_t turn, std::uint64_t next);
std::string heartbeat_control(std::uint64_t next);
std::string up_control(std::uint64_t up);
std::string pong_control(std::uint64_t ping);
std::string probe_control();
std::string error_control(const Error& error);
std::string end_control(std::string_view code, std::string_view message,
                        std::optional<std::uint64_t> retry_ms,
                        std::optional<std::uint64_t> expected = std::nullopt);

}  // namespace sigway::dialects::native
