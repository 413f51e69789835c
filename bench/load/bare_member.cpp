#include "bare_member.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "lines.h"

namespace sigway::load {
namespace {

/// Where a server has the member's room.
struct Paths {
  std::string receive;  // without the transport's name in front
  std::string send;
};

Paths paths_of(Target target, const Place& place) {
  const auto room = std::to_string(place.room);
  if (target == Target::nchan) {
    // A channel gives a message back to its sender. So the first member has one channel, and the
    // others have another.
    const auto own = "/" + room + (place.slot == 0 ? "-a" : "-b");
    const auto other = "/" + room + (place.slot == 0 ? "-b" : "-a");
    return {own, other};
  }
  const auto seat = "/" + room + "/" + std::to_string(place.slot);
  return {seat, seat};
}

class BareMember : public Member {
 public:
  BareMember(Target target, Loop& loop, Listener& listener, Place place)
      : Member(loop, listener, place), paths_(paths_of(target, place)) {}

 protected:
  const Paths& paths() const { return paths_; }
  void take(std::string_view text) {
    for_each_stamp(text, [this](const Stamp& stamp) { listener().message(*this, stamp); });
  }

 private:
  Paths paths_;
};

class SocketMember final : public BareMember, public WebSocketLine::User {
 public:
  SocketMember(Target target, Loop& loop, Listener& listener, Place place)
      : BareMember(target, loop, listener, place), is_nchan_(target == Target::nchan) {}

  void open() override {
    const auto path = "/ws" + paths().receive + (is_nchan_ ? paths().send : "");
    line_ = std::make_shared<WebSocketLine>(loop(), *this, path);
  }
  void say(std::string_view payload) override { line_->send(payload); }
  void leave() override {
    // This may be within a callback of the line.
    loop().discard_later(std::move(line_));
    listener().left(*this);
  }

 private:
  void socket_opened() override { listener().ready(*this); }
  void socket_text(std::string_view text) override { take(text); }
  void socket_closed(std::uint16_t code) override {
    throw std::runtime_error("the server has closed a WebSocket: " + std::to_string(code));
  }

  bool is_nchan_;
  std::shared_ptr<WebSocketLine> line_;
};

/// What a member says by a request of its own.
class UploadingMember : public BareMember {
 public:
  UploadingMember(Target target, Loop& loop, Listener& listener, Place place)
      : BareMember(target, loop, listener, place), uplink_(loop) {}

  void say(std::string_view payload) override {
    uplink_.ask(post_request("/send" + paths().send, payload), [](const Head&, auto) {});
  }
  /// The floor knows no joins: a request that reaches nobody, of the bytes that a join has.
  void join(std::uint32_t room) override {
    const auto path = "/send/" + std::to_string(room) + "/" + std::to_string(place().slot);
    uplink_.ask(post_request(path, std::string(150, '.')),
                [this](const Head&, auto) { listener().joined(*this); });
  }
  void rest() override { uplink_.rest(); }

 private:
  RequestLine uplink_;
};

class StreamMember final : public UploadingMember, public StreamLine::User {
 public:
  using UploadingMember::UploadingMember;

  void open() override {
    const auto request = get_request("/sse" + paths().receive, "Accept: text/event-stream\r\n");
    line_ = std::make_shared<StreamLine>(loop(), *this, request);
  }
  void leave() override {
    // This may be within a callback of the line.
    loop().discard_later(std::move(line_));
    listener().left(*this);
  }

 private:
  void stream_opened() override { listener().ready(*this); }
  std::size_t stream_received(std::string_view body) override {
    const auto end = body.rfind("\n\n");
    if (end == std::string_view::npos) return 0;
    take(body.substr(0, end));
    return end + 2;
  }
  void stream_closed() override { throw std::runtime_error("the server has ended a stream"); }

  std::shared_ptr<StreamLine> line_;
};

class PollMember final : public UploadingMember {
 public:
  PollMember(Target target, Loop& loop, Listener& listener, Place place)
      : UploadingMember(target, loop, listener, place), line_(loop) {}

  void open() override {
    ask({});
    // No server of this kind answers before there is a message.
    listener().ready(*this);
  }
  void leave() override { throw std::runtime_error("nothing shows when a bare poll has come in"); }

 private:
  void ask(std::string_view cursor) {
    line_.ask(get_request("/poll" + paths().receive, cursor),
              [this](const Head& head, std::string_view body) { answered(head, body); });
  }
  void answered(const Head& head, std::string_view body) {
    std::string cursor;
    if (const auto tag = head.header("etag"); !tag.empty()) {  // Nchan's
      cursor.append("If-None-Match: ").append(tag).append("\r\nIf-Modified-Since: ");
      cursor.append(head.header("last-modified")).append("\r\n");
    }
    take(body);
    ask(cursor);
  }

  RequestLine line_;
};

}  // namespace

std::shared_ptr<Member> make_bare_member(Target target, Transport transport, Loop& loop,
                                         Listener& listener, Place place) {
  switch (transport) {
    case Transport::websocket: return std::make_shared<SocketMember>(target, loop, listener, place);
    case Transport::sse: return std::make_shared<StreamMember>(target, loop, listener, place);
    case Transport::poll: return std::make_shared<PollMember>(target, loop, listener, place);
  }
  throw std::logic_error("no such transport");
}

}  // namespace sigway::load
