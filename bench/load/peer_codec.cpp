#include "peer_codec.h"

#include <stdexcept>

#include "loop.h"

namespace sigway::load {
namespace {

std::string room_of(const Place& place) { return "bench-" + std::to_string(place.room); }

[[noreturn]] void refuse(std::string_view packet) {
  throw std::runtime_error("the server says " + std::string(packet));
}

/// Engine.IO 4 and Socket.IO 4, with the events of peers/socket.io.mjs.
class SocketIoCodec final : public PeerCodec {
 public:
  explicit SocketIoCodec(const Place& place) : room_(room_of(place)) {}

  std::string path(Transport transport) const override {
    const bool is_socket = transport == Transport::websocket;
    return std::string("/socket.io/?EIO=4&transport=") + (is_socket ? "websocket" : "polling") +
           (sid_.empty() || is_socket ? "" : "&sid=" + sid_);
  }
  std::string upload_path() const override { return path(Transport::poll); }
  std::vector<std::string_view> split(std::string_view answer) const override {
    std::vector<std::string_view> packets;
    for (;;) {
      const auto end = answer.find('\x1e');
      packets.push_back(answer.substr(0, end));
      if (end == std::string_view::npos) return packets;
      answer.remove_prefix(end + 1);
    }
  }
  Heard hear(std::string_view packet, std::vector<std::string>& replies) override {
    constexpr std::string_view kSid = R"("sid":")";
    if (packet.starts_with("42[\"message\"")) return Heard::message;
    if (packet.starts_with("42[\"joined\"")) return Heard::ready;
    if (packet.starts_with('0')) {
      const auto sid = packet.substr(packet.find(kSid) + kSid.size());
      sid_ = sid.substr(0, sid.find('"'));
      replies.emplace_back("40");
    } else if (packet.starts_with("40")) {
      replies.push_back(R"(42["join",")" + room_ + "\"]");
    } else if (packet == "2") {
      replies.emplace_back("3");
    } else if (packet != "6") {
      refuse(packet);
    }
    return Heard::nothing;
  }
  std::string say(std::string_view payload) const override {
    std::string packet = R"(42["message",)";
    return packet.append(payload).append("]");
  }

 private:
  std::string room_;
  std::string sid_;
};

/// SockJS 0.3: text messages, those of peers/sockjs.mjs.
class SockJsCodec final : public PeerCodec {
 public:
  explicit SockJsCodec(const Place& place)
      : room_(room_of(place)),
        session_("/bench/000/s" + std::to_string(Clock::now().time_since_epoch().count()) + "x" +
                 std::to_string(place.slot) + "/") {}

  std::string path(Transport transport) const override {
    switch (transport) {
      case Transport::websocket: return session_ + "websocket";
      case Transport::sse: return session_ + "eventsource";
      case Transport::poll: return session_ + "xhr";
    }
    return {};
  }
  std::string upload_path() const override { return session_ + "xhr_send"; }
  bool posts_polls() const override { return true; }
  Heard hear(std::string_view packet, std::vector<std::string>& replies) override {
    if (packet.starts_with("a[\"joined")) return Heard::ready;
    if (packet.starts_with('a')) return Heard::message;
    if (packet.starts_with('o')) {
      replies.push_back("[\"join " + room_ + "\"]");
    } else if (packet.starts_with('c')) {
      refuse(packet);
    }
    return Heard::nothing;
  }
  std::string say(std::string_view payload) const override {
    std::string packet = "[\"";
    packet.reserve(payload.size() + payload.size() / 4);
    for (const char c : payload) {
      if (c == '"' || c == '\\') packet += '\\';
      packet += c;
    }
    return packet + "\"]";
  }

 private:
  std::string room_;
  std::string session_;
};

/// PeerJS: no rooms, one peer names the other.
class PeerJsCodec final : public PeerCodec {
 public:
  explicit PeerJsCodec(const Place& place)
      : id_(room_of(place) + "-" + std::to_string(place.slot)),
        other_(room_of(place) + "-" + std::to_string(1 - place.slot)) {
    if (place.capacity != 2) throw std::runtime_error("PeerJS has pairs only");
  }

  std::string path(Transport) const override {
    return "/peerjs?key=peerjs&token=bench&version=1.5.5&id=" + id_;
  }
  Heard hear(std::string_view packet, std::vector<std::string>&) override {
    if (packet.starts_with(R"({"type":"OPEN")")) return Heard::ready;
    if (packet.starts_with(R"({"type":"OFFER")")) return Heard::message;
    if (packet.find("LEAVE") == std::string_view::npos) refuse(packet);
    return Heard::nothing;
  }
  std::string say(std::string_view payload) const override {
    auto packet = R"({"type":"OFFER","dst":")" + other_ + R"(","payload":)";
    return packet.append(payload).append("}");
  }

 private:
  std::string id_, other_;
};

}  // namespace

std::unique_ptr<PeerCodec> make_peer_codec(Target target, const Place& place) {
  if (target == Target::socketio) return std::make_unique<SocketIoCodec>(place);
  if (target == Target::sockjs) return std::make_unique<SockJsCodec>(place);
  if (target == Target::peerjs) return std::make_unique<PeerJsCodec>(place);
  throw std::logic_error("no codec for this target");
}

}  // namespace sigway::load
