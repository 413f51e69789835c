#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sigway::client {

/// Cuts UTF-8 text into pieces whose form as a JSON string is at most `limit` bytes each, quotes
/// included, never within a character. `limit` is 16 at the least.
std::vector<std::string> cut_into_pieces(std::string_view text, std::size_t limit);

/// `text` as a JSON string, with its quotes. What is not UTF-8 is replaced.
std::string json_string(std::string_view text);

}  // namespace sigway::client
