#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address_key.h"
#include "dialects/command.h"
#include "dialects/dialect.h"

/// What runs on Socket.IO. The original leaves it to the server's JavaScript which events there
/// are; here it is an application, a codec of events. No I/O.
namespace sigway::dialects::socketio {

/// How an event of the bus travels to the sockets of all versions, in a chain of frames: a text
/// frame with the JSON array `["name",arg,…]`, binary frames with its attachments, the next text
/// frame, and so on. An acknowledgement has its number before the array: `17["arg"]`. The binding
/// adds what differs between the versions. A note, `!text`, stays at the server. Appends to a chain
/// of that form.
class EventChain {
 public:
  /// `arguments` are JSON values.
  EventChain& event(std::string_view name, std::span<const std::string_view> arguments = {});
  EventChain& event(std::string_view name, std::initializer_list<std::string_view> arguments) {
    return event(name, std::span(arguments.begin(), arguments.size()));
  }
  EventChain& ack(std::uint64_t id, std::span<const std::string_view> arguments);
  /// Of the event or acknowledgement before it, whose JSON has a placeholder for it.
  EventChain& attachment(std::string bytes);
  /// For the application's own socket (`Socket::noted`); the client is not told.
  EventChain& note(std::string_view text);

  /// Null if nothing was appended.
  EncodedEvent take();

 private:
  void append(std::unique_ptr<Frame> frame);

  std::shared_ptr<Frame> first_;
  Frame* last_ = nullptr;
};

/// The note that a text frame of a chain is, if it is one. Here and below, views lie in the frame.
std::optional<std::string_view> read_note(std::string_view frame) noexcept;

/// What another text frame of a chain is.
struct ChainText {
  std::optional<std::uint64_t> ack;  ///< it acknowledges the emission of that number
  std::string_view array;  ///< the event with its name, or the acknowledgement's arguments
};
ChainText read_chain_text(std::string_view frame) noexcept;

/// What a client emitted. Views lie in its packet.
struct Emission {
  std::string_view name;
  std::span<const std::string_view> arguments = {};  ///< JSON, with placeholders
  std::span<const std::string> attachments = {};
  std::optional<std::uint64_t> id = {};  ///< it wants an acknowledgement (`EventChain::ack`)
};

/// What an application does about it.
struct Reaction {
  std::vector<Message> messages = {};  ///< to the bus
  EventChain events = {};              ///< to the client itself; they go first
  /// The application has changed something that `messages` tell of. If they are lost, for want of
  /// memory or because of the rate, the session ends; else `Application::taken` gets this number.
  std::optional<std::uint64_t> receipt = {};
};

/// One socket: a client's connection to one namespace. What it remembers of its client between two
/// emissions is small and bounded. Thread: one at a time.
class Socket {
 public:
  virtual ~Socket() = default;
  /// It has just connected. Not called again when the connection is recovered.
  virtual void connected(Reaction& /*reaction*/) {}
  virtual void emitted(const Emission& emission, Reaction& reaction) = 0;
  /// What the dialect's encoder has noted about an event of the bus. Notes come in the order of the
  /// events, after the call that asked for them. A recovered socket may hear one again.
  virtual void noted(std::string_view /*note*/, Reaction& /*reaction*/) {}
  /// Whether the client is told later that it is connected: until then it says nothing. Asked after
  /// the socket was made, and after each note.
  virtual bool waits() const { return false; }
};

/// The query of a connection's first request, decoded.
using Query = std::vector<std::pair<std::string, std::string>>;

struct Connect {
  std::string_view space;                   ///< the namespace; "/" or longer
  std::string_view auth = {};               ///< what the client sent along: JSON, or empty
  std::string_view peer = {};               ///< the socket's public id
  base::AddressKey address = {};            ///< the client's
  std::span<const std::string> rooms = {};  ///< of a recovered connection: where it still is
  bool recovered = false;
  const Query* query = nullptr;  ///< if the application reads it. Valid during the call
};

/// Thread: any; instances live as long as the program. What one keeps of its clients is bounded,
/// and goes with their sessions (`Will`).
class Application {
 public:
  virtual ~Application() = default;

  /// Names it, and encodes events as an `EventChain`.
  virtual const Dialect& dialect() const noexcept = 0;
  /// Whether a connection with that query is of one of its clients. Of several applications the
  /// first that says so has the connection with all its namespaces.
  virtual bool claims(const Query& /*query*/) const { return true; }
  /// Whether connections keep their query for `Connect`; it may be as long as a request's head.
  virtual bool reads_query() const noexcept { return false; }
  /// Whether clients may connect to that namespace.
  virtual bool has_space(std::string_view space) const noexcept = 0;
  virtual std::unique_ptr<Socket> connect(const Connect& connect) const = 0;
  /// The bus has taken the messages of a reaction with that receipt. On the session's shard.
  virtual void taken(std::string_view /*peer*/, std::uint64_t /*receipt*/) const noexcept {}
};

/// The first one is asked first.
using Applications = std::vector<std::unique_ptr<const Application>>;

}  // namespace sigway::dialects::socketio
