#include "bus/kept.h"

#include <algorithm>
#include <utility>

#include "bus/names.h"

namespace sigway::bus {
namespace {

/// What it costs beside the event itself: the share of a growing vector that is not used yet, and
/// the blocks of its texts.
constexpr std::size_t kOverhead = sizeof(dialects::event::Said) + 64;

std::size_t cost(const dialects::event::Said& said) noexcept {
  return sizeof said + kOverhead + said.type.size() + said.room.size() + said.from.size() +
         said.name.size() + said.data.size();
}

}  // namespace

Kept::Kept(MailboxTotals& totals, base::AddressKey address, std::size_t most_bytes)
    : totals_(totals), address_(address), most_bytes_(most_bytes) {}

Kept::~Kept() {
  totals_.bytes -= bytes_;
  totals_.memory.release(base::MemoryPart::mailbox, bytes_);
  if (bytes_ == 0) return;
  totals_.addresses.subtract(address_, messages_.size());
  totals_.address_bytes.subtract(address_, bytes_);
}

bool Kept::add(dialects::event::Said said) {
  const auto bytes = cost(said);
  if (messages_.size() >= kMostMessages || bytes_ + bytes > most_bytes_) return false;
  if (totals_.bytes + bytes > totals_.settings.total_bytes || totals_.memory.exceeded())
    return false;
  if (messages_.size() == messages_.capacity())
    messages_.reserve(std::max<std::size_t>(8, 2 * messages_.size()));
  if (!totals_.addresses.try_add(address_)) return false;
  bool has_bytes = false;
  try {
    has_bytes = totals_.address_bytes.try_add(address_, bytes);
  } catch (...) {
    totals_.addresses.subtract(address_);
    throw;
  }
  if (!has_bytes) {
    totals_.addresses.subtract(address_);
    return false;
  }
  messages_.push_back(std::move(said));
  bytes_ += bytes;
  totals_.bytes += bytes;
  totals_.memory.charge(base::MemoryPart::mailbox, bytes);
  return true;
}

}  // namespace sigway::bus
