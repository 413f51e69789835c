#pragma once

#include <string_view>
#include <variant>

#include "dialects/command.h"
#include "native/fields.h"

/// Private to the decoder of `sigway.v1`: one message (docs/protocol.md, "Up: messages").
namespace sigway::dialects::native {

/// Makes a message of an object's fields. An error refuses the request: the message has no number
/// of its own that a refusal could quote.
std::variant<Message, Error> make_message(const FieldSet& fields);

/// Dialect::decode_message.
std::variant<Command, Error> decode_joined_message(std::string_view text);

}  // namespace sigway::dialects::native
