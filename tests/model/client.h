#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "native_binding/poll.h"
#include "world.h"

namespace sigway::model {

/// How badly the network behaves. Probabilities a request, a frame or a moment.
struct Faults {
  double drop_request = 0;
  double drop_answer = 0;
  double repeat_request = 0;
  double cut_stream = 0;  ///< a frame written to a stream is where it breaks
  int max_delay_ms = 50;
  double unnoticed_cut = 0;  ///< of the cuts: the server does not hear of it
};

/// What a client observed that must not be, as sentences.
using Violations = std::vector<std::string>;

enum class Kind : std::uint8_t { websocket, sse, poll };

/// One message that a member said in its room, as its text tells: who (a session's tag) and its
/// how-manieth.
struct Heard {
  std::string tag;
  std::uint64_t count;
  bool operator==(const Heard&) const = default;
  auto operator<=>(const Heard&) const = default;
};

/// A client of `sigway.v1` as docs/protocol.md describes one, over fake connections. It switches
/// transports, loses connections, repeats itself, starts anew; and checks what it is told.
class Client {
 public:
  Client(World& world, const Faults& faults, Violations& violations, std::string room,
         std::string name, int index);

  // -- What chance makes it do.
  void open_session(bool replacing);
  void say();
  void say_to_member();
  void switch_transport();
  void cut(bool noticed);
  void be_silent(base::Duration duration);
  void leave();
  void go_away();

  /// From now on it only keeps up.
  void settle_down() { settling_ = true; }

  bool alive() const { return alive_; }
  bool in_room() const { return in_room_; }
  std::size_t unacknowledged() const { return unsent_.size(); }
  const std::string& tag() const { return tag_; }
  const std::string& peer() const { return peer_; }
  std::uint64_t said() const { return said_; }
  std::uint64_t last_heard_from(const std::string& tag) const {
    const auto entry = heard_from_.find(tag);
    return entry == heard_from_.end() ? 0 : entry->second;
  }
  const std::vector<Heard>& heard() const { return heard_; }
  std::uint64_t events_received() const { return total_events_; }
  bool has_member(const std::string& peer) const {
    return std::find(members_.begin(), members_.end(), peer) != members_.end();
  }
  std::size_t member_count() const { return members_.size(); }
  std::size_t suspended_count() const { return suspended_.size(); }

 private:
  /// One attempt at a carrier, as the client sees it. Connections hold it weakly: what arrives for
  /// a dead one is lost.
  struct Link {
    Kind kind = Kind::poll;
    std::string carrier;
    std::uint64_t session = 0;  // the client's count of its sessions
    std::uint64_t connection = 0;
    session::SessionId server_side;
    bool dead = false;
    bool welcomed = false;
    bool active = false;
    std::uint64_t next = 1;  // WebSocket: the number that the next event has
    TimePoint deliver_at{};  // frames arrive in order
    bool broken = false;     // the network has cut it; the client may not know yet
    std::uint64_t poll_n = 0;
    std::uint64_t generation = 0;  // of the outstanding poll
    TimePoint last_sign{};
    TimePoint welcomed_at{};
    bool untold = false;  // the server never hears that it was cut
  };
  using LinkPtr = std::shared_ptr<Link>;
  struct Up {
    std::uint64_t n;
    dialects::Command command;
  };
  class Sink;
  class Reply;

  base::Duration delay();
  dialects::native::Request base_request(const LinkPtr& link, bool attach);
  std::vector<dialects::Message> uplink();
  void attach(Kind kind, bool with_turn);
  void attach_stream(const LinkPtr& link, dialects::native::Request request, int attempt);
  void poll(const LinkPtr& link, bool attach);
  void send_poll(const LinkPtr& link, const dialects::native::Request& request,
                 std::uint64_t generation);
  void upload(const LinkPtr& for_link, bool activate);
  void send_upload(const dialects::native::Request& request, std::uint64_t session);
  void tick();
  void frame(const LinkPtr& link, std::function<void()> handle);
  void lose(const LinkPtr& link, bool reattach);
  void on_welcome(const LinkPtr& link, const std::string& peer, bool active, std::uint64_t next);
  void on_event(const LinkPtr& link, std::uint64_t number, const std::string& text);
  void on_activated(const LinkPtr& link);
  void on_end(const LinkPtr& link, session::End reason);
  void on_refused(std::uint64_t session, const dialects::Error& error);
  void on_up(std::uint64_t session, std::uint64_t up);
  void session_over(const std::string& why);
  void take(const std::string& text);
  void violated(const std::string& what);
  LinkPtr usable() const;

  World& world_;
  const Faults& faults_;
  Violations& violations_;
  std::string room_, name_;
  int index_;

  // The session.
  std::uint64_t session_ = 0;  // how manieth
  std::string key_, old_key_, tag_, peer_;
  bool alive_ = false;
  bool opened_ = false;  // a welcome has come
  bool in_room_ = false;
  bool asked_ = false;  // its opening has asked for a place and has had no answer
  bool settling_ = false;
  TimePoint silent_until_{};
  std::uint64_t cursor_ = 0;
  std::uint64_t next_n_ = 1;
  std::uint64_t said_ = 0;
  std::uint64_t turn_ = 0;
  std::deque<Up> unsent_;                       // not known to be taken
  std::map<std::uint64_t, std::string> texts_;  // by number: a repeat must say the same
  std::map<std::string, std::uint64_t> heard_from_;
  std::vector<Heard> heard_;
  // In the order of their joining: peer ids are random even when the seed is not.
  std::vector<std::string> members_;
  std::set<std::string> suspended_;
  std::uint64_t total_events_ = 0;
  std::uint64_t carriers_made_ = 0;
  std::vector<LinkPtr> links_;
  bool ticking_ = false;
};

}  // namespace sigway::model
