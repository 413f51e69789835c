#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sigway::floor {

enum class Kind : std::uint8_t { none, socket, stream, poll };

/// Bytes that a head may overwrite before a payload, and a tail after it.
inline constexpr std::size_t kHeadRoom = 64;
inline constexpr std::size_t kTailRoom = 2;

/// A payload where it was received: what surrounds it may be overwritten.
struct Payload {
  char* data = nullptr;
  std::size_t size = 0;
};

/// Who is in which room. Rooms and seats are numbers that the clients choose, from 0.
class Rooms {
 public:
  using Send = std::function<void(int descriptor, std::string_view bytes)>;

  /// A member takes its seat. Returns what a poll has missed, if it has missed something; then it
  /// is answered at once and has not taken its seat.
  std::unique_ptr<std::string> join(std::uint32_t room, std::uint32_t seat, Kind kind,
                                    int descriptor);
  /// The connection has ended. Polls keep the seat.
  void leave(std::uint32_t room, int descriptor);
  /// To all others in the room, in one call of `send` each. Returns the descriptors of polls that
  /// have got their answer by `answered`.
  void relay(std::uint32_t room, std::uint32_t seat, Payload payload, const Send& send,
             const std::function<void(int)>& answered);

 private:
  struct Member {
    int descriptor = -1;  // a poll that is away: -1
    std::uint32_t seat = 0;
    Kind kind = Kind::none;
    std::unique_ptr<std::string> missed;
  };
  std::vector<std::vector<Member>> rooms_;
};

}  // namespace sigway::floor
