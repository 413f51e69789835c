#include "socketio_rooms/room_name.h"

#include "dialects/grammar.h"
#include "dialects/scope.h"

namespace sigway::dialects::socketio {

namespace {
constexpr std::size_t kMaxSpace = 64;
constexpr std::string_view kDialect = "socketio";
}  // namespace

std::string bus_room(std::string_view space, std::string_view room) {
  if (space != "/") return std::string(space).append("#").append(room);
  return room.starts_with('/') ? std::string("/").append(room) : std::string(room);
}

std::string lobby(std::string_view space) { return scoped(kDialect, space); }

// The name of no namespace: those begin with a slash.
std::string openers(std::string_view channel) {
  return scoped(kDialect, "channel ").append(channel);
}

std::optional<std::string_view> page_room(std::string_view bus_room) noexcept {
  if (unscoped(kDialect, bus_room)) return std::nullopt;
  if (!bus_room.starts_with('/')) return bus_room;
  if (bus_room.starts_with("//")) return bus_room.substr(1);
  const auto mark = bus_room.find('#');
  if (mark == std::string_view::npos) return std::nullopt;
  return bus_room.substr(mark + 1);
}

bool is_space(std::string_view space) noexcept {
  return space == "/" ||
         (space.starts_with('/') && !space.starts_with("//") && space.size() <= kMaxSpace &&
          space.find_first_of("#?,") == std::string_view::npos && valid_room(space));
}

}  // namespace sigway::dialects::socketio
