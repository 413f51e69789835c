#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sigway::load {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using Duration = Clock::duration;

class Loop;
class Socket;

/// Reads a socket. The calls come from the loop, one at a time.
class SocketUser {
 public:
  SocketUser() = default;
  SocketUser(const SocketUser&) = delete;
  SocketUser& operator=(const SocketUser&) = delete;
  virtual ~SocketUser() = default;

  virtual void connected() {}
  /// Returns how many bytes it has used. The rest comes again, with what follows.
  virtual std::size_t received(std::string_view bytes) = 0;
  /// The server has closed the connection, or broken it.
  virtual void closed() = 0;
};

/// A connection to the server. Closing resets it, so that no port of ours lingers in TIME_WAIT: a
/// run opens more connections than there are ports. Destroying it closes it.
class Socket {
 public:
  Socket(Loop& loop, SocketUser& user, int descriptor);
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();

  /// Sends now what the kernel takes, and the rest later.
  void write(std::string_view bytes);

 private:
  friend class Loop;
  void handle(std::uint32_t events, std::vector<char>& buffer);
  void read(std::vector<char>& buffer);
  void flush();
  void watch(bool writes);

  Loop& loop_;
  SocketUser& user_;
  int descriptor_;
  bool is_connected_ = false;
  bool is_open_ = true;  // false once it has been discarded
  bool watches_writes_ = true;
  std::string input_;   // what the user has not used
  std::string output_;  // what the kernel has not taken
};

/// One thread, one epoll set, one server.
class Loop {
 public:
  explicit Loop(std::uint16_t port);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  std::unique_ptr<Socket> connect(SocketUser& user);
  /// Closes the socket now and destroys it after the present turn: its own callback may call this.
  void discard(std::unique_ptr<Socket> socket);
  /// Destroys it after the present turn.
  void discard_later(std::shared_ptr<void> object) { garbage_.push_back(std::move(object)); }

  /// Runs turns until `is_done`, and throws if that takes longer than `limit`.
  void run_until(const std::function<bool()>& is_done, Duration limit, std::string_view what);
  void run_for(Duration duration);
  /// One turn: waits until `deadline` at the most.
  void turn(Time deadline);

  /// Called once a second from within turns.
  std::function<void()> every_second;

 private:
  friend class Socket;
  int epoll_;
  std::uint16_t port_;
  std::uint32_t connections_ = 0;
  Time next_second_ = Clock::now() + std::chrono::seconds(1);
  std::vector<char> buffer_;
  std::vector<std::unique_ptr<Socket>> discarded_;
  std::vector<std::shared_ptr<void>> garbage_;
};

}  // namespace sigway::load
