#include "server/conditional.h"

#include <algorithm>
#include <string>

namespace sigway::server {

// Weak comparison against each element of the list.
bool holds_version(const http::Request& request, std::string_view etag) {
  const std::string* if_none_match = request.header("if-none-match");
  if (if_none_match == nullptr) return false;
  std::string_view rest = *if_none_match;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string_view candidate = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    while (candidate.starts_with(' ') || candidate.starts_with('\t')) candidate.remove_prefix(1);
    while (candidate.ends_with(' ') || candidate.ends_with('\t')) candidate.remove_suffix(1);
    if (candidate.starts_with("W/")) candidate.remove_prefix(2);
    if (candidate == "*" || candidate == etag) return true;
  }
  return false;
}

}  // namespace sigway::server
