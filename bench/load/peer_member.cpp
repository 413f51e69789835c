#include "peer_member.h"

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lines.h"
#include "peer_codec.h"

namespace sigway::load {
namespace {

class PeerMember : public Member {
 public:
  PeerMember(Target target, Loop& loop, Listener& listener, Place place)
      : Member(loop, listener, place), codec_(make_peer_codec(target, place)) {}

  void say(std::string_view payload) override { send(codec_->say(payload)); }

 protected:
  PeerCodec& codec() { return *codec_; }
  virtual void send(std::string packet) = 0;
  void hear(std::string_view packet) {
    std::vector<std::string> replies;
    const auto heard = codec_->hear(packet, replies);
    for (auto& reply : replies) send(std::move(reply));
    if (heard == PeerCodec::Heard::ready) listener().ready(*this);
    if (heard != PeerCodec::Heard::message) return;
    for_each_stamp(packet, [this](const Stamp& stamp) { listener().message(*this, stamp); });
  }

 private:
  std::unique_ptr<PeerCodec> codec_;
};

class SocketPeer final : public PeerMember, public WebSocketLine::User {
 public:
  using PeerMember::PeerMember;

  void open() override {
    line_ = std::make_shared<WebSocketLine>(loop(), *this, codec().path(Transport::websocket));
  }
  void leave() override {
    // This may be within a callback of the line.
    loop().discard_later(std::move(line_));
    listener().left(*this);
  }

 private:
  void send(std::string packet) override { line_->send(packet); }
  void socket_opened() override {}
  void socket_text(std::string_view text) override { hear(text); }
  void socket_closed(std::uint16_t code) override {
    throw std::runtime_error("the server has closed a WebSocket: " + std::to_string(code));
  }

  std::shared_ptr<WebSocketLine> line_;
};

/// What it says goes by requests.
class UploadingPeer : public PeerMember {
 public:
  UploadingPeer(Target target, Loop& loop, Listener& listener, Place place)
      : PeerMember(target, loop, listener, place), uplink_(loop) {}

  void rest() override { uplink_.rest(); }
  void leave() override { throw std::runtime_error("only WebSockets leave these servers at once"); }

 private:
  void send(std::string packet) override {
    uplink_.ask(post_request(codec().upload_path(), packet), [](const Head&, auto) {});
  }

  RequestLine uplink_;
};

class StreamPeer final : public UploadingPeer, public StreamLine::User {
 public:
  using UploadingPeer::UploadingPeer;

  void open() override { line_.emplace(loop(), *this, get_request(codec().path(Transport::sse))); }

 private:
  void stream_opened() override {}
  std::size_t stream_received(std::string_view body) override {
    constexpr std::string_view kData = "data: ";
    std::size_t used = 0;
    for (;;) {
      const auto end = body.find("\r\n", used);
      if (end == std::string_view::npos) return used;
      const auto line = body.substr(used, end - used);
      used = end + 2;
      if (line.starts_with(kData)) hear(line.substr(kData.size()));
    }
  }
  void stream_closed() override { throw std::runtime_error("the server has ended a stream"); }

  std::optional<StreamLine> line_;
};

class PollPeer final : public UploadingPeer {
 public:
  PollPeer(Target target, Loop& loop, Listener& listener, Place place)
      : UploadingPeer(target, loop, listener, place), line_(loop) {}

  void open() override { ask(); }

 private:
  void ask() {
    const auto path = codec().path(Transport::poll);
    line_.ask(codec().posts_polls() ? post_request(path, {}) : get_request(path),
              [this](const Head&, std::string_view answer) {
                for (const auto packet : codec().split(answer)) hear(packet);
                ask();
              });
  }

  RequestLine line_;
};

}  // namespace

std::shared_ptr<Member> make_peer_member(Target target, Transport transport, Loop& loop,
                                         Listener& listener, Place place) {
  switch (transport) {
    case Transport::websocket: return std::make_shared<SocketPeer>(target, loop, listener, place);
    case Transport::sse: return std::make_shared<StreamPeer>(target, loop, listener, place);
    case Transport::poll: return std::make_shared<PollPeer>(target, loop, listener, place);
  }
  throw std::logic_error("no such transport");
}

}  // namespace sigway::load
