#include "matchbox/uuid.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace sigway::dialects::matchbox {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
/// Each `x` and its neighbour are a character of the peer id. The fixed digits say version and
/// variant.
constexpr std::string_view kForm = "xxxxxxxx-xxxx-8000-8000-xxxxxxxxxxxx";

/// -1: it is none.
int digit(char c) noexcept {
  if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  const auto at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

bool is_of_peer_ids(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'); }

}  // namespace

std::string uuid_of(std::string_view peer) {
  std::string uuid(kForm);
  std::size_t next = 0;
  for (std::size_t at = 0; at < uuid.size(); ++at) {
    if (uuid[at] != 'x') continue;
    const auto c = static_cast<unsigned char>(next < peer.size() ? peer[next] : '\0');
    ++next;
    uuid[at] = kDigits[c >> 4U];
    uuid[++at] = kDigits[c & 0xFU];
  }
  return uuid;
}

std::optional<std::string> peer_of(std::string_view uuid) {
  if (uuid.size() != kForm.size()) return std::nullopt;
  std::string peer;
  for (std::size_t at = 0; at < uuid.size(); ++at) {
    if (kForm[at] != 'x') {
      if (uuid[at] != kForm[at]) return std::nullopt;
      continue;
    }
    const auto high = digit(uuid[at]);
    const auto low = digit(uuid[++at]);
    if (high < 0 || low < 0) return std::nullopt;
    peer += static_cast<char>(high * 16 + low);
  }
  while (!peer.empty() && peer.back() == '\0') peer.pop_back();
  if (peer.empty() || !std::all_of(peer.begin(), peer.end(), is_of_peer_ids)) return std::nullopt;
  return peer;
}

}  // namespace sigway::dialects::matchbox
