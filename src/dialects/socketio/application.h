#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/command.h"
#include "dialects/dialect.h"

/// What runs on Socket.IO. The original leaves it to the server's JavaScript which events there
/// are; here it is an application, a codec of events. No I/O.
namespace sigway::dialects::socketio {

/// How an event of the bus travels to the sockets of all versions, in a chain of frames: a text
/// frame with the JSON array `["name",arg,…]`, binary frames with its attachments, the next text
/// frame, and so on. An acknowledgement has its number before the array: `17["arg"]`. The binding
/// adds what differs between the versions. Appends to a chain of that form.
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

  /// Null if nothing was appended.
  EncodedEvent take();

 private:
  void append(std::unique_ptr<Frame> frame);

  std::shared_ptr<Frame> first_;
  Frame* last_ = nullptr;
};

/// What a text frame of a chain is. The view lies in the frame.
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
};

/// One socket: a client's connection to one namespace. What it remembers of its client between two
/// emissions is small and bounded. Thread: one at a time.
class Socket {
 public:
  virtual ~Socket() = default;
  /// It has just connected. Not called again when the connection is recovered.
  virtual void connected(Reaction& /*reaction*/) {}
  virtual void emitted(const Emission& emission, Reaction& reaction) = 0;
};

struct Connect {
  std::string_view space;                   ///< the namespace; "/" or longer
  std::string_view auth = {};               ///< what the client sent along: JSON, or empty
  std::string_view peer = {};               ///< the socket's public id
  std::span<const std::string> rooms = {};  ///< of a recovered connection: where it still is
  bool recovered = false;
};

/// Thread: any; instances live as long as the program and keep no state.
class Application {
 public:
  virtual ~Application() = default;

  /// Names it, and encodes events as an `EventChain`.
  virtual const Dialect& dialect() const noexcept = 0;
  /// Whether clients may connect to that namespace.
  virtual bool has_space(std::string_view space) const noexcept = 0;
  virtual std::unique_ptr<Socket> connect(const Connect& connect) const = 0;
};

}  // namespace sigway::dialects::socketio
