#include "bus/refusals.h"

#include <algorithm>

#include "base/keyed_hash.h"

namespace sigway::bus {
namespace {

std::uint64_t key_of(std::string_view place, base::AddressKey who) noexcept {
  return base::keyed_hash(place) ^ who.value;
}

}  // namespace

bool Refusals::may_probe(std::string_view place, base::AddressKey who, base::TimePoint now) const {
  const auto row = rows_.find(key_of(place, who));
  return row == rows_.end() || now >= row->second.until;
}

void Refusals::refused(std::string_view place, base::AddressKey who, base::TimePoint now) {
  make_room(now);
  auto& row = rows_.try_emplace(key_of(place, who)).first->second;
  if (now < row.until) return;
  const bool is_first = row.wait == base::Duration{} || now >= row.until + kMemory;
  row.wait = is_first ? kFirst : std::min(2 * row.wait, kLongest);
  row.until = now + row.wait;
}

void Refusals::admitted(std::string_view place, base::AddressKey who) {
  if (!rows_.empty()) rows_.erase(key_of(place, who));
}

void Refusals::make_room(base::TimePoint now) {
  if (rows_.size() < std::min(sweep_at_, most_)) return;
  std::erase_if(rows_, [&](const auto& row) { return now >= row.second.until + kMemory; });
  if (rows_.size() >= most_) rows_.clear();
  sweep_at_ = std::max<std::size_t>(1024, 2 * rows_.size());
}

}  // namespace sigway::bus
