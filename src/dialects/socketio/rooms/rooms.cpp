#include "socketio_rooms/rooms.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "dialects/grammar.h"
#include "dialects/json_fields.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"
#include "socketio_rooms/message.h"
#include "socketio_rooms/room_name.h"

namespace sigway::dialects::socketio {
namespace {

constexpr std::uint32_t kCapacity = 2;
/// As many as a session may be in.
constexpr std::size_t kMostRooms = 8;

constexpr std::string_view kPresence = "presence";
constexpr std::string_view kUserLeft = "user-left";
constexpr std::size_t kMostUserName = 256;

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

/// Bytes of a message that its sender is told of as a whole.
constexpr std::size_t kMostLogged = 4096;

/// The first bytes of a JSON text, as a string.
std::string beginning_of(std::string_view json) {
  std::string out;
  append_json_string(out, std::string(base::beginning_of(json, kMostLogged)) + "…");
  return out;
}

/// The codelab's servers tell the page what they do. `rest` is JSON: more arguments.
void log(EventChain& events, std::string_view text, std::string_view rest = {}) {
  auto array = std::string(R"(["Message from server:",)");
  append_json_string(array, text);
  if (!rest.empty()) array.append(",").append(rest);
  events.event("log", {array += ']'});
}

void log_count(EventChain& events, std::string_view room, std::size_t clients) {
  log(events, "Room " + std::string(room) + " now has " + std::to_string(clients) + " client(s)");
}

// -- What goes to a page

class Encoder {
 public:
  explicit Encoder(EventChain& out) : out_(out) {}

  void operator()(const event::Created& created) {
    const auto room = page_room(created.room);
    if (!room) return;
    log_count(out_, *room, 0);
    log(out_, client(created.peer) + " created room " + std::string(*room));
    out_.event("created", {quoted(*room), quoted(created.peer)});
  }
  void operator()(const event::Joined& joined) {
    const auto room = page_room(joined.room);
    if (!room) return;
    log_count(out_, *room, joined.members.size());
    log(out_, client(joined.peer) + " joined room " + std::string(*room));
    out_.event("joined", {quoted(*room), quoted(joined.peer)});
  }
  void operator()(const event::Full& full) {
    const auto room = page_room(full.room);
    if (!room) return;
    log_count(out_, *room, full.capacity);
    out_.event("full", {quoted(*room)});
  }
  void operator()(const event::PeerJoined& peer) { tell("join", peer.room); }
  void operator()(const event::Ready& ready) { tell("ready", ready.room); }
  void operator()(const event::PeerLeft& left) {
    if (page_room(left.room)) out_.event("bye");
  }
  void operator()(const event::Said& said) {
    if (said.type != kUserLeft) return append_messages(out_, said);
    std::string user;
    append_json(user, said.data);
    out_.event(kUserLeft, {user});
  }
  void operator()(const event::Seen& seen) {
    out_.event(kPresence, {seen.members != 0 ? "true" : "false"});
  }
  void operator()(const event::Refused& refused) {
    switch (refused.error.code) {
      // A page that speaks before anybody hears it does so on purpose, as one that opens its
      // channel again. One that speaks in the lobby asks for it once more.
      case ErrorCode::already_joined:
      case ErrorCode::nobody_there:
      case ErrorCode::not_in_room:
      case ErrorCode::no_room: return;
      default: log(out_, refused.error.sentence());
    }
  }
  template <typename Other>
  void operator()(const Other&) {}

 private:
  static std::string client(const std::string& peer) { return "Client ID " + peer; }
  void tell(std::string_view name, const std::string& bus_room) {
    if (const auto room = page_room(bus_room)) out_.event(name, {quoted(*room)});
  }

  EventChain& out_;
};

class RoomsDialect final : public Dialect {
 public:
  std::string_view name() const noexcept override { return "socketio"; }

