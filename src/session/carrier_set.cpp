#include "session/carrier_set.h"

#include <algorithm>
#include <utility>

namespace sigway::session {
namespace {

constexpr std::ptrdiff_t kRememberedCarriers = 16;

}  // namespace

CarrierSet::Slot* CarrierSet::find_slot(std::string_view name) noexcept {
  const auto slot =
      std::find_if(slots_.begin(), slots_.end(), [&](const Slot& s) { return s.name == name; });
  return slot == slots_.end() ? nullptr : &*slot;
}

CarrierSet::Slot* CarrierSet::slot_of(const Carrier& carrier) noexcept {
  const auto slot = std::find_if(slots_.begin(), slots_.end(),
                                 [&](const Slot& s) { return s.carrier.get() == &carrier; });
  return slot == slots_.end() ? nullptr : &*slot;
}

Carrier* CarrierSet::find(std::string_view name) noexcept {
  const auto* const slot = find_slot(name);
  return slot == nullptr ? nullptr : slot->carrier.get();
}

bool CarrierSet::any_connected() const noexcept {
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const Slot& slot) { return slot.carrier && slot.carrier->connected(); });
}

CarrierSet::Opened CarrierSet::open(std::string_view name,
                                    const std::function<std::unique_ptr<Carrier>()>& make,
                                    bool is_active, base::TimePoint now) {
  if (auto* const slot = find_slot(name)) {
    if (slot->carrier) return slot->carrier.get();
    return Ended{slot->reason};
  }
  const auto has_ended = [](const Slot& slot) { return !slot.carrier; };
  const auto ended = std::count_if(slots_.begin(), slots_.end(), has_ended);
  const auto beside_active = slots_.size() - static_cast<std::size_t>(ended) - (active_ ? 1 : 0);
  if (beside_active >= settings_.standby_carriers) {
    // A carrier that was cut only reserves its name. The new one has a client behind it.
    const auto cut = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
      return slot.carrier && slot.carrier.get() != active_ && !slot.carrier->connected();
    });
    if (cut == slots_.end()) return dialects::Error{.code = dialects::ErrorCode::too_many_carriers};
    slots_.erase(cut);
  }
  if (ended >= kRememberedCarriers) {
    // The one that ended first, which need not be the one that was attached first.
    slots_.erase(std::min_element(slots_.begin(), slots_.end(), [](const Slot& a, const Slot& b) {
      return a.ended_as < b.ended_as;
    }));
  }
  const auto standby_until = turn_ == 0 ? base::TimePoint::max() : now + settings_.standby_timeout;
  slots_.push_back({std::string(name), make(), standby_until});
  if (is_active && turn_ == 0) make_active(slots_.back(), 1, now);
  return slots_.back().carrier.get();
}

void CarrierSet::make_active(Slot& slot, std::uint64_t turn, base::TimePoint now) noexcept {
  turn_ = turn;
  auto* const previous = std::exchange(active_, slot.carrier.get());
  slot.standby_until = base::TimePoint::max();
  const auto standby_until = now + settings_.standby_timeout;
  for (auto& other : slots_) {
    if (&other != &slot) other.standby_until = std::min(other.standby_until, standby_until);
  }
  if (previous != nullptr && previous != active_) end(*slot_of(*previous), End::moved);
}

void CarrierSet::activate(const Carrier& carrier, std::uint64_t turn,
                          base::TimePoint now) noexcept {
  if (turn <= turn_) return;
  if (auto* const slot = slot_of(carrier)) make_active(*slot, turn, now);
}

CarrierSet::Activation CarrierSet::activate(std::string_view name, std::uint64_t turn,
                                            base::TimePoint now) noexcept {
  using Kind = Activation::Kind;
  auto* const slot = find_slot(name);
  if (slot == nullptr) return {.kind = Kind::unknown};
  auto* const carrier = slot->carrier.get();
  if (carrier == nullptr) return {.kind = Kind::ended};
  if (turn <= turn_)
    return {.kind = carrier == active_ ? Kind::repeated : Kind::standby, .carrier = carrier};
  const bool is_fresh = !receives(*carrier);
  make_active(*slot, turn, now);
  return {.kind = Kind::activated, .carrier = carrier, .is_fresh = is_fresh};
}

void CarrierSet::end(Slot& slot, End reason) noexcept {
  slot.carrier->end(reason, {});
  if (info(reason).carrier_may_return) return;
  if (slot.carrier.get() == active_) active_ = nullptr;
  slot.carrier.reset();
  slot.reason = reason;
  slot.ended_as = ++ended_count_;
}

bool CarrierSet::detach(std::uint64_t connection) {
  return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return slot.carrier && slot.carrier->detach(connection);
  });
}

base::TimePoint CarrierSet::next_deadline() const {
  auto deadline = base::TimePoint::max();
  for (const auto& slot : slots_) {
    if (slot.carrier)
      deadline = std::min({deadline, slot.standby_until, slot.carrier->next_deadline()});
  }
  return deadline;
}

bool CarrierSet::check(base::TimePoint now, Outbox& outbox) {
  bool changed = false;
  for (auto& slot : slots_) {
    if (!slot.carrier) continue;
    if (now >= slot.standby_until) {
      end(slot, End::standby_timeout);
    } else if (now >= slot.carrier->next_deadline()) {
      if (const auto reason = slot.carrier->on_timer(now, outbox)) end(slot, *reason);
    } else {
      continue;
    }
    changed = true;
  }
  return changed;
}

}  // namespace sigway::session
