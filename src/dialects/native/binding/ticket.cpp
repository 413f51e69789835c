#include "native_binding/ticket.h"

#include <charconv>

namespace sigway::dialects::native {

// shard.serial.secret.carrier; the carrier last, because its name is the client's.
std::string to_string(const Ticket& ticket) {
  return std::to_string(ticket.session.shard) + '.' + std::to_string(ticket.session.serial) + '.' +
         ticket.secret + '.' + ticket.carrier;
}

Ticket parse_ticket(std::string_view text) {
  Ticket ticket;
  const auto number = [&text](auto& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end == text.data() + text.size() || *end != '.') return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
    return true;
  };
  if (!number(ticket.session.shard) || !number(ticket.session.serial)) return {};
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return {};
  ticket.secret = text.substr(0, dot);
  ticket.carrier = text.substr(dot + 1);
  return ticket;
}

}  // namespace sigway::dialects::native
