#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lines.h"
#include "member.h"

namespace sigway::load {

/// A client of `sigway.v1` (docs/protocol.md) that has settled on a transport. It numbers what it
/// says and acknowledges what it hears: with its next message, or after a second, as the clients
/// do.
class NativeMember final : public Member {
 public:
  /// An attachment of the session to a transport.
  class Carrier {
   public:
    Carrier() = default;
    Carrier(const Carrier&) = delete;
    Carrier& operator=(const Carrier&) = delete;
    virtual ~Carrier() = default;
    /// Whether messages go by this carrier, and not by a request of their own. If so, it sends
    /// `fields`.
    virtual bool upload(std::string_view fields) = 0;
    /// Whether the requests that bring events acknowledge them.
    virtual bool acknowledges() const = 0;
  };

  NativeMember(Transport transport, Loop& loop, Listener& listener, Place place);

  void open() override;
  void say(std::string_view payload) override;
  void leave() override;
  void join(std::uint32_t room) override;
  void switch_to(Transport transport) override;
  void tick() override;
  void rest() override { uplink_.rest(); }

  // For its carriers:
  void welcomed(std::string_view welcome);
  /// An event with its number.
  void event(std::uint64_t number, std::string_view text);
  void confirmed(std::uint64_t up);
  /// The server has ended the carrier; `code` as in docs/protocol.md, empty if it did not say.
  void ended(Carrier& carrier, std::string_view code);
  void post(std::string_view fields);
  std::uint64_t received() const { return received_; }
  std::uint64_t take_acknowledgement() { return acknowledged_ = received_; }
  const std::string& key() const { return key_; }

 private:
  struct Message {
    std::uint64_t number = 0;
    std::string text;
  };

  void attach(Transport transport, std::string_view fields);
  std::string message(std::string_view fields);
  void send(std::string_view messages);
  bool speaks_by_socket() const { return transport_ == Transport::websocket; }

  Transport transport_;
  std::string key_;
  std::uint32_t room_;
  RequestLine uplink_;
  std::unique_ptr<Carrier> carrier_;
  std::vector<std::unique_ptr<Carrier>> earlier_;  // until the server ends them
  std::uint64_t turn_ = 0;
  std::uint64_t said_ = 0, received_ = 0, acknowledged_ = 0;
  std::uint64_t joining_ = 0;  // the number of the message that joins; 0: none
  bool is_leaving_ = false, has_left_ = false, is_switching_ = false;
  std::deque<Message> unconfirmed_;
};

}  // namespace sigway::load
