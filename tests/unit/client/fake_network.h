#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "client/network.h"
#include "client/scheduler.h"
#include "native_binding/entry.h"
#include "native_binding/poll.h"
#include "session/stream_carrier.h"
#include "support/world.h"

namespace sigway::testing {

/// How badly it behaves. Probabilities of one request.
struct NetworkFaults {
  double lose_request = 0, lose_answer = 0;  ///< the connection breaks, before or after the server
  double swallow = 0;                        ///< nothing comes, ever
  double repeat = 0;                         ///< the server hears it twice
  bool websockets = true;
  bool websockets_hang = false;  ///< accepted, and then nothing passes
  bool websockets_echo = false;  ///< accepted by another server, which sends back what it hears
  bool streams = true;
  bool streams_held = false;      ///< the head passes, the body does not
  bool streams_lag = false;       ///< what is written passes when something follows it
  bool sockets_lag = false;       ///< the same of WebSockets
  bool uploads_filtered = false;  ///< refused on the way, with a page
  std::size_t largest_body = 1U << 20U;
  std::size_t most_connections = 0;  ///< served at a time, the others wait; 0: all
  std::size_t rate = 0;  ///< bytes a second that come down each connection; 0: all at once
  std::size_t line = 0;  ///< the same for all connections together, first in first out
  client::Duration delay{10}, jitter{20};
};

/// The way from one client to a server without sockets (support/world.h), on the client's
/// scheduler.
class FakeNetwork final : public client::Network {
 public:
  FakeNetwork(World& world, client::Scheduler& scheduler, std::uint64_t seed)
      : world_(&world), scheduler_(scheduler), random_(seed) {}

  NetworkFaults faults;
  int requests = 0;
  std::size_t most_open = 0;  ///< connections at once
  bool ascii_only = false;

  Id post(std::string_view path, std::string body,
          std::function<void(const client::HttpAnswer&)> done,
          std::function<void(std::size_t bytes)> alive = {}) override;
  Id stream(std::string_view path, std::string body, StreamHandlers handlers) override;
  Id websocket(std::string_view path, SocketHandlers handlers) override;
  void send_text(Id socket, std::string text) override;
  void drop(Id id) override;
  bool ascii() const override { return ascii_only; }
  void forget_idle() override {}

  /// From now on this server answers.
  void move_to(World& world) { world_ = &world; }
  /// Every stream and socket breaks; the server hears of it.
  void cut();
  /// Nothing comes by what is open, ever, and nobody is told.
  void die() { dead_ = count_; }
  std::size_t open() const { return links_.size(); }

 private:
  struct Link {
    std::function<void(const client::HttpAnswer&)> done;
    std::function<void(std::size_t bytes)> alive;
    StreamHandlers stream;
    SocketHandlers socket;
    bool is_socket = false;
    std::string key, carrier;
    std::uint64_t connection = 0;  // the server's
    client::Time down{}, up{};     // what goes one way keeps its order
    std::string held;              // by a stream that lags
  };
  class Sink;
  class Reply;
  using Answer = std::function<void(client::HttpAnswer)>;

  bool chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
  }
  client::Duration delay();
  client::Duration in_order(client::Time& last, std::size_t size = 0);
  client::Duration passing(std::size_t size);
  void arrive(Id id, client::HttpAnswer answer, client::Duration left);
  Id add(Link link);
  /// Does it when that link has a connection which is served.
  void serve(Id id, client::Scheduler::Task task);
  void serve_next();
  void perform(std::string_view path, const std::string& body, const Answer& answer);
  void attach(Id id, dialects::native::Request request);
  void frame(Id id, const std::string& text);
  void down(Id id, std::string text);
  void control(Id id, const std::string& text);
  void refuse(Id id, const dialects::Error& error);
  void end(Id id, int code, const std::string& reason);
  void detach(const Link& link);

  World* world_;
  client::Scheduler& scheduler_;
  std::mt19937_64 random_;
  std::map<Id, Link> links_;
  std::set<Id> served_;
  std::deque<std::pair<Id, client::Scheduler::Task>> waiting_;
  Id count_ = 0;
  Id dead_ = 0;  // up to this one
  client::Time line_free_{};
};

}  // namespace sigway::testing
