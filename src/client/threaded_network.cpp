#include "client/threaded_network.h"

#include <csignal>
#include <utility>

namespace sigway::client {
namespace {

// That a connection is kept when nothing goes by it, as in Node: where few are served at a time,
// others need its place.
constexpr Duration kUnused{4000};

}  // namespace

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Workers::run(std::function<void()> job) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back(std::move(job));
  if (idle_ >= jobs_.size()) {
    changed_.notify_one();
    return;
  }
  // A signal is the application's business; and OpenSSL writes without MSG_NOSIGNAL.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  threads_.emplace_back([this] { work(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Workers::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
    --idle_;
    if (stop_) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = {};
    lock.lock();
  }
}

ThreadedNetwork::ThreadedNetwork(Endpoint endpoint, Scheduler& scheduler,
                                 std::function<void(Task)> hand_over)
    : endpoint_(std::move(endpoint)),
      hand_over_(std::move(hand_over)),
      unused_(scheduler),
      http_(endpoint_) {}

ThreadedNetwork::~ThreadedNetwork() {
  while (!entries_.empty()) drop(entries_.begin()->first);
}

ThreadedNetwork::EntryPtr ThreadedNetwork::add(Id& id) {
  id = ++count_;
  return entries_[id] = std::make_shared<Entry>();
}

void ThreadedNetwork::later(Id id, std::function<void(const EntryPtr&)> action) {
  hand_over_([this, id, action = std::move(action)] {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    const auto entry = found->second;  // the action may drop it
    action(entry);
  });
}

void ThreadedNetwork::ended() {
  hand_over_([this] { unused_.set(kUnused, [this] { http_.forget_idle(); }); });
}

Network::Id ThreadedNetwork::post(std::string_view path, std::string body,
                                  std::function<void(const HttpAnswer&)> done,
                                  std::function<void(std::size_t bytes)> alive) {
  Id id = 0;
  const auto entry = add(id);
  entry->done = std::move(done);
  std::function<void(std::size_t)> some;
  if (alive) {
    some = [this, id](std::size_t bytes) {
      later(id, [bytes](const EntryPtr& its) { its->alive(bytes); });
    };
  }
  entry->alive = std::move(alive);
  entry->call = std::make_shared<HttpCall>();
  workers_.run([this, id, call = entry->call, path = std::string(path), body = std::move(body),
                some = std::move(some)] {
    const auto answer = std::make_shared<HttpAnswer>(http_.post(*call, path, body, {}, {}, some));
    ended();
    later(id, [this, id, answer](const EntryPtr& its) {
      entries_.erase(id);
      its->done(*answer);
    });
  });
  return id;
}

Network::Id ThreadedNetwork::stream(std::string_view path, std::string body,
                                    StreamHandlers handlers) {
  Id id = 0;
  const auto entry = add(id);
  entry->stream = std::move(handlers);
  entry->call = std::make_shared<HttpCall>();
  workers_.run([this, id, entry, path = std::string(path), body = std::move(body)] {
    const auto head = [this, id](HttpAnswer answer) {
      later(id, [answer = std::move(answer)](const EntryPtr& its) { its->stream.open(answer); });
    };
    const auto data = [this, id, entry](std::string bytes) {
      entry->intake.bring(bytes.size());
      later(id, [bytes = std::move(bytes)](const EntryPtr& its) {
        its->stream.data(bytes);
        its->intake.take(bytes.size());
      });
    };
    const auto answer =
        std::make_shared<HttpAnswer>(http_.post(*entry->call, path, body, head, data));
    ended();
    later(id, [this, id, answer](const EntryPtr& its) {
      entries_.erase(id);
      its->stream.closed(*answer);
    });
  });
  return id;
}

Network::Id ThreadedNetwork::websocket(std::string_view path, SocketHandlers handlers) {
  Id id = 0;
  const auto entry = add(id);
  entry->handlers = std::move(handlers);
  entry->socket = std::make_shared<WebSocketLink>(endpoint_);
  workers_.run([this, id, entry, target = endpoint_.url.path + std::string(path)] {
    const WebSocketLink::Handlers told{
        .open = [this, id] { later(id, [](const EntryPtr& its) { its->handlers.open(); }); },
        .text =
            [this, id, entry](std::string text) {
              entry->intake.bring(text.size());
              later(id, [text = std::move(text)](const EntryPtr& its) {
                its->handlers.text(text);
                its->intake.take(text.size());
              });
            },
        .closed =
            [this, id](int code, std::string reason, int status) {
              later(id, [this, id, code, reason = std::move(reason), status](const EntryPtr& its) {
                entries_.erase(id);
                its->handlers.closed(code, reason, status);
              });
            }};
    entry->socket->run(target, told);
  });
  return id;
}

void ThreadedNetwork::send_text(Id socket, std::string text) {
  const auto found = entries_.find(socket);
  if (found != entries_.end() && found->second->socket)
    found->second->socket->send(std::move(text));
}

void ThreadedNetwork::drop(Id id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  const auto entry = found->second;
  entries_.erase(found);
  if (entry->call) entry->call->cancel();
  if (entry->socket) entry->socket->stop();
  entry->intake.close();
}

}  // namespace sigway::client