  EncodedEvent encode(const Event& event) const override {
    EventChain events;
    std::visit(Encoder(events), event);
    return events.take();
  }
};

// -- What comes from a page

class RoomsSocket final : public Socket {
 public:
  RoomsSocket(const std::vector<std::string>& addresses, const Connect& connect)
      : addresses_(addresses),
        space_(connect.space),
        rooms_(connect.rooms.begin(), connect.rooms.end()) {
    in_lobby_ = std::erase(rooms_, lobby(space_)) != 0;
    has_asked_ = connect.recovered && !in_lobby_;
    std::erase_if(rooms_, [](const std::string& room) { return !page_room(room); });
  }

  /// It hears those who are in no room from now on, until it asks for one.
  void connected(Reaction& reaction) override {
    in_lobby_ = true;
    add(reaction, quiet(lobby(space_)));
  }

  void emitted(const Emission& emission, Reaction& reaction) override {
    if (emission.name == "message") return say(emission, reaction);
    if (emission.name == "create or join") return join(emission, reaction);
    if (emission.name == "bye") return leave(emission, reaction);
    if (emission.name == "ipaddr") {
      for (const auto& address : addresses_) reaction.events.event("ipaddr", {quoted(address)});
    }
    if (space_ != "/") return;
    if (emission.name == "new-channel") return open_channel(emission, reaction);
    if (emission.name == kPresence) return look_for_channel(emission, reaction);
  }

 private:
  static void add(Reaction& reaction, Command command) {
    reaction.messages.push_back({std::nullopt, std::move(command)});
  }

  /// The bus's room that the first argument means; none if no room can have that name.
  std::optional<std::string> room_of(const Emission& emission) const {
    if (emission.arguments.empty()) return std::nullopt;
    JsonValue value;
    JsonCursor(emission.arguments.front()).read_value(value);
    std::optional<std::string> name;
    if (value.kind == JsonValue::Kind::string) name = unescape(value);
    if (value.kind == JsonValue::Kind::number) name = std::string(value.bytes);
    if (!name || name->empty()) return std::nullopt;
    auto room = bus_room(space_, *name);
    if (!valid_room(room)) return std::nullopt;
    return room;
  }

  void join(const Emission& emission, Reaction& reaction) {
    auto room = room_of(emission);
    // Also one that is refused speaks to nobody from now on.
    has_asked_ = true;
    if (std::exchange(in_lobby_, false)) add(reaction, LeaveRoom{lobby(space_)});
    if (!room) return log(reaction.events, info(ErrorCode::bad_room).message);
    log(reaction.events,
        "Received request to create or join room " + std::string(*page_room(*room)));
    if (std::find(rooms_.begin(), rooms_.end(), *room) == rooms_.end()) {
      // A session is in no more: one of them was refused.
      if (rooms_.size() == kMostRooms) rooms_.erase(rooms_.begin());
      rooms_.push_back(*room);
    }
    add(reaction, Join{*std::move(room), kCapacity});
  }

  void leave(const Emission& emission, Reaction& reaction) {
    const auto room = room_of(emission);
    if (room && std::erase(rooms_, *room) != 0) add(reaction, LeaveRoom{*room});
  }

  /// Nobody hears who is there.
  static Join quiet(std::string room) {
    return {.room = std::move(room), .capacity = Join::kLargest, .quiet = true};
  }

  /// Once more when it speaks: the lobby may have been full when it came.
  void enter_lobby(Reaction& reaction) {
    in_lobby_ = true;
    if (!std::exchange(has_spoken_, true)) add(reaction, quiet(lobby(space_)));
  }

  // -- Channels

  /// `value` as the name of a channel; none, and the client is told, if it is the name of no
  /// namespace.
  static std::optional<std::string> channel_of(const JsonValue& value, Reaction& reaction) {
    std::optional<std::string> name;
    if (!value.bytes.empty() && value.kind == JsonValue::Kind::string) name = unescape(value);
    if (!value.bytes.empty() && value.kind == JsonValue::Kind::number)
      name = std::string(value.bytes);
    if (name && !name->empty() && is_space("/" + *name)) return name;
    log(reaction.events, "A channel has a name that a namespace can have.");
    return std::nullopt;
  }

