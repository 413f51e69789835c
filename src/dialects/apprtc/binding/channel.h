#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "apprtc_binding/service.h"
#include "http/exchange.h"
#include "session/hub.h"
#include "session/stream_carrier.h"
#include "websocket/ping_proof.h"
#include "websocket/port.h"

namespace sigway::dialects::apprtc {

/// What Collider closes a WebSocket with, whatever the reason (RFC 6455 §7.4.1).
inline constexpr std::uint16_t kNormalClose = 1000;

/// Who offers, as the room server has told the client. After a "bye" it is the one that stays.
enum class Role : std::uint8_t { unknown, caller, callee };

/// How a client's conversation stands.
struct Talk {
  Role role = Role::unknown;  ///< of a client that has not joined by the room server
  bool is_over = false;       ///< the other one has said "bye", and nobody has come since
  /// Of its messages, so many were refused by events that were written.
  std::uint64_t unsent = 0;
};

/// A request of a client that is answered when it is known whether its client has a place. Thread:
/// the session's shard.
struct Waiting {
  using Events = std::span<const EncodedEvent>;

  std::uint64_t connection = 0;  ///< for `Session::detach`
  http::Replies* replies = nullptr;
  http::ExchangeId to = {};
  /// The client has a place. `Events`: what it has been told and has not got yet. None: it has seen
  /// to the answer itself.
  std::function<std::optional<http::Response>(Events)> placed;
  /// It has none, because its session has ended.
  std::function<http::Response(session::End)> ended;
  /// `placed` tells the client its role and brings it the events, which are delivered by that.
  bool is_join = false;
};

/// The way down to one client, its session's only carrier: the WebSocket that is registered, and
/// requests that wait for the place. Until the client has registered it counts as connected, for
/// `kGrace` from when it has its place. Thread: the session's shard.
class Channel final : public session::StreamCarrier {
 public:
  static constexpr std::size_t kMostWaiting = 16;
  static constexpr std::string_view kName = "channel";

  /// Both outlive it.
  Channel(const session::Session& session, const session::Hub& hub);

  /// The channel of that session, made if there is none yet.
  static Channel& of(session::Session& session, const session::Hub& hub);
  /// Null: there is none yet.
  static Channel* find(session::Session& session);

  /// One more request may wait.
  bool may_wait() const noexcept { return waiting_.size() < kMostWaiting; }
  /// If it may. `Session::carriers_changed` is to follow.
  void wait(Waiting waiting) { waiting_.push_back(std::move(waiting)); }
  /// The client has registered by this WebSocket; one that it had before hears so. Returns what
  /// writes the session's events there.
  std::unique_ptr<session::StreamSink> registered(Service& service, std::uint64_t connection,
                                                  const websocket::Port& port);
  /// A pong of the WebSocket that is registered: the event that it acknowledges. None: it answers
  /// no ping.
  std::optional<std::uint64_t> pong(std::string_view payload);
  /// Whether that WebSocket is the one that is registered.
  bool serves(std::uint64_t connection) const noexcept { return connection == socket_; }

  const Talk& talk() const noexcept { return talk_; }

  bool detach(std::uint64_t connection) override;
  bool connected() const override {
    return is_expected() || !waiting_.empty() || StreamCarrier::connected();
  }
  void pump(session::Outbox& outbox) override;
  void end(session::End reason, base::Duration retry) override;
  base::TimePoint next_deadline() const override;
  std::optional<session::End> on_timer(base::TimePoint now, session::Outbox& outbox) override;
  std::optional<std::uint64_t> sent(const session::Outbox& outbox) override;

 private:
  bool is_expected() const noexcept { return expected_until_ != base::TimePoint::max(); }
  void answer_waiting(session::Outbox& outbox);

  const session::Session& session_;
  const session::Hub& hub_;
  Talk talk_;
  std::optional<websocket::PingProof> proof_;  // of the WebSocket that is registered
  bool is_placed_ = false;                     // or was
  base::TimePoint expected_until_;             // max: it has registered, or it is too late
  std::vector<Waiting> waiting_;
  std::uint64_t socket_ = 0;               // the latest that has registered
  std::optional<std::uint64_t> answered_;  // the last event that was in a request's answer
};

}  // namespace sigway::dialects::apprtc
