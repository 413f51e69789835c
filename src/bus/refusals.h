#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "base/address_key.h"
#include "base/clock.h"

namespace sigway::bus {

/// Who was refused a place or a name, and until when its holders are not probed for the same client
/// again: the first time at once, then after 1 s, 2 s, 4 s … 60 s. Counted by place and address,
/// since sessions cost nothing. What is free is given in any case. Bounded: when it is full it
/// forgets all, which is worth one further probe to each. Thread: its shard.
class Refusals {
 public:
  static constexpr base::Duration kFirst = std::chrono::seconds(1);
  static constexpr base::Duration kLongest = std::chrono::seconds(60);
  /// Forgotten so long after the wait is over.
  static constexpr base::Duration kMemory = std::chrono::seconds(60);

  explicit Refusals(std::size_t most = 65'536) : most_(most) {}

  /// Whether holders of the place may be probed for this client.
  bool may_probe(std::string_view place, base::AddressKey who, base::TimePoint now) const;
  /// It was refused. Asking again during the wait does not make the wait longer.
  void refused(std::string_view place, base::AddressKey who, base::TimePoint now);
  /// It was given the place.
  void admitted(std::string_view place, base::AddressKey who);

  std::size_t size() const noexcept { return rows_.size(); }

 private:
  struct Row {
    base::TimePoint until{};
    base::Duration wait{};
  };

  void make_room(base::TimePoint now);

  const std::size_t most_;
  std::size_t sweep_at_ = 1024;
  std::unordered_map<std::uint64_t, Row> rows_;  // by keyed hashes
};

}  // namespace sigway::bus
