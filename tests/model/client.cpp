#include "client.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace sigway::model {

using dialects::Error;
using dialects::ErrorCode;
using dialects::native::Request;
using nlohmann::json;
using session::End;
using std::chrono::seconds;

namespace {

std::uint64_t next_connection() {
  static std::uint64_t connection = 0;
  return ++connection;
}

constexpr std::uint64_t kWindow =
    24;  // messages under way; below what the server holds beyond a gap

}  // namespace

/// The server's end of a stream: frames travel to the link in order, and are lost once it is
/// broken.
class Client::Sink final : public session::StreamSink {
 public:
  Sink(Client& client, LinkPtr link) : client_(client), link_(std::move(link)) {}

  /// Full now and then, for a while, as a slow line is.
  std::size_t room() override {
    if (full_ || !client_.world_.chance(0.05)) return full_ ? 0 : 1 + client_.world_.random(3000);
    full_ = true;
    client_.world_.after(milliseconds(client_.world_.random(300)),
                         [link = link_, &world = client_.world_, full = std::weak_ptr(full_flag_)] {
                           if (const auto flag = full.lock()) *flag = false;
                           const auto id = link->server_side;
                           if (!id) return;
                           world.on_shard(id.shard, [&world, link, id] {
                             if (auto* session = world.hub(id.shard).find(id.serial))
                               session->drained(link->carrier);
                           });
                         });
    return 0;
  }
  std::size_t unsent() override { return 0; }
  void events(std::uint64_t first, std::span<const dialects::EncodedEvent> events) override {
    for (const auto& event : events) {
      client_.frame(link_, [&client = client_, link = link_, number = first++, event] {
        client.on_event(link, number, event->bytes);
      });
    }
  }
  void activated(std::uint64_t, std::uint64_t next) override {
    client_.frame(link_, [&client = client_, link = link_, next] {
      link->next = next;
      client.on_activated(link);
    });
  }
  void standby(std::uint64_t turn, std::uint64_t) override {
    client_.frame(link_,
                  [&client = client_, turn] { client.turn_ = std::max(client.turn_, turn); });
  }
  void hello(std::uint64_t /*which*/) override {}
  void heartbeat(std::uint64_t next) override {
    client_.frame(link_, [&client = client_, link = link_, next] {
      link->last_sign = client.world_.now();
      // What is left out has come by another carrier and is acknowledged.
      if (next > link->next && next <= client.cursor_ + 1) link->next = next;
      if (link->kind == Kind::websocket && link->next != next)
        client.violated("a heartbeat counts otherwise");
      client.upload(link, false);
    });
  }
  void probe() override {
    client_.frame(link_, [&client = client_, link = link_] { client.upload(link, false); });
  }
  void end(End reason, base::Duration) override {
    client_.frame(link_,
                  [&client = client_, link = link_, reason] { client.on_end(link, reason); });
  }

 private:
  Client& client_;
  LinkPtr link_;
  std::shared_ptr<bool> full_flag_ = std::make_shared<bool>(false);
  bool& full_ = *full_flag_;
};

class Client::Reply final : public longpoll::PollReply {
 public:
  explicit Reply(std::function<void(std::string)> answer) : answer_(std::move(answer)) {}
  void abandon() noexcept override {}
  void answer(std::string body) override { answer_(std::move(body)); }

 private:
  std::function<void(std::string)> answer_;
};

Client::Client(World& world, const Faults& faults, Violations& violations, std::string room,
               std::string name, int index)
    : world_(world),
      faults_(faults),
      violations_(violations),
      room_(std::move(room)),
      name_(std::move(name)),
      index_(index) {}

void Client::violated(const std::string& what) { violations_.push_back(tag_ + ": " + what); }

base::Duration Client::delay() {
  return milliseconds(world_.random(static_cast<std::uint64_t>(faults_.max_delay_ms) + 1));
}

Client::LinkPtr Client::usable() const {
  for (const auto& link : links_) {
    if (!link->dead && link->welcomed && link->active) return link;
  }
  for (const auto& link : links_) {
    if (!link->dead && link->welcomed) return link;
  }
  return nullptr;
}

// -- The session

