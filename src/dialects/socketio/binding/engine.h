#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_budget.h"
#include "base/rate_gate.h"
#include "base/timer_wheel.h"
#include "http/exchange.h"
#include "session/end.h"
#include "socketio_binding/place.h"
#include "socketio_binding/polls.h"
#include "socketio_binding/service.h"
#include "socketio_binding/space.h"
#include "websocket/port.h"

namespace sigway::dialects::socketio {

/// What goes to a client in one piece. Text has its type in front; bytes have not.
struct Packet {
  std::string bytes;
  bool is_binary = false;
};

/// A client's connection as Engine.IO means it: it has a session id, goes by polls or by a
/// WebSocket, and carries the packets of its namespaces. What is common to all versions is here:
/// the two ways, the queue, the namespaces and their sessions. What is queued is lost with the
/// engine; sessions that can be recovered keep it until the client has confirmed it.
///
/// Thread: its shard. Connections of other shards are ids. Lifetime: shared by the service, until
/// it closes, and by whoever is calling it.
class Engine : public std::enable_shared_from_this<Engine>, public base::MemoryHolder {
 public:
  Engine(Service& service, const EngineSeat& seat, const Traits& traits);
  ~Engine() override;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  EngineId id() const noexcept { return id_; }
  bool is_closed() const noexcept { return closed_; }
  void hold(std::optional<Place> place) noexcept { place_ = std::move(place); }

  // -- From connections. Each returns at once what the request hears, if that is decided.

  /// A poll, which `stamp` (`t`) tells from a copy of it.
  void poll(http::Replies& replies, const http::ExchangeId& to, std::string stamp);
  /// The connection of a poll is gone.
  void poll_gone(const http::ExchangeId& of);
  /// What a client has uploaded.
  http::Response post(std::string body, std::string_view content_type);

  virtual void socket_opened(std::uint64_t number, const websocket::Port& port) = 0;
  virtual void socket_message(std::uint64_t number, Frame::Kind kind, std::string_view bytes) = 0;
  void socket_pong();
  void socket_drained();
  /// `left`: the client's close frame says that its page has gone.
  virtual void socket_closed(std::uint64_t number, bool left);

  // -- From sessions.

  void events(std::uint64_t space, std::uint64_t first, std::span<const EncodedEvent> events,
              std::size_t bytes);
  void ended(std::uint64_t space, session::End reason);
  void entered(std::uint64_t space, const Entered& entered);
  void not_entered(std::uint64_t space, const Error& error);
  void noted(std::uint64_t space, std::string_view note);
  /// A message was refused as a whole.
  void overrun(const Error& error);
  /// Asks the client for a sign of life.
  virtual void probe() = 0;

  /// What becomes of the client's sessions when its engine closes.
  enum class Leaving : std::uint8_t {
    lost,  ///< they go on if they can be recovered
    left,  ///< they end
  };
  void close(Leaving leaving, session::End reason);
  /// To be called once it is open, and after what `deadline` says has changed.
  void schedule();
  /// Does what is due: a timer is up to a tick late, and a poll may come just when time is over.
  void catch_up() { on_timer(); }
  /// The server drains: a client without a namespace has no session that would send it away.
  void drain();
  /// Memory was short: closes without a word.
  void cut() noexcept;

  void give_up_memory() override { close(Leaving::lost, session::End::memory); }
  base::AddressKey memory_owner() const noexcept override { return address_; }

 protected:
  /// A namespace that the client asks for.
  struct Wish {
    std::string space;
    std::string auth;  ///< JSON, or empty
    std::string pid;   ///< of the session that it wants back, or empty
    std::optional<Offset> seen;
    bool recoverable = false;
  };

  // -- What a version does.

  /// Appends an event, or an acknowledgement, and its attachments. `offset`: what the client is to
  /// quote when it recovers.
  virtual void append_event(std::vector<Packet>& out, const Space& space, std::string_view json,
                            std::span<const std::string_view> attachments,
                            std::optional<std::uint64_t> offset) const = 0;
  virtual Packet connected_packet(const Space& space, std::string_view peer) const = 0;
  virtual Packet refused_packet(std::string_view space, std::string_view message,
                                std::string_view code) const = 0;
  virtual Packet disconnected_packet(std::string_view space) const = 0;
  virtual Packet noop_packet() const = 0;
  virtual Packet close_packet() const = 0;
  /// Packets as the answer to a poll.
  virtual http::Response answer(std::span<const Packet> packets) const = 0;
  /// What a poll gets beside another one that waits, which ends the engine; and one that comes when
  /// packets go by a WebSocket.
  virtual http::Response overlap() const = 0;
  virtual http::Response misplaced() const = 0;
  /// The packets of an upload, one after the other.
  virtual http::Response take_payload(std::string body, std::string_view content_type) = 0;
  /// A poll has come, maybe the first one.
  virtual void polled() {}
  /// It has closed: what the version holds beside goes, too.
  virtual void on_close() {}
  /// A poll has waited long enough.
  virtual void end_hold() { answer_polls(); }
  /// A poll has begun to wait: whether it is to be answered by a noop.
  virtual bool hurries_polls() const { return false; }
  /// What a version waits for beside what all have, and what it does when that has come.
  virtual base::TimePoint deadline() const { return base::TimePoint::max(); }
  virtual void on_deadline(base::TimePoint /*now*/) {}
  /// Writes a packet to the WebSocket.
  virtual void write(const websocket::Port& port, Packet packet);
  /// All that was queued has been written there.
  virtual void flushed() {}

