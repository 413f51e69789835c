#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/address_key.h"
#include "base/clock.h"
#include "dialects/event.h"
#include "session/ids.h"
#include "session/spoken.h"

namespace sigway::dialects {
class Dialect;
}

namespace sigway::session {

/// What the home of a name must know of a message to it, should the session that holds the name end
/// without having acknowledged it. Never changed after it was made. Thread: any.
struct Postmark {
  std::string name;  ///< to which it was sent, without the `@`
  /// The home's order of all messages to its names.
  std::uint64_t number = 0;
  SessionId sender;
  std::shared_ptr<const Speaker> speaker;  ///< the sender's; none: it does not wait for the end
  dialects::Re re = 0;
  std::string sender_name;                     ///< empty: none
  base::AddressKey address;                    ///< the sender's
  const dialects::Dialect* spoken = nullptr;   ///< by the sender
  const dialects::Dialect* encoded = nullptr;  ///< whose words the event is in
  bool stores = true;                          ///< it may wait for the next holder
  bool tells_expiry = false;                   ///< it had a lifetime of its own
  base::TimePoint expires;                     ///< as if it had waited from the beginning

  /// Bytes that it holds.
  std::size_t size() const noexcept {
    return sizeof *this + kShared + name.size() + sender_name.size();
  }

 private:
  static constexpr std::size_t kShared = 32;  // the block and its counters
};

/// A message to a name that its receiver may not have: nothing has acknowledged it.
struct Unread {
  dialects::EncodedEvent event;
  std::shared_ptr<const Postmark> postmark;
};
using UnreadMail = std::vector<Unread>;

}  // namespace sigway::session
