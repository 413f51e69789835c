#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dialects/error.h"

namespace sigway::dialects {

/// Whom a message is for: a member of the room by its peer id, or whoever holds a name.
struct Address {
  enum class Kind : std::uint8_t { peer, name };
  Kind kind = Kind::peer;
  std::string value;  ///< without the `@` of a name

  bool operator==(const Address&) const = default;
};

struct Join {
  std::string room;
  std::optional<std::uint32_t> capacity;
};
struct LeaveRoom {
  std::string room;
};
/// Ends the session.
struct Leave {};
struct Login {
  std::string name;
};
struct Logout {};
/// Anything that is delivered to others as it is. `data` is one complete JSON value on one line,
/// proved by the decoder, or empty when there was none.
struct Say {
  std::string type;
  std::vector<Address> to;  ///< empty: everybody else in the room
  std::optional<std::string> room;
  std::string data;
};

/// What a client can ask for, whatever dialect it speaks.
using Command = std::variant<Join, LeaveRoom, Leave, Login, Logout, Say>;

/// A part of a message's text (docs/protocol.md, "Pieces").
struct Piece {
  std::string text;
  std::size_t at = 0;  ///< where it stands in the whole text; bytes
  std::size_t of = 0;  ///< length of the whole text; bytes, at least `at + text.size()`
};

/// One numbered message as decoded. A message that is wrong in itself is still *taken*: it carries
/// the refusal.
struct Message {
  std::optional<std::uint64_t> n;
  std::variant<Command, Piece, Error> content;

  /// Bytes that holding this message costs, for budgets.
  std::size_t cost() const noexcept;
};

}  // namespace sigway::dialects
