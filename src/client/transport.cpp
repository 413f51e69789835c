#include <array>
#include <utility>

#include "client/client.h"

namespace sigway {
namespace {

constexpr std::array<std::pair<Transport, std::string_view>, 4> kTransports{
    {{Transport::automatic, "auto"},
     {Transport::websocket, "websocket"},
     {Transport::sse, "sse"},
     {Transport::poll, "poll"}}};

}  // namespace

std::string_view to_string(Transport transport) noexcept {
  return kTransports[static_cast<std::size_t>(transport)].second;
}

std::optional<Transport> transport_named(std::string_view name) noexcept {
  for (const auto& [transport, its_name] : kTransports) {
    if (its_name == name) return transport;
  }
  return std::nullopt;
}

std::string_view to_string(ClientState state) noexcept {
  constexpr std::array<std::string_view, 4> kNames{"connecting", "open", "reconnecting", "closed"};
  return kNames[static_cast<std::size_t>(state)];
}

}  // namespace sigway
