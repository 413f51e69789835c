#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "scenario/carrier.h"

namespace sigway::testing {

/// A client with one session and as many carriers as the test wants; one of them, the latest, is
/// the one that it listens to. It numbers its messages and holds the server to its promise: every
/// event that it returns is the next one.
class Client {
 public:
  Client(Site& site, Transport transport);

  SessionState session;
  const Transport transport;

  /// Opens the session on a carrier that is activated with it. Fails the test if it is refused.
  Json open(const Json& contents = Json::object());
  /// The same with whatever the request has beside: nothing is activated unless it says so.
  Answer try_open(const Json& contents, Json request = Json::object());
  /// A new carrier, of the same transport or another, goes on from what was received.
  Json resume(std::optional<Transport> on = std::nullopt);
  Answer try_resume(Json request, std::optional<Transport> on = std::nullopt);
  /// A further carrier, not attached yet, to which the client does not listen.
  std::unique_ptr<Carrier> another(std::optional<Transport> on = std::nullopt,
                                   std::string name = {});

  Carrier& carrier() { return *carrier_; }
  void listen_to(std::unique_ptr<Carrier> carrier);
  const std::string& peer() const noexcept { return peer_; }

  /// The next event. Fails the test if none comes.
  Json event();
  /// The next event, which must be of that type.
  Json expect(const std::string& type);
  std::uint64_t heard() const noexcept { return heard_; }  ///< the number of the last one

  /// Sends a message with the next number and returns that. Fails the test if it is not taken.
  std::uint64_t send(Json message);
  std::uint64_t say(const std::string& type, Json data = "");
  Answer ask(Json request) { return carrier_->ask(std::move(request)); }
  Answer acknowledge(std::uint64_t number) { return ask({{"ack", number}}); }
  std::uint64_t sent() const noexcept { return sent_; }
  std::uint64_t next_turn() noexcept { return ++turn_; }

  void leave();
  /// Everything that it has is cut.
  void vanish();
  /// Says `away`, as a page does that is being closed: suspended at once, without a time that a
  /// busy machine could miss. An upload of its own, whatever the transport; the carrier is still
  /// there, with nothing on its way.
  void go_away();

 private:
  Answer attach(std::unique_ptr<Carrier> carrier, Json request);

  Site& site_;
  std::unique_ptr<Carrier> carrier_;
  std::deque<Event> earlier_;  // what came on carriers before this one
  std::string peer_;
  std::uint64_t heard_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t turn_ = 0;
  int carriers_ = 0;
};

/// Waits until the first of them has an event, while all of them do what clients do meanwhile:
/// answer pings and probes, park polls.
Json event_while_alive(Client& waiting, std::initializer_list<Client*> others);

/// A key that nobody had before.
std::string new_key();

/// The transports as types, for TEST_CASE_TEMPLATE.
struct WebSocket {
  static constexpr Transport kTransport = Transport::websocket;
};
struct Sse {
  static constexpr Transport kTransport = Transport::sse;
};
struct Poll {
  static constexpr Transport kTransport = Transport::poll;
};

}  // namespace sigway::testing
