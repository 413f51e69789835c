#pragma once

#include <string_view>
#include <variant>

#include "dialects/command.h"
#include "dialects/event.h"

namespace sigway::dialects {

/// A codec between one client protocol and the commands and events that sessions and the bus deal
/// in. No I/O, no state; instances live as long as the program and are used by every shard at once.
class Dialect {
 public:
  virtual ~Dialect() = default;

  /// An event on one line of text.
  virtual EncodedEvent encode(const Event& event) const = 0;

  /// The text of one message that came in pieces; the message must have no number of its own.
  virtual std::variant<Command, Error> decode_message(std::string_view text) const = 0;
};

}  // namespace sigway::dialects
