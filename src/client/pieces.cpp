#include "client/pieces.h"

#include "client/json.h"

namespace sigway::client {
namespace {

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

std::size_t cost_of(std::string_view character) {
  const auto byte = static_cast<unsigned char>(character.front());
  if (byte == '"' || byte == '\\') return 2;
  return byte < 0x20 ? 6 : character.size();
}

}  // namespace

std::vector<std::string> cut_into_pieces(std::string_view text, std::size_t limit) {
  std::vector<std::string> pieces;
  std::size_t start = 0;
  std::size_t bytes = 2;
  for (std::size_t at = 0; at < text.size();) {
    auto end = at + 1;
    while (end < text.size() && continues(text[end])) ++end;
    const auto cost = cost_of(text.substr(at, end - at));
    if (bytes + cost > limit) {
      pieces.emplace_back(text.substr(start, at - start));
      start = at;
      bytes = 2;
    }
    bytes += cost;
    at = end;
  }
  pieces.emplace_back(text.substr(start));
  return pieces;
}

std::string json_string(std::string_view text) { return dump(Json(std::string(text))); }

}  // namespace sigway::client
