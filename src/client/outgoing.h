#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/scheduler.h"

namespace sigway::client {

/// One message on its way up: whole, or in pieces where bodies must be small (docs/protocol.md,
/// "Pieces"). Its number says which message it is, however it was cut; so it may be cut anew
/// whenever a body turns out to be too large.
struct Outgoing {
  /// What of the message goes in one body: all of it, or a piece.
  struct Part {
    std::size_t begin = 0, end = 0;  ///< in the message's text
    std::uint64_t via = 0;           ///< a way or a flight that it is on; 0: none
    bool landed = false;             ///< the server has it

    bool waits() const noexcept { return via == 0 && !landed; }
  };

  std::uint64_t id = 0;  ///< for the application; 0: a message of our own
  std::uint64_t n = 0;   ///< given when it first goes out
  std::string text;      ///< the message as an object, without n
  std::vector<Part> parts{};
  bool exposed = false;  ///< the server may have seen it
  Time since{};          ///< on its way, by frames

  bool waits() const;
  bool whole() const noexcept { return parts.size() == 1; }
  /// One part again, which waits.
  void join();
  /// Cuts what is not under way so that no piece takes more than `limit` bytes.
  void cut(std::size_t limit);
  /// What went that way goes again.
  void release(std::uint64_t via);
  void landed(std::uint64_t via);
  /// As it stands in a list of messages.
  std::string wire(const Part& part) const;
};

}  // namespace sigway::client