void Client::open_session(bool replacing) {
  for (const auto& link : std::exchange(links_, {})) lose(link, false);
  old_key_ = replacing ? key_ : "";
  ++session_;
  tag_ = "c" + std::to_string(index_) + "s" + std::to_string(session_);
  key_ = tag_ + std::string(30, 'k') + std::to_string(world_.random(1U << 30U));
  alive_ = true;
  opened_ = false;
  in_room_ = false;
  asked_ = true;
  cursor_ = 0;
  next_n_ = 1;
  said_ = 0;
  turn_ = 0;
  unsent_.clear();
  texts_.clear();
  heard_from_.clear();
  members_.clear();
  suspended_.clear();
  attach(static_cast<Kind>(world_.random(3)), world_.chance(0.5));
  if (!ticking_) {
    ticking_ = true;
    tick();
  }
}

void Client::session_over(const std::string&) {
  if (!alive_) return;
  alive_ = false;
  in_room_ = false;
  for (const auto& link : std::exchange(links_, {})) lose(link, false);
  world_.after(milliseconds(200 + world_.random(2000)), [this, session = session_] {
    if (!alive_ && session == session_) open_session(world_.chance(0.5));
  });
}

void Client::tick() {
  world_.after(milliseconds(200 + world_.random(600)), [this] { tick(); });
  if (!alive_ || world_.now() < silent_until_) return;
  std::erase_if(links_, [](const LinkPtr& link) { return link->dead; });
  for (const auto& link : std::vector(links_)) {
    if (world_.now() - link->last_sign > seconds(30)) lose(link, false);
  }
  std::erase_if(links_, [](const LinkPtr& link) { return link->dead; });
  if (links_.empty()) {
    attach(static_cast<Kind>(world_.random(3)), world_.chance(0.5));
    return;
  }
  const auto link = usable();
  if (link == nullptr) return;
  // A ghost may cost ten seconds, not more.
  const bool heard_well = link->active && link->kind != Kind::poll && !link->broken;
  if (asked_ && heard_well &&
      world_.now() - std::max(link->welcomed_at, silent_until_) > seconds(14)) {
    violated("no answer to a join");
  }
  const bool none_active =
      std::none_of(links_.begin(), links_.end(), [](const auto& l) { return l->active; });
  if (none_active) {
    if (link->kind == Kind::poll) {
      poll(link, false);
    } else {
      upload(link, true);
    }
  } else {
    upload(link, false);
  }
}

void Client::say() {
  if (!alive_ || !in_room_ || unsent_.size() >= kWindow) return;
  ++said_;
  unsent_.push_back(
      {next_n_++, dialects::Say{.type = "say",
                                .data = {dialects::Payload::Kind::json,
                                         "\"" + tag_ + "/" + std::to_string(said_) + "\""}}});
  if (world_.chance(0.5)) upload(usable(), false);
}

void Client::say_to_member() {
  if (!alive_ || !in_room_ || members_.empty() || unsent_.size() >= kWindow) return;
  const auto& member = members_[world_.random(members_.size())];
  const auto tag = tag_ + ">" + member;
  // Counted under its own tag, by the same map that counts what is heard.
  const auto count = ++heard_from_["said " + tag];
  unsent_.push_back(
      {next_n_++, dialects::Say{.type = "tell",
                                .to = {{dialects::Address::Kind::peer, member}},
                                .room = room_,
                                .data = {dialects::Payload::Kind::json,
                                         "\"" + tag + "/" + std::to_string(count) + "\""}}});
}

void Client::switch_transport() {
  if (alive_ && opened_ && links_.size() < 3)
    attach(static_cast<Kind>(world_.random(3)), world_.chance(0.3));
}

void Client::cut(bool noticed) {
  if (links_.empty()) return;
  const auto link = links_[world_.random(links_.size())];
  if (link->dead || link->broken) return;
  link->broken = true;
  link->untold = !noticed;
  if (noticed) {
    world_.after(delay(), [this, link] { lose(link, true); });
  }
}

void Client::be_silent(base::Duration duration) { silent_until_ = world_.now() + duration; }

void Client::leave() {
  if (!alive_ || !in_room_) return;
  in_room_ = false;
  unsent_.push_back({next_n_++, dialects::Leave{}});
}

