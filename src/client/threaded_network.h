#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "client/http_link.h"
#include "client/intake.h"
#include "client/network.h"
#include "client/scheduler.h"
#include "client/websocket_link.h"

namespace sigway::client {

/// Threads that are made as they are needed and kept. Signals are not for them.
class Workers {
 public:
  Workers() = default;
  ~Workers();  ///< waits for all that runs; what has not begun is not run
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  void run(std::function<void()> job);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stop_ = false;
};

/// The network as it is: HTTP and WebSockets on threads of their own, whose results are handed to
/// the client's thread. Thread: the client's.
class ThreadedNetwork final : public Network {
 public:
  using Task = std::function<void()>;
  /// `scheduler` must outlive this. `hand_over` may be called from any thread; the task is to run
  /// on the client's.
  ThreadedNetwork(Endpoint endpoint, Scheduler& scheduler, std::function<void(Task)> hand_over);
  ~ThreadedNetwork() override;  ///< breaks everything off and waits for its threads
  ThreadedNetwork(const ThreadedNetwork&) = delete;
  ThreadedNetwork& operator=(const ThreadedNetwork&) = delete;

  Id post(std::string_view path, std::string body, std::function<void(const HttpAnswer&)> done,
          std::function<void(std::size_t bytes)> alive = {}) override;
  Id stream(std::string_view path, std::string body, StreamHandlers handlers) override;
  Id websocket(std::string_view path, SocketHandlers handlers) override;
  void send_text(Id socket, std::string text) override;
  void drop(Id id) override;
  bool ascii() const override { return http_.ascii(); }
  void forget_idle() override { http_.forget_idle(); }

 private:
  struct Entry {
    std::shared_ptr<HttpCall> call;
    std::shared_ptr<WebSocketLink> socket;
    std::function<void(const HttpAnswer&)> done;
    std::function<void(std::size_t bytes)> alive;
    StreamHandlers stream;
    SocketHandlers handlers;
    Intake intake;  // of these two
  };
  using EntryPtr = std::shared_ptr<Entry>;

  /// On the client's thread, if the entry is still there then.
  void later(Id id, std::function<void(const EntryPtr&)> action);
  /// From any thread: an exchange has ended, and its connection may be kept.
  void ended();
  EntryPtr add(Id& id);

  const Endpoint endpoint_;
  const std::function<void(Task)> hand_over_;
  Timer unused_;
  std::map<Id, EntryPtr> entries_;  // the client's thread
  Id count_ = 0;
  HttpLink http_;
  Workers workers_;  // the last: its threads use the others
};

}  // namespace sigway::client