  /// `{channel, sender}`: there is a channel from now on, as long as this client is there.
  static void open_channel(const Emission& emission, Reaction& reaction) {
    std::array<Field, 1> fields{Field{"channel"}};
    const auto argument = first_of(emission);
    if (argument.starts_with('{')) read_fields(argument, fields);
    if (const auto channel = channel_of(fields[0].value, reaction))
      add(reaction, quiet(openers(*channel)));
  }

  static void look_for_channel(const Emission& emission, Reaction& reaction) {
    JsonValue value;
    JsonCursor(first_of(emission)).read_value(value);
    if (const auto channel = channel_of(value, reaction)) add(reaction, Look{openers(*channel)});
  }

  static std::string_view first_of(const Emission& emission) noexcept {
    return emission.arguments.empty() ? std::string_view() : emission.arguments.front();
  }

  /// In a channel's namespace a message is `{sender, data}`, and the others get the data. Whoever
  /// has said in its first one who it is (`data.sender`) is missed by that name.
  bool say_in_channel(const Emission& emission, Reaction& reaction) {
    const auto argument = first_of(emission);
    if (space_ == "/" || !argument.starts_with('{')) return false;
    std::array<Field, 2> fields{Field{"sender"}, Field{"data"}};
    const auto& [sender, data] = fields;
    if (read_fields(argument, fields) || !sender.is_there() || !data.is_there()) return false;
    if (!is_named_ && data.value.kind == JsonValue::Kind::object) {
      std::array<Field, 1> names{Field{"sender"}};
      read_fields(data.value.bytes, names);
      const auto& name = names[0].value;
      if (names[0].is_there() && name.bytes.size() <= kMostUserName) {
        is_named_ = true;
        Say say{.type = std::string(kUserLeft), .room = lobby(space_)};
        say.data = {Payload::Kind::json, on_one_line(name)};
        add(reaction, Will{.message = std::move(say)});
      }
    }
    auto inner = emission;
    inner.arguments = std::span(&data.value.bytes, 1);
    auto said = say_of(inner);
    enter_lobby(reaction);
    said.room = lobby(space_);
    add(reaction, std::move(said));
    return true;
  }

  /// Tells the sender what it said, of a long message only the beginning: a client that sends
  /// faster than it receives would otherwise end as a slow consumer because of its own messages.
  static void log_said(const Emission& emission, Reaction& reaction) {
    const auto& attachments = emission.attachments;
    const auto argument = emission.arguments.front();
    const auto size = std::accumulate(
        attachments.begin(), attachments.end(), argument.size(),
        [](std::size_t sum, const auto& attachment) { return sum + attachment.size(); });
    if (size > kMostLogged) return log(reaction.events, "Client said: ", beginning_of(argument));
    log(reaction.events, "Client said: ", argument);
    for (const auto& attachment : attachments) reaction.events.attachment(attachment);
  }

  void say(const Emission& emission, Reaction& reaction) {
    if (!has_asked_ && say_in_channel(emission, reaction)) return;
    auto said = say_of(emission);
    if (!emission.arguments.empty()) log_said(emission, reaction);
    if (!has_asked_) {
      // As in the original, it speaks to all who are in no room either.
      enter_lobby(reaction);
      said.room = lobby(space_);
      return add(reaction, std::move(said));
    }
    for (const auto& room : rooms_) {
      auto copy = said;
      copy.room = room;
      add(reaction, std::move(copy));
    }
  }

  const std::vector<std::string>& addresses_;
  const std::string space_;
  std::vector<std::string> rooms_;  // of the bus: those it has asked for, also in vain
  bool has_asked_ = false;
  bool in_lobby_ = false;
  bool has_spoken_ = false;  // in the lobby
  bool is_named_ = false;    // in its channel
};

}  // namespace

const Dialect& rooms_dialect() noexcept {
  static const RoomsDialect kDialect;
  return kDialect;
}

bool RoomsApplication::has_space(std::string_view space) const noexcept { return is_space(space); }

std::unique_ptr<Socket> RoomsApplication::connect(const Connect& connect) const {
  return std::make_unique<RoomsSocket>(addresses_, connect);
}

}  // namespace sigway::dialects::socketio
