#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "member.h"

namespace sigway::load {

/// How clients of another server put a room and messages into packets. A packet is what a WebSocket
/// message, an event or a part of a poll's answer has.
class PeerCodec {
 public:
  enum class Heard { nothing, ready, message };

  PeerCodec() = default;
  PeerCodec(const PeerCodec&) = delete;
  PeerCodec& operator=(const PeerCodec&) = delete;
  virtual ~PeerCodec() = default;

  /// Of the WebSocket, stream or poll.
  virtual std::string path(Transport transport) const = 0;
  /// Of the POST that brings packets.
  virtual std::string upload_path() const { return {}; }
  /// Whether polls are POSTs.
  virtual bool posts_polls() const { return false; }
  /// Cuts the answer to a poll into packets.
  virtual std::vector<std::string_view> split(std::string_view answer) const { return {answer}; }
  virtual Heard hear(std::string_view packet, std::vector<std::string>& replies) = 0;
  virtual std::string say(std::string_view payload) const = 0;
};

/// Throws if it is none of socketio, sockjs and peerjs.
std::unique_ptr<PeerCodec> make_peer_codec(Target target, const Place& place);

}  // namespace sigway::load
