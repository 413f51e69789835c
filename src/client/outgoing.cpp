#include "client/outgoing.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "client/json.h"
#include "client/pieces.h"

namespace sigway::client {
namespace {

constexpr std::size_t kFields = 72;  // "n", "at", "of" and "piece" with their numbers

}  // namespace

bool Outgoing::waits() const {
  return std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.waits(); });
}

void Outgoing::join() { parts = {{.begin = 0, .end = text.size()}}; }

// What was cut when the limit seemed higher is cut again.
void Outgoing::cut(std::size_t limit) {
  const auto room = limit - kFields;
  std::vector<Part> cut;
  for (const auto& part : parts) {
    const auto piece = std::string_view(text).substr(part.begin, part.end - part.begin);
    if (!part.waits() || json_string(piece).size() <= room) {
      cut.push_back(part);
      continue;
    }
    auto begin = part.begin;
    for (const auto& smaller : cut_into_pieces(piece, room)) {
      cut.push_back({.begin = begin, .end = begin + smaller.size()});
      begin += smaller.size();
    }
  }
  parts = std::move(cut);
}

void Outgoing::release(std::uint64_t via) {
  for (auto& part : parts) {
    if (part.via == via) part.via = 0;
  }
}

void Outgoing::landed(std::uint64_t via) {
  for (auto& part : parts) part.landed = part.landed || part.via == via;
}

std::string Outgoing::wire(const Part& part) const {
  const auto number = R"({"n":)" + std::to_string(n);
  if (whole()) return number + ',' + text.substr(1);
  return number + R"(,"at":)" + std::to_string(part.begin) + R"(,"of":)" +
         std::to_string(text.size()) + R"(,"piece":)" +
         json_string(std::string_view(text).substr(part.begin, part.end - part.begin)) + '}';
}

}  // namespace sigway::client
