#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "dialects/error.h"
#include "session/carrier.h"
#include "session/end.h"
#include "session/outbox.h"
#include "session/settings.h"

namespace sigway::session {

/// The carriers of one session: which are attached, which of them receive events, and which names
/// may not be attached again. The rules are docs/protocol.md, chapter "Carriers". It knows neither
/// the session nor its hub; the session decides what a change means.
///
/// Thread: the session's shard. Lifetime: a member of the session; owns the carriers.
class CarrierSet {
 public:
  explicit CarrierSet(const Settings& settings) noexcept : settings_(settings) {}

  struct Ended {
    End reason;  ///< the name must not be attached again
  };
  using Opened = std::variant<Carrier*, Ended, dialects::Error>;

  /// The carrier of that name, made by `make` if it is new. Attaching displaces nothing.
  /// `is_active`: a client that never activates; its first carrier is active from the start.
  /// Throws what `make` throws, and std::bad_alloc; nothing is attached then.
  Opened open(std::string_view name, const std::function<std::unique_ptr<Carrier>()>& make,
              bool is_active, base::TimePoint now);

  /// The carrier of that name, or none.
  Carrier* find(std::string_view name) noexcept;

  /// Whether the carrier gets the events now: before the first activation every carrier does.
  bool receives(const Carrier& carrier) const noexcept { return turn_ == 0 || &carrier == active_; }
  bool any_connected() const noexcept;
  /// The highest turn that was seen; 0 before the first activation.
  std::uint64_t turn() const noexcept { return turn_; }

  struct Activation {
    enum class Kind : std::uint8_t {
      unknown,    ///< no carrier has that name
      ended,      ///< it had a carrier, which may not return
      standby,    ///< the turn is not the highest: nothing has changed
      repeated,   ///< the carrier is active already
      activated,  ///< now
    };
    Kind kind = Kind::unknown;
    Carrier* carrier = nullptr;  ///< none: unknown or ended
    bool is_fresh = false;       ///< activated, and it did not receive before
  };
  /// Makes that carrier the only one that receives, if the turn is higher than any seen. The one
  /// before ends with `moved`. The carriers are not told of their activation.
  Activation activate(std::string_view name, std::uint64_t turn, base::TimePoint now) noexcept;
  /// The same as part of an attach; a turn that is not the highest does nothing.
  void activate(const Carrier& carrier, std::uint64_t turn, base::TimePoint now) noexcept;

  /// A connection is gone. False: no carrier knows that connection.
  bool detach(std::uint64_t connection);

  /// When `check` must be called next; TimePoint::max() if never.
  base::TimePoint next_deadline() const;
  /// Ends the carriers whose time is over, and calls the timers of the others. True: a carrier may
  /// have ended, or lost its connection.
  bool check(base::TimePoint now, Outbox& outbox);

  /// Calls `visit(carrier)` for each carrier. It must not attach, activate or end one of them
  /// through this set.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& slot : slots_) {
      if (slot.carrier) visit(*slot.carrier);
    }
  }
  /// The same for those that receive and have a connection.
  template <typename Visit>
  void for_each_receiver(Visit visit) const {
    for_each([&](Carrier& carrier) {
      if (receives(carrier) && carrier.connected()) visit(carrier);
    });
  }

 private:
  struct Slot {
    std::string name;
    std::unique_ptr<Carrier> carrier;  // none: it has ended, and the name may not return
    base::TimePoint standby_until;     // max: for ever
    End reason = End::left;            // of one that has ended
    // The how-manieth to end.
    std::uint64_t ended_as = std::numeric_limits<std::uint64_t>::max();
  };

  Slot* find_slot(std::string_view name) noexcept;
  Slot* slot_of(const Carrier& carrier) noexcept;
  void make_active(Slot& slot, std::uint64_t turn, base::TimePoint now) noexcept;
  /// Ends the carrier's connections, and the carrier unless it may return.
  void end(Slot& slot, End reason) noexcept;

  const Settings& settings_;
  std::vector<Slot> slots_;    // of ended carriers only the last few
  Carrier* active_ = nullptr;  // one of the slots', or none before the first activation
  std::uint64_t turn_ = 0;
  std::uint64_t ended_count_ = 0;
};

}  // namespace sigway::session
