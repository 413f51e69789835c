#include "support/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace sigway::testing {
namespace {

using std::chrono::milliseconds;

// A sanitized server on a busy machine takes its time; a test that waits this long has failed.
constexpr milliseconds kPatience{60'000};

std::string binary() {
  const char* const named = std::getenv("SIGWAY_BINARY");
  return named != nullptr ? named : SIGWAY_BINARY_PATH;
}

[[noreturn]] void run(const std::vector<std::string>& arguments, int output, int errors) {
  // A test that crashes must not leave servers behind.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

bool readable(int descriptor, milliseconds longest) {
  pollfd wanted{descriptor, POLLIN, 0};
  return poll(&wanted, 1, static_cast<int>(longest.count())) == 1;
}

}  // namespace

ServerProcess::ServerProcess(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {binary(), "--port", "0"});
  errors_ = memfd_create("stderr", MFD_CLOEXEC);
  int output[2];
  if (errors_ < 0 || pipe2(output, O_CLOEXEC) != 0) throw std::runtime_error("no descriptors");
  pid_ = fork();
  if (pid_ == 0) run(arguments, output[1], errors_);
  close(output[1]);
  process_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  read_address(output[0]);
  close(output[0]);
  if (port_ == 0) {
    const auto said = log();
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(process_);
    close(errors_);
    throw std::runtime_error("the server did not start: " + said);
  }
}

ServerProcess::~ServerProcess() {
  if (!status_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(process_);
  close(errors_);
}

void ServerProcess::read_address(int descriptor) {
  std::string line;
  while (!line.ends_with('\n')) {
    char byte = 0;
    if (!readable(descriptor, kPatience) || read(descriptor, &byte, 1) != 1) return;
    line += byte;
  }
  line.pop_back();
  const auto url = line.find("http");
  const auto colon = line.rfind(':');
  if (url == std::string::npos || colon < url) return;
  url_ = line.substr(url);
  port_ = std::atoi(line.c_str() + colon + 1);
}

void ServerProcess::send_signal(int number) const {
  if (!status_) kill(pid_, number);
}

std::optional<int> ServerProcess::wait(milliseconds longest) {
  if (status_) return status_;
  if (!readable(process_, longest)) return std::nullopt;
  int status = 0;
  waitpid(pid_, &status, 0);
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return status_;
}

std::string ServerProcess::stop() {
  send_signal(SIGINT);
  std::string problem;
  if (!wait(kPatience)) {
    problem = "it did not end. ";
    send_signal(SIGKILL);
    wait(kPatience);
  } else if (*status_ != 0) {
    problem = "it ended with " + std::to_string(*status_) + ". ";
  }
  const auto said = log();
  const bool reported = said.find("Sanitizer") != std::string::npos ||
                        said.find("runtime error:") != std::string::npos;
  return problem.empty() && !reported ? std::string() : problem + said;
}

std::string ServerProcess::log() const {
  std::string text;
  char block[4096];
  for (;;) {
    const auto count = pread(errors_, block, sizeof block, static_cast<off_t>(text.size()));
    if (count <= 0) return text;
    text.append(block, static_cast<std::size_t>(count));
  }
}

}  // namespace sigway::testing