void Client::go_away() {
  if (!alive_ || !opened_) return;
  Request request;
  request.key = key_;
  request.away = true;
  send_upload(request, session_);
}

// -- Requests

Request Client::base_request(const LinkPtr& link, bool attach) {
  Request request;
  request.key = key_;
  request.carrier = link->carrier;
  request.ack = cursor_;
  if (!attach) return request;
  if (opened_ && world_.chance(0.8)) {
    request.resume = dialects::native::Resume{"model-server"};
  } else {
    request.open =
        dialects::native::Open{room_, name_.empty() ? std::nullopt : std::optional(name_ + tag_), 3,
                               old_key_.empty() ? std::nullopt : std::optional(old_key_)};
  }
  return request;
}

std::vector<dialects::Message> Client::uplink() {
  std::vector<dialects::Message> messages;
  for (const auto& up : unsent_) {
    // Sometimes not all, sometimes not in order: uploads overtake each other anyway.
    if (world_.chance(0.1)) continue;
    messages.push_back({up.n, up.command});
  }
  if (world_.chance(0.1)) std::reverse(messages.begin(), messages.end());
  return messages;
}

void Client::attach(Kind kind, bool with_turn) {
  auto link = std::make_shared<Link>();
  link->kind = kind;
  link->session = session_;
  link->carrier = "k" + std::to_string(++carriers_made_);
  link->last_sign = world_.now();
  links_.push_back(link);
  if (kind == Kind::poll) {
    link->active = false;
    poll(link, true);
    return;
  }
  auto request = base_request(link, true);
  if (with_turn) request.turn = ++turn_;
  if (world_.chance(0.3)) request.messages = uplink();
  attach_stream(link, std::move(request), 0);
  world_.after(milliseconds(3000), [this, link] {
    if (!link->welcomed) lose(link, true);
  });
}

void Client::attach_stream(const LinkPtr& link, Request request, int attempt) {
  if (world_.chance(faults_.drop_request)) return;
  // A proxy that repeats the request: the client sees one of the two streams.
  if (link->kind == Kind::sse && attempt == 0 && world_.chance(faults_.repeat_request)) {
    auto unseen = std::make_shared<Link>(*link);
    unseen->dead = true;
    attach_stream(unseen, request, 1);
    world_.after(milliseconds(world_.random(8000)), [this, unseen] { lose(unseen, false); });
  }
  world_.after(delay(), [this, link, request = std::move(request)] {
    const auto shard = world_.any_shard();
    world_.on_shard(shard, [this, link, request, shard] {
      auto located =
          dialects::native::locate(world_.context(), request, "address", shard, world_.now());
      if (const auto* error = std::get_if<Error>(&located)) {
        world_.after(delay(), [this, link, error = *error] {
          link->dead = true;
          on_refused(link->session, error);
        });
        return;
      }
      auto here = std::get<dialects::native::Located>(std::move(located));
      const auto home = here.id.shard;
      world_.runner(shard).run_on(home, [this, link, request, here, home] {
        link->connection = next_connection();
        link->server_side = here.id;
        dialects::native::StreamAttach attach;
        attach.located = here;
        attach.request = request;
        attach.connection = link->connection;
        attach.make = [link](const session::Session&) {
          return std::make_unique<session::StreamCarrier>(session::StreamOptions{
              seconds(25), link->kind == Kind::websocket ? 1 : 2, seconds(90), 1U << 20U});
        };
        attach.accept = [this, link](const dialects::native::Welcome& welcome,
                                     const session::Session&) {
          frame(link, [this, link, peer = welcome.peer, active = welcome.active,
                       turn = welcome.turn, next = *welcome.next] {
            turn_ = std::max(turn_, turn);
            on_welcome(link, peer, active, next);
          });
          return std::make_unique<Sink>(*this, link);
        };
        const auto result =
            dialects::native::attach_stream(world_.context(), world_.hub(home), std::move(attach));
        if (const auto* error = std::get_if<Error>(&result)) {
          world_.after(delay(), [this, link, error = *error] {
            link->dead = true;
            on_refused(link->session, error);
          });
        } else if (std::holds_alternative<End>(result)) {
          world_.after(delay(), [link] { link->dead = true; });
        }
      });
    });
  });
}

