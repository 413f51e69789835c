#pragma once

#include <functional>
#include <optional>
#include <string>

namespace sigway::commands {

/// What a verb waits for: lines of standard input, signals that end it, and its own threads' call.
/// Thread: main's for wait(); wake() from any. Made before any other thread, as it takes SIGINT and
/// SIGTERM for itself.
class Input {
 public:
  Input();
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  struct Outcome {
    std::optional<std::string> line;  ///< without its end
    bool at_end = false;              ///< of standard input
    int signal = 0;
  };
  /// Until there is something of the outcome, wake() was called, or so many milliseconds have
  /// passed (-1: for ever). Lines are read only if `lines` is true.
  Outcome wait(bool lines, int milliseconds);
  void wake() const;

 private:
  std::optional<std::string> next_line();

  int signals_ = -1;
  int wakeup_ = -1;
  std::string read_;
  bool at_end_ = false;
};

}  // namespace sigway::commands
