#pragma once

#include <optional>
#include <utility>

#include "base/address_key.h"
#include "session/quota.h"

namespace sigway::dialects::socketio {

/// Counts an engine as a session of its client's address until a session of the bus counts in its
/// stead. A value that moves.
class Place {
 public:
  static std::optional<Place> take(session::Quota<base::AddressKey>& quota, base::AddressKey of) {
    if (!quota.try_add(of)) return std::nullopt;
    return Place(quota, of);
  }
  ~Place() { give_back(); }
  Place(Place&& other) noexcept : quota_(std::exchange(other.quota_, nullptr)), of_(other.of_) {}
  Place& operator=(Place&& other) noexcept {
    if (this != &other) {
      give_back();
      quota_ = std::exchange(other.quota_, nullptr);
      of_ = other.of_;
    }
    return *this;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  Place(session::Quota<base::AddressKey>& quota, base::AddressKey of) : quota_(&quota), of_(of) {}
  void give_back() {
    if (quota_ != nullptr) std::exchange(quota_, nullptr)->subtract(of_);
  }

  session::Quota<base::AddressKey>* quota_;
  base::AddressKey of_;
};

}  // namespace sigway::dialects::socketio