void Client::frame(const LinkPtr& link, std::function<void()> handle) {
  if (world_.chance(faults_.cut_stream)) {
    link->broken = true;
    const bool noticed = !world_.chance(faults_.unnoticed_cut);
    link->untold = !noticed;
    world_.after(milliseconds(world_.random(2000)), [this, link, noticed] { lose(link, noticed); });
  }
  link->deliver_at = std::max(link->deliver_at, world_.now()) + milliseconds(world_.random(8));
  world_.after(link->deliver_at - world_.now(), [this, link, handle = std::move(handle)] {
    if (link->dead || link->broken || link->session != session_ || !alive_) return;
    link->last_sign = world_.now();
    handle();
  });
}

void Client::lose(const LinkPtr& link, bool) {
  link->dead = true;
  link->broken = true;
  if (link->kind == Kind::poll || !link->server_side || link->untold) return;
  // The server hears of it, sooner or later.
  world_.after(milliseconds(world_.random(4000)), [this, link] {
    const auto id = link->server_side;
    world_.on_shard(id.shard, [this, link, id] {
      if (auto* session = world_.hub(id.shard).find(id.serial)) session->detach(link->connection);
    });
  });
}

void Client::poll(const LinkPtr& link, bool attaching) {
  if (link->dead || !alive_ || link->session != session_) return;
  if (world_.now() < silent_until_) {
    const auto generation = ++link->generation;
    world_.after(silent_until_ - world_.now(), [this, link, attaching, generation] {
      if (link->generation == generation) poll(link, attaching);
    });
    return;
  }
  auto request = base_request(link, attaching);
  request.n = ++link->poll_n;
  request.wait_ms = world_.random(8000);
  if (!link->active && (link->welcomed || world_.chance(0.5))) request.turn = ++turn_;
  if (world_.chance(0.5)) request.messages = uplink();
  const auto generation = ++link->generation;
  send_poll(link, request, generation);
  // No answer: the same again, a few times; then the client goes on with a newer one.
  for (int again = 1; again <= 2; ++again) {
    world_.after(milliseconds(9000 * again), [this, link, request, generation] {
      const bool waits =
          !link->dead && link->generation == generation && alive_ && link->session == session_;
      if (waits && world_.now() >= silent_until_) {
        send_poll(link, request, generation);
      }
    });
  }
  world_.after(seconds(28), [this, link, generation, attaching] {
    if (!link->dead && link->generation == generation && alive_ && link->session == session_) {
      poll(link, attaching && !link->welcomed);
    }
  });
}

void Client::send_poll(const LinkPtr& link, const Request& request, std::uint64_t generation) {
  const int copies =
      world_.chance(faults_.repeat_request) ? 2 + static_cast<int>(world_.random(3)) : 1;
  for (int copy = 0; copy < copies; ++copy) {
    if (world_.chance(faults_.drop_request)) continue;
    world_.after(delay(), [this, link, request, generation] {
      const auto shard = world_.any_shard();
      world_.on_shard(shard, [this, link, request, generation, shard] {
        const auto refused = [this, link](const Error& error) {
          world_.after(delay(), [this, link, error] { on_refused(link->session, error); });
        };
        auto located =
            dialects::native::locate(world_.context(), request, "address", shard, world_.now());
        if (const auto* error = std::get_if<Error>(&located)) return refused(*error);
        auto here = std::get<dialects::native::Located>(std::move(located));
        const auto home = here.id.shard;
        world_.runner(shard).run_on(home, [this, link, request, generation, here, home, refused] {
          const auto connection = next_connection();
          auto reply = std::make_unique<Reply>([this, link, generation](const std::string& body) {
            if (world_.chance(faults_.drop_answer)) return;
            world_.after(delay(), [this, link, generation, body] {
              if (link->dead || link->session != session_ || !alive_) return;
              link->last_sign = world_.now();
              const auto answer = json::parse(body);
              if (answer.contains("welcome")) {
                const auto& welcome = answer["welcome"];
                turn_ = std::max<std::uint64_t>(turn_, welcome["turn"]);
                on_welcome(link, welcome["peer"], welcome["active"], 0);
              }
              if (answer.contains("standby"))
                turn_ = std::max<std::uint64_t>(turn_, answer["standby"]["turn"]);
              on_up(link->session, answer["up"]);
              std::uint64_t number = answer["first"];
              for (const auto& event : answer["events"]) {
                if (link->session != session_) return;
                on_event(link, number++, event.dump());
              }
              if (answer.contains("activated")) on_activated(link);
              if (answer.contains("ended")) {
                link->dead = true;
                return;
              }
              if (link->generation == generation) poll(link, false);
            });
          });
          // A client that gave up its poll is seen to be gone.
          world_.after(milliseconds(12000), [this, here, home, connection] {
            world_.on_shard(home, [this, here, home, connection] {
              if (auto* session = world_.hub(home).find(here.id.serial))
                session->detach(connection);
            });
          });
          auto error = dialects::native::run_poll(world_.context(), world_.hub(home),
                                                  {here, request, connection, std::move(reply)});
          if (error) refused(*error);
        });
      });
    });
  }
}

