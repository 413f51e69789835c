#pragma once

#include <cstddef>
#include <string_view>

/// What keys, rooms and names may be made of, whatever dialect brings them (docs/protocol.md,
/// "Rooms", "Names"). Any bytes may be asked about. Thread: any.
namespace sigway::dialects {

bool valid_key(std::string_view key) noexcept;    ///< 22 to 128 letters, digits, `-` and `_`
bool valid_room(std::string_view room) noexcept;  ///< also refuses what is not UTF-8
bool valid_name(std::string_view name) noexcept;  ///< without the `@` of an address; also refuses
                                                  ///< what is not UTF-8

/// Letters, digits, `-` and `_`, so many of them.
bool is_token(std::string_view text, std::size_t least, std::size_t most) noexcept;

}  // namespace sigway::dialects