  // -- For versions.

  const Options& options() const noexcept { return service_.options(); }
  base::TimePoint now() const { return hub_.now(); }
  bool by_socket() const noexcept { return socket_.has_value(); }
  bool is_polling() const noexcept { return polls_.are_waiting(); }
  /// From now on packets go by this WebSocket.
  void use_socket(std::uint64_t number, const websocket::Port& port);
  bool is_socket(std::uint64_t number) const noexcept {
    return socket_ && socket_->number == number;
  }
  const websocket::Port& port() const noexcept { return socket_->port; }
  /// Queues a packet of the engine's own.
  void send(Packet packet);
  /// What is queued, as the answer to a request.
  http::Response take_queue();
  /// Gives the polls that wait what is queued, or a noop.
  void answer_polls(bool from_session = false);
  /// A sign of life. Sessions hear of any of them now and then, and of what may answer them always.
  enum class Sign : std::uint8_t { any, answer };
  void heard(Sign sign = Sign::any);
  /// Counts what carries no message and yet costs work: closes a client that sends too much of it.
  void count_noise();

  void connect(Wish wish);
  void disconnect(std::string_view space);
  void emitted(std::string_view space, const Emission& emission);
  Space* find(std::string_view space) noexcept;
  /// The client is asked to confirm all that has been sent so far.
  void ask() noexcept;
  /// It has confirmed what it was asked for last.
  void confirmed();

 private:
  struct Line {
    std::uint64_t number;
    websocket::Port port;
  };

  Space* find(std::uint64_t number) noexcept;
  /// Asks for the session of a namespace: the one it wants back, or a new one.
  void enter(Space& space, std::optional<Offset> seen);
  void enter_new(Space& space);
  static session::KeyHash key_of(const Space& space);
  void enter(Space& space, binding::Located located, std::optional<Offset> seen);
  void refuse(std::string_view space, std::string_view message, std::string_view code);
  /// Tells the client that it is connected, once its application does not wait any more.
  void admit(Space& space);
  /// Gives `step` a reaction to make and pass on. What its receipt stands for is not lost.
  template <typename Step>
  void act(Step step);
  void react(Space& space, Reaction& reaction);
  /// Removes the namespace; ends its session if it has left.
  void remove(std::uint64_t number, Leaving leaving);
  /// Sends what is queued, as far as there is a way. Sessions are not called while one of them
  /// writes.
  void flush(bool from_session);
  /// There is no namespace now: the client is counted as a session, and may not stay for ever.
  void await_connect();
  /// Tells sessions how much waits, and those that want to hear of it that there is room.
  void update_flows(bool may_tell);
  std::size_t backlog() const;
  void await_poll();
  void on_timer();

  Service& service_;
  session::Hub& hub_;
  const EngineId id_;
  const session::KeyHash key_;
  const base::AddressKey address_;
  const Traits& traits_;
  const Application& application_;
  const Query query_;
  base::MemoryShare asked_;     // the query's bytes
  std::optional<Place> place_;  // while no session counts for the client

  std::vector<std::unique_ptr<Space>> spaces_;
  base::RateGate connects_;
  base::RateGate noise_;  // of packets that nothing comes of

  std::vector<Packet> queue_;
  base::MemoryShare queued_;  // the queue's bytes

  Polls polls_;
  base::TimePoint gone_at_ = base::TimePoint::max();  // unless it polls by then
  std::optional<Line> socket_;

  base::TimePoint hear_at_ = base::TimePoint::min();
  base::TimePoint connect_by_;  // max: it has connected
  base::Timer timer_;
  const Reaction* reaction_ = nullptr;  // during `act`
  bool closed_ = false;
};

}  // namespace sigway::dialects::socketio