void Client::upload(const LinkPtr& link, bool activate) {
  if (!alive_ || !opened_ || world_.now() < silent_until_) return;
  Request request;
  request.ack = cursor_;
  request.messages = uplink();
  if (link != nullptr) request.carrier = link->carrier;
  if (activate) {
    request.turn = ++turn_;
    request.hello = 1;
  }
  if (link != nullptr && link->kind == Kind::websocket && (activate || world_.chance(0.7))) {
    // A frame on the WebSocket: in order, and lost when it is cut.
    link->deliver_at = std::max(link->deliver_at, world_.now()) + milliseconds(world_.random(8));
    world_.after(link->deliver_at - world_.now(), [this, link, request]() mutable {
      if (link->broken || !link->server_side) return;
      const auto id = link->server_side;
      world_.on_shard(id.shard, [this, link, id, request]() mutable {
        auto* session = world_.hub(id.shard).find(id.serial);
        if (session == nullptr) return;
        const auto error = session->process(dialects::native::inputs_of(request, false));
        const auto up = session->up();
        frame(link, [this, link, up] { on_up(link->session, up); });
        if (error) {
          frame(link, [this, link, error = *error] { on_refused(link->session, error); });
        }
      });
    });
    return;
  }
  request.key = key_;
  send_upload(request, session_);
}

void Client::send_upload(const Request& request, std::uint64_t session) {
  const int copies = world_.chance(faults_.repeat_request) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    if (world_.chance(faults_.drop_request)) continue;
    world_.after(delay(), [this, request, session] {
      const auto shard = world_.any_shard();
      world_.on_shard(shard, [this, request, session, shard] {
        const auto refused = [this, session](const Error& error) {
          world_.after(delay(), [this, session, error] { on_refused(session, error); });
        };
        auto located =
            dialects::native::locate(world_.context(), request, "address", shard, world_.now());
        if (const auto* error = std::get_if<Error>(&located)) return refused(*error);
        auto here = std::get<dialects::native::Located>(std::move(located));
        world_.runner(shard).run_on(here.id.shard, [this, request, session, here, refused] {
          const auto result = dialects::native::upload(world_.hub(here.id.shard), here,
                                                       dialects::native::Request(request));
          if (const auto* error = std::get_if<Error>(&result)) return refused(*error);
          if (world_.chance(faults_.drop_answer)) return;
          world_.after(delay(), [this, session, up = std::get<std::uint64_t>(result)] {
            on_up(session, up);
          });
        });
      });
    });
  }
}

// -- What comes down

void Client::on_welcome(const LinkPtr& link, const std::string& peer, bool active,
                        std::uint64_t next) {
  if (!peer_.empty() && opened_ && peer != peer_)
    violated("the peer id has changed within a session");
  peer_ = peer;
  opened_ = true;
  if (!link->welcomed) link->welcomed_at = world_.now();
  link->welcomed = true;
  link->active = active;
  link->next = next;
  if (!active && link->kind != Kind::poll && world_.chance(0.8)) upload(link, true);
}

void Client::on_activated(const LinkPtr& link) {
  for (const auto& other : links_) other->active = false;
  link->active = true;
}

