#include "dialects/dialect.h"

namespace sigway::dialects {

std::variant<Command, Error> Dialect::decode_message(std::string_view) const {
  return Error{.code = ErrorCode::bad_request,
               .message = "This protocol has no messages in pieces.",
               .hint = "Send the message whole."};
}

}  // namespace sigway::dialects
