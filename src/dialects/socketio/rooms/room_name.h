#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Which room of the bus a page's room is. Rooms of the namespace "/" are the bus's rooms of the
/// same name, so that clients of other dialects can be in them; those of another one are apart, as
/// in Socket.IO.
///
///     namespace   page's room   room of the bus
///     /           foo           foo
///     /           /foo          //foo
///     /chat       foo           /chat#foo
///
/// Who is in no room speaks in the lobby of its namespace, a room that no client can name.
namespace sigway::dialects::socketio {

std::string bus_room(std::string_view space, std::string_view room);
/// Where those speak who are in no room.
std::string lobby(std::string_view space);

/// Where those are who have opened a channel (`new-channel`) of that name.
std::string openers(std::string_view channel);

/// The page's name for a room of the bus; none: it is a lobby, or holds openers.
std::optional<std::string_view> page_room(std::string_view bus_room) noexcept;

/// Whether a namespace of that name can be kept apart from the others.
bool is_space(std::string_view space) noexcept;

}  // namespace sigway::dialects::socketio
