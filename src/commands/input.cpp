#include "commands/input.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace sigway::commands {

Input::Input() : wakeup_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGINT);
  sigaddset(&taken, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &taken, nullptr);
  // A reader of our output that goes is seen when we write, and ends us politely.
  std::signal(SIGPIPE, SIG_IGN);
  signals_ = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals_ < 0 || wakeup_ < 0)
    throw std::system_error(errno, std::generic_category(), "no descriptors");
}

Input::~Input() {
  close(signals_);
  close(wakeup_);
}

void Input::wake() const { eventfd_write(wakeup_, 1); }

std::optional<std::string> Input::next_line() {
  const auto end = read_.find('\n');
  if (end == std::string::npos && (!at_end_ || read_.empty())) return std::nullopt;
  auto line = read_.substr(0, end);
  read_.erase(0, end == std::string::npos ? read_.size() : end + 1);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

Input::Outcome Input::wait(bool lines, int milliseconds) {
  Outcome outcome;
  if (lines && (outcome.line = next_line())) return outcome;
  if (lines && at_end_) {
    outcome.at_end = true;
    return outcome;
  }
  std::array<pollfd, 3> wanted{
      {{signals_, POLLIN, 0}, {wakeup_, POLLIN, 0}, {lines ? STDIN_FILENO : -1, POLLIN, 0}}};
  if (poll(wanted.data(), wanted.size(), milliseconds) <= 0) return outcome;
  if (wanted[0].revents != 0) {
    signalfd_siginfo info{};
    if (read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      outcome.signal = static_cast<int>(info.ssi_signo);
  }
  if (wanted[1].revents != 0) {
    eventfd_t value = 0;
    eventfd_read(wakeup_, &value);
  }
  if (wanted[2].revents != 0) {
    std::array<char, 65'536> block;  // NOLINT: read fills it
    const auto count = read(STDIN_FILENO, block.data(), block.size());
    if (count > 0) read_.append(block.data(), static_cast<std::size_t>(count));
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) at_end_ = true;
    outcome.line = next_line();
    outcome.at_end = !outcome.line && at_end_;
  }
  return outcome;
}

}  // namespace sigway::commands
