#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "client/client.h"
#include "client/failure.h"
#include "client/json.h"
#include "client/network.h"

namespace sigway::client {

class Session;

/// One attempt of one transport (docs/protocol.md, "Carriers"). It attaches, proves itself by a
/// round trip of the application, takes over when it is told to, and ends once. It tells the
/// session what it hears. Thread: the client's. Lifetime: the session's; after its end until the
/// next turn.
class Carrier {
 public:
  Carrier(Session& session, Transport way, std::string own_name);
  virtual ~Carrier() = default;
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  /// Attaches. `turn` other than 0 activates with it.
  virtual void start(std::uint64_t turn) = 0;
  virtual void activate(std::uint64_t turn) = 0;
  /// Tells the server the session's cursor.
  virtual void acknowledge() = 0;
  /// Is it alive? It finds out, and ends if it is not.
  virtual void check() {}
  /// Ends a pause before it asks again.
  virtual void hurry() {}
  /// Whether part of an answer has come, and more of it will.
  virtual bool is_hearing() const { return false; }
  /// An upload was answered. Where connections die in silence this carrier's may have.
  virtual void upload_answered() {}
  /// An upload was answered by the server, or by something on the way: it had a connection.
  virtual void upload_got_through() {}
  /// See UplinkHost.
  virtual std::string question() { return {}; }
  virtual void question_settled(bool /*answered*/) {}
  /// Sends a request as a frame, where the transport has these.
  virtual void send_frame(std::string) {}  // NOLINT: who overrides it keeps the string

  /// Ends it without telling the session.
  void stop();
  /// Ends it and tells the session. Does nothing if it has ended.
  void end(const Failure& failure);

  const Transport transport;
  const std::string name;
  const std::uint64_t serial;  ///< not used twice
  const Time born;

  bool welcomed() const noexcept { return welcomed_; }
  bool done() const noexcept { return done_; }
  /// A stream, or a WebSocket, that something has answered: it has a connection.
  bool streams() const noexcept { return streams_; }
  bool active() const noexcept { return active_; }
  /// Whether it brings something, but no upload beside it was answered in time: it may have the
  /// only connection that is served.
  virtual bool stranded() const { return false; }
  std::uint64_t turn() const noexcept { return turn_; }
  Duration age() const;
  Duration silence() const;
  /// Of the server, once it has said it; 25 s before.
  Duration heartbeat() const noexcept { return heartbeat_; }
  bool planned_end = false;  ///< it goes because it is to

 protected:
  virtual void on_stop() = 0;
  virtual void on_active() {}
  /// Something has come.
  void sign_of_life();
  std::string attachment(const std::string& more) const;
  /// Of a `welcome` control or field; false if it is none of a server's, and the carrier has ended.
  bool take_welcome(const Json& welcome, std::uint64_t next);
  void take_over();
  /// The server has seen a higher turn.
  void stood_by(std::uint64_t turn);
  /// An event (no `control`) or a control before the welcome can only be an echo of ours or another
  /// server's, but for what refuses the attach. Ends the carrier.
  bool refuses_stranger(std::string_view control);
  /// Controls that all streams share. False if the name is not one of them.
  bool take_control(const std::string& control, const Json& fields);
  void prove();
  void nonsense(const std::string& what);
  /// Ends the carrier when two heartbeats are missing.
  void watch(Duration heartbeat);

  Session& session_;
  std::uint64_t turn_ = 0;  // of its activation, 0 before it asks for one
  std::uint64_t next_ = 1;  // number of the next event, where the transport does not carry numbers
  bool welcomed_ = false;
  bool streams_ = false;

 private:
  void check_silence();

  Time seen_;
  Timer silence_;
  Duration heartbeat_{25'000};
  bool active_ = false;
  bool proved_ = false;
  bool done_ = false;
};

}  // namespace sigway::client
