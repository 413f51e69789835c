// The server that the public test suites of Engine.IO and Socket.IO ask for:
//   socketio_test_server [PORT [SHARDS]]      3000 and 1, as nothing is said otherwise
// Prints where it listens, and serves until SIGTERM or SIGINT.
#include <pthread.h>
#include <csignal>

#include <cstdio>
#include <cstdlib>

#include "socketio_server/server.h"

int main(int count, char** arguments) {
  // Before the first thread: all of them leave these signals to this one.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const auto argument = [&](int index, int otherwise) {
    return count > index ? std::atoi(arguments[index]) : otherwise;
  };
  sigway::testing::EchoServer server(static_cast<std::uint16_t>(argument(1, 3000)),
                                     static_cast<unsigned>(argument(2, 1)));
  if (const auto error = server.start()) {
    std::fprintf(stderr, "socketio_test_server: %s\n", error->c_str());
    return 1;
  }
  std::printf("http://127.0.0.1:%d\n", server.port());
  std::fflush(stdout);
  int number = 0;
  sigwait(&signals, &number);
  return 0;
}