void Client::on_end(const LinkPtr& link, End reason) {
  link->dead = true;
  switch (reason) {
    case End::left:
    case End::replaced:
    case End::timeout:
    case End::no_ack: return session_over(std::string(session::info(reason).name));
    case End::slow_consumer:
    case End::memory: return violated("ended as " + std::string(session::info(reason).name));
    default: return;
  }
}

void Client::on_refused(std::uint64_t session, const Error& error) {
  if (session != session_ || !alive_) return;
  switch (error.code) {
    case ErrorCode::gone: return session_over("gone");
    case ErrorCode::unknown_key:
      if (opened_) violated("unknown_key after a welcome");
      return;
    case ErrorCode::too_many_carriers: return;
    // An attach under a name that has lost its slot to others meanwhile.
    case ErrorCode::carrier_mismatch: return;
    default:
      return violated("refused: " + std::string(info(error.code).name) + " " +
                      std::string(error.sentence()));
  }
}

void Client::on_up(std::uint64_t session, std::uint64_t up) {
  if (session != session_ || !alive_) return;
  if (up >= next_n_) violated("up is beyond what was sent");
  while (!unsent_.empty() && unsent_.front().n <= up) unsent_.pop_front();
}

void Client::on_event(const LinkPtr& link, std::uint64_t number, const std::string& text) {
  if (link->kind == Kind::websocket && link->next++ != number)
    violated("the WebSocket's count is off");
  auto& known = texts_[number];
  const auto canonical = json::parse(text).dump();
  if (!known.empty() && known != canonical)
    violated("number " + std::to_string(number) + " came with other contents");
  known = canonical;
  if (number <= cursor_) return;
  if (number != cursor_ + 1)
    return violated("event " + std::to_string(number) + " after " + std::to_string(cursor_));
  ++cursor_;
  ++total_events_;
  take(text);
  if (alive_ && world_.chance(0.2)) upload(usable(), false);
}

void Client::take(const std::string& text) {
  const auto event = json::parse(text);
  const std::string type = event["type"];
  if (type == "created" || type == "joined") {
    in_room_ = true;
    asked_ = false;
    members_.clear();
    suspended_.clear();
    if (type == "joined") {
      for (const auto& member : event["members"]) {
        members_.push_back(member["peer"]);
        if (member["suspended"]) suspended_.insert(member["peer"].get<std::string>());
      }
    }
  } else if (type == "full") {
    asked_ = false;
    world_.after(seconds(1), [this, session = session_] {
      if (session == session_ && alive_ && !in_room_)
        unsent_.push_back({next_n_++, dialects::Join{room_, 3}});
    });
  } else if (type == "place-lost") {
    in_room_ = false;
    session_over("place-lost");
  } else if (type == "peer-joined") {
    if (has_member(event["peer"])) violated("a member joined twice");
    members_.push_back(event["peer"]);
  } else if (type == "peer-left") {
    if (std::erase(members_, event["peer"].get<std::string>()) == 0)
      violated("a member left who was not there");
    suspended_.erase(event["peer"].get<std::string>());
  } else if (type == "peer-suspended") {
    if (!suspended_.insert(event["peer"]).second) violated("a member was suspended twice");
  } else if (type == "peer-resumed") {
    if (suspended_.erase(event["peer"].get<std::string>()) == 0)
      violated("a member resumed who was not suspended");
  } else if (type == "error") {
    const std::string code = event["code"];
    if (code != "nobody_there" && code != "no_room" && code != "no_such_peer" &&
        code != "not_in_room")
      violated("error event " + code);
  } else if (type == "say" || type == "tell") {
    const std::string data = event["data"];
    const auto slash = data.find('/');
    const auto tag = data.substr(0, slash);
    const auto count = std::stoull(data.substr(slash + 1));
    if (type == "tell" && tag.substr(tag.find('>') + 1) != peer_)
      violated("heard what was said to another");
    auto& last = heard_from_[tag];
    // The first from somebody may be any; from then on none is missing and none comes twice.
    if (last != 0 && count != last + 1) {
      violated("heard " + data + " after " + std::to_string(last));
    }
    last = count;
    if (type == "say") heard_.push_back({tag, count});
  }
}

}  // namespace sigway::model
