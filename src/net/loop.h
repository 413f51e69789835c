#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <vector>

#include "net/connection.h"
#include "net/shard.h"

// Private to src/net: the only place, with the files that include it, where Asio is visible.

namespace sigway::net {

// What Asio does for a shard: it waits for readiness, and nothing else. Its completions only take
// note of what is ready; the turn then works through the notes with a fresh clock.
struct Shard::Loop {
  struct Ready {
    ConnectionId connection;
    bool for_writing;
    bool failed;
  };

  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::vector<Ready> ready;
  std::vector<std::function<void()>> ready_functions;
};

// A descriptor that Asio watches and does not own.
class Watched {
 public:
  Watched(Shard& shard, int descriptor) : descriptor_(shard.loop().io, descriptor) {}
  ~Watched() {
    if (descriptor_.is_open()) descriptor_.release();
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  template <class Handler>
  void wait(bool for_writing, Handler handler) {
    using Base = asio::posix::descriptor_base;
    descriptor_.async_wait(for_writing ? Base::wait_write : Base::wait_read, std::move(handler));
  }

 private:
  asio::posix::basic_stream_descriptor<asio::io_context::executor_type> descriptor_;
};

struct Connection::Waiter : Watched {
  using Watched::Watched;
};

}  // namespace sigway::net
