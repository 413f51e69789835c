#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rooms.h"

namespace sigway::floor {

/// Only what it takes to move bytes between the members of a room, in one thread: no limits, no
/// timeouts, no JSON, no checking of UTF-8. A message leaves from the buffer into which it came, by
/// one system call.
///
///   GET  /ws/ROOM/SEAT    Upgrade: a WebSocket
///   GET  /sse/ROOM/SEAT   an event stream
///   GET  /poll/ROOM/SEAT  waits for messages
///   POST /send/ROOM/SEAT  says the body to the others
class Server {
 public:
  explicit Server(std::uint16_t port);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  std::uint16_t port() const { return port_; }
  [[noreturn]] void run();

 private:
  struct Connection {
    std::uint32_t room = 0;
    std::uint32_t seat = 0;
    Kind kind = Kind::none;
    bool is_open = false, waits_to_write = false;
    std::unique_ptr<std::string> input;   // an incomplete request or frame
    std::unique_ptr<std::string> output;  // what the kernel has not taken
  };
  struct Target;

  void accept_all();
  void read(int descriptor);
  void write(int descriptor);
  void send(int descriptor, std::string_view bytes);
  void watch(int descriptor, bool writes, int operation) const;
  void drop(int descriptor);
  void relay(const Connection& from, Payload payload);
  /// Both return the bytes that the first request or frame takes; 0 if it is incomplete.
  std::size_t take_request(int descriptor, Payload input);
  std::size_t take_frame(int descriptor, Payload input);
  void take_seat(int descriptor, const Target& target, std::string_view head);
  Connection& at(int descriptor) { return connections_[static_cast<std::size_t>(descriptor)]; }

  int listener_ = -1;
  int epoll_ = -1;
  std::uint16_t port_ = 0;
  std::vector<Connection> connections_;  // by descriptor
  std::vector<char> buffer_;
  Rooms rooms_;
};

}  // namespace sigway::floor
