#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace sigway::testing {

/// The real server as a child process: the binary of the environment variable SIGWAY_BINARY, or the
/// one that was built beside the test. It listens on a free port of the loopback and ends with this
/// object, or with the test program, whichever goes first. Not for several threads at a time.
class ServerProcess {
 public:
  /// Starts it with `--port 0` and these arguments and waits until it accepts. Throws
  /// std::runtime_error if it does not.
  explicit ServerProcess(std::vector<std::string> arguments);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& url() const noexcept { return url_; }  ///< without a slash at the end
  int port() const noexcept { return port_; }
  bool is_tls() const noexcept { return url_.starts_with("https:"); }

  void send_signal(int number) const;

  /// The exit status, or minus the signal that ended it; nothing if it still runs after that time.
  std::optional<int> wait(std::chrono::milliseconds longest);

  /// Ends it as an operator would (SIGINT), by force if it does not. What was wrong with its life,
  /// for a test to show: another exit status than 0, a sanitizer's report. Empty if nothing was.
  std::string stop();

  /// What it has written to standard error so far.
  std::string log() const;

 private:
  void read_address(int descriptor);

  std::string url_;
  int port_ = 0;
  pid_t pid_ = -1;
  int process_ = -1;  // a pidfd
  int errors_ = -1;   // a file in memory
  std::optional<int> status_;
};

}  // namespace sigway::testing
