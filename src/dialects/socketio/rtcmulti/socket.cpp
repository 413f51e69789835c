#include "socketio_rtcmulti/socket.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dialects/json_fields.h"
#include "dialects/json_writer.h"
#include "dialects/scope.h"
#include "socketio/placeholders.h"
#include "socketio_rtcmulti/json.h"
#include "socketio_rtcmulti/names.h"
#include "socketio_rtcmulti/profile.h"
#include "socketio_rtcmulti/registry.h"

namespace sigway::dialects::socketio::rtcmulti {
namespace {

/// To how many a custom event goes: as many as a message may name.
constexpr std::size_t kMostOthers = 64;
/// Bytes of a request to take part, which goes to each participant as a copy of its own.
constexpr std::size_t kMostRequest = 16U << 10U;
/// Bytes of what is kept of a new room beside its name.
constexpr std::size_t kMostSession = 4U << 10U;
constexpr std::size_t kMostPassword = 128;

constexpr std::string_view kTrue = "true";
constexpr std::string_view kFalse = "false";
constexpr std::string_view kNull = "null";

/// What a user's session says to others, by their names.
Say say_of(Notice notice) {
  Say say{.type = std::move(notice.event),
          .data = {Payload::Kind::json, "[" + notice.arguments + "]"},
          .store = false};
  say.to.reserve(notice.to.size());
  for (const auto& id : notice.to) say.to.push_back({Address::Kind::name, scoped(kDialect, id)});
  return say;
}

void ask(Reaction& reaction, Command command) {
  reaction.messages.emplace_back().content = std::move(command);
}

/// A user leaves when its session ends.
class Farewell final : public LastWords {
 public:
  Farewell(std::shared_ptr<Registry> registry, std::string peer)
      : registry_(std::move(registry)), peer_(std::move(peer)) {}
  ~Farewell() override { registry_->forget(peer_); }
  Farewell(const Farewell&) = delete;
  Farewell& operator=(const Farewell&) = delete;

  std::vector<Say> take() override {
    Notices notices;
    registry_->leave(peer_, notices);
    std::vector<Say> all;
    all.reserve(notices.all.size());
    for (auto& notice : notices.all) all.push_back(say_of(std::move(notice)));
    return all;
  }

 private:
  const std::shared_ptr<Registry> registry_;
  const std::string peer_;
};

/// An emission with its arguments at hand. What is missing is `undefined`.
class Call {
 public:
  Call(const Emission& emission, Reaction& reaction) : emission_(emission), reaction_(reaction) {
    if (emission.attachments.empty()) return;
    // Others hear it as JSON.
    const std::vector<std::string_view> attachments(emission.attachments.begin(),
                                                    emission.attachments.end());
    for (const auto argument : emission.arguments)
      inlined_.push_back(with_inline_attachments(argument, attachments));
  }

  std::string_view name() const noexcept { return emission_.name; }
  bool wants_answer() const noexcept { return emission_.id.has_value(); }
  JsonValue argument(std::size_t index) const noexcept {
    if (index < inlined_.size()) return value_of(inlined_[index]);
    return index < emission_.arguments.size() ? value_of(emission_.arguments[index]) : JsonValue();
  }
  /// The argument as it came, for an answer that repeats it.
  std::string echo(std::size_t index) const {
    const auto value = argument(index);
    return value.bytes.empty() ? std::string(kNull) : on_one_line(value);
  }

  void answer(std::initializer_list<std::string_view> arguments) {
    if (emission_.id)
      reaction_.events.ack(*emission_.id, std::span(arguments.begin(), arguments.size()));
  }
  /// `true`, or `false` and why not.
  void decide(Refusal refusal) {
    if (refusal.empty()) return answer({kTrue});
    answer({kFalse, quoted(refusal)});
  }
  void event(std::string_view name, std::string_view argument) {
    reaction_.events.event(name, {argument});
  }
  void log(std::string_view sentence) { rtcmulti::log(reaction_.events, sentence); }
  void tell(Notice notice) {
    if (!notice.to.empty()) ask(say_of(std::move(notice)));
  }
  /// What the registry has changed must not be lost. To be called at once after that.
  void acted(const Notices& notices) noexcept { reaction_.receipt = notices.ticket; }
  void tell(Notices notices) {
    for (auto& notice : notices.all) tell(std::move(notice));
  }
  void ask(Command command) { rtcmulti::ask(reaction_, std::move(command)); }

 private:
  const Emission& emission_;
  Reaction& reaction_;
  std::vector<std::string> inlined_;
};

class RtcmultiSocket final : public Socket {
 public:
  RtcmultiSocket(std::shared_ptr<Registry> registry, const Connect& connect)
      : registry_(std::move(registry)),
        peer_(connect.peer),
        address_(connect.address),
        profile_(read_profile(connect.query == nullptr ? Query() : *connect.query)) {
    if (connect.recovered) {
      if (auto id = registry_->id_of(peer_)) {
        profile_.userid = *std::move(id);
        state_ = State::known;
        registry_->connected(peer_);
      } else {
        state_ = State::refused;
      }
      return;
    }
    if (profile_.userid.empty()) profile_.userid = peer_;
    state_ = valid_id(profile_.userid) ? State::asks : State::refused;
  }
  ~RtcmultiSocket() override {
    if (state_ == State::known) registry_->disconnected(peer_);
  }
  RtcmultiSocket(const RtcmultiSocket&) = delete;
  RtcmultiSocket& operator=(const RtcmultiSocket&) = delete;

  bool waits() const override { return state_ == State::asks; }

  void connected(Reaction& reaction) override {
    if (state_ != State::asks) {
      log(reaction.events, "A userid has 1 to 128 bytes without control characters.");
      return refuse(reaction, profile_.userid, peer_);
    }
    ask(reaction, Login{scoped(kDialect, profile_.userid)});
  }

  void noted(std::string_view note, Reaction& reaction) override {
    const bool has_id = note.starts_with(kHasId);
    if (state_ == State::asks) {
      if (has_id) return enter(reaction);
      state_ = State::refused;
      refuse(reaction, profile_.userid, peer_);
    } else if (state_ == State::known && has_id) {
      registry_->renamed(peer_, note.substr(kHasId.size()));
    } else if (state_ == State::known) {
      // The bus has given the id to somebody else.
      const auto id = registry_->not_renamed(peer_, note.substr(kHasNotId.size()));
      if (id) refuse(reaction, *id, own_id());
    }
  }

  void emitted(const Emission& emission, Reaction& reaction) override {
    // As in the original, a client whose id is taken is not heard. It takes another one and comes
    // again.
    if (state_ != State::known) return;
    Call call(emission, reaction);
    const auto handler = std::find_if(kHandlers.begin(), kHandlers.end(), [&](const Handler& each) {
      return each.name == emission.name;
    });
    if (handler != kHandlers.end()) return (this->*handler->handle)(call);
    if (emission.name == profile_.message_event) return relay(call);
    if (emission.name == profile_.custom_event ||
        registry_->listens(peer_, std::string(emission.name))) {
      say_to_others(call);
    }
  }

 private:
  enum class State : std::uint8_t {
    asks,     // the bus for its id
    known,    // to the registry
    refused,  // somebody has its id
  };
  struct Handler {
    std::string_view name;
    void (RtcmultiSocket::*handle)(Call& call);
  };
  static const std::array<Handler, 12> kHandlers;

  // -- Ids

  void enter(Reaction& reaction) {
    Notices notices;
    // First what takes it back, whatever becomes of this.
    auto words = std::make_shared<Farewell>(registry_, peer_);
    registry_->enter(peer_,
                     {.id = profile_.userid,
                      .extra = std::move(profile_.extra),
                      .closes_rooms = profile_.closes_rooms,
                      .message_event = profile_.message_event,
                      .address = address_},
                     notices);
    registry_->connected(peer_);
    state_ = State::known;
    reaction.receipt = notices.ticket;
    ask(reaction, Will{.words = std::move(words)});
    for (auto& notice : notices.all) ask(reaction, say_of(std::move(notice)));
  }

  /// Tells the client to take another id, such as `free`: the one that it has, or that of its
  /// session, which nobody has. Clients prefer one of their own.
  static void refuse(Reaction& reaction, std::string_view taken, std::string_view free) {
    reaction.events.event("userid-already-taken", {quoted(taken), quoted(free)});
  }

  std::string own_id() const { return registry_->id_of(peer_).value_or(""); }

  void change_id(Call& call) {
    auto id = as_text(call.argument(0));
    if (!id || !valid_id(*id))
      return call.log("changed-uuid: a userid has 1 to 128 bytes without control characters.");
    const auto before = own_id();
    if (*id == before) return;  // without an answer, as in the original
    if (!registry_->rename(peer_, *id))
      return call.event("userid-already-taken", quoted(*id) + "," + quoted(before));
    call.acted({});
    call.ask(Login{scoped(kDialect, *id)});
    call.answer({});
  }

  // -- Users

  /// JSON that others will see; none, and the client is told, if it is too long.
  static std::optional<std::string> extra_of(Call& call, const JsonValue& value) {
    if (value.bytes.size() <= kMostExtra)
      return is_truthy(value) ? on_one_line(value) : std::string("{}");
    call.log("extra has at most " + std::to_string(kMostExtra) + " bytes.");
    return std::nullopt;
  }

  void update_extra(Call& call) {
    auto extra = extra_of(call, call.argument(0));
    if (!extra) return;
    Notices notices;
    const auto updated = registry_->set_extra(peer_, *extra, notices);
    call.acted(notices);
    if (!updated.is_stored) return call.log("This server cannot store more extra data now.");
    if (updated.is_in_room) call.event("extra-data-updated", quoted(own_id()) + "," + *extra);
    call.tell(std::move(notices));
  }

  void get_extra(Call& call) {
    const auto id = as_text(call.argument(0));
    const auto extra = id ? registry_->extra_of(*id) : std::nullopt;
    call.answer({extra ? *extra : quoted(kNoSuchUser)});
  }

  void disconnect_with(Call& call) {
    const auto id = as_text(call.argument(0));
    Notices notices;
    if (id && registry_->part(peer_, *id, notices)) {
      call.acted(notices);
      call.event("user-disconnected", quoted(*id));
      call.tell(std::move(notices));
    }
    call.answer({});
  }

  void listen(Call& call) {
    const auto event = as_text(call.argument(0));
    if (!event || !valid_event_name(*event))
      return call.log("set-custom-socket-event-listener: this event cannot be a custom one.");
    if (*event != profile_.message_event && !registry_->listen(peer_, *event)) {
      call.log("set-custom-socket-event-listener: a client may have " +
               std::to_string(Registry::kMostListeners) + " custom events.");
    }
  }

  void say_to_others(Call& call) {
    const auto value = call.argument(0);
    call.tell(Notice{std::string(call.name()),
                     value.bytes.empty() ? std::string() : on_one_line(value),
                     registry_->others(peer_, call.name(), kMostOthers)});
  }

  // -- Rooms

  /// What `open-room` and `join-room` have in common; none, and the client is told, if that is
  /// wrong.
  std::optional<Registry::Wish> wish_of(Call& call) const {
    const auto value = call.argument(0);
    std::array<Field, 5> fields{Field{"sessionid"}, Field{"extra"}, Field{"password"},
                                Field{"session"}, Field{"identifier"}};
    const auto& [sessionid, extra, password, session, identifier] = fields;
    if (value.kind == JsonValue::Kind::object && !value.bytes.empty())
      read_fields(value.bytes, fields);
    Registry::Wish wish{.room = as_text(sessionid.value).value_or(""),
                        .password = as_text(password.value).value_or(""),
                        .identifier = as_text(identifier.value).value_or(""),
                        .most_participants = profile_.most_participants};
    auto own_extra = extra_of(call, extra.value);
    const bool is_good = valid_id(wish.room) && wish.password.size() <= kMostPassword &&
                         wish.identifier.size() <= kMostPassword &&
                         session.value.bytes.size() <= kMostSession;
    if (!is_good) {
      call.log(std::string(call.name()) +
               ": sessionid has 1 to 128 bytes without control characters; password and identifier "
               "have at most 128 bytes, session 4096.");
    }
    if (!is_good || !own_extra) {
      call.decide(kNoSuchRoom);
      return std::nullopt;
    }
    wish.extra = *std::move(own_extra);
    if (session.is_there()) {
      wish.session = on_one_line(session.value);
      wish.one_way = is_one_way(session.value);
    }
    return wish;
  }

  static bool is_one_way(const JsonValue& session) {
    if (session.kind != JsonValue::Kind::object) return false;
    std::array<Field, 2> fields{Field{"oneway"}, Field{"broadcast"}};
    read_fields(session.bytes, fields);
    return std::any_of(fields.begin(), fields.end(),
                       [](const Field& field) { return field.value.bytes == kTrue; });
  }

  void open_room(Call& call) { enter_room(call, &Registry::open); }
  void join_room(Call& call) { enter_room(call, &Registry::join); }
  void enter_room(Call& call,
                  Refusal (Registry::*enter)(const std::string&, Registry::Wish, Notices&)) {
    auto wish = wish_of(call);
    if (!wish) return;
    Notices notices;
    auto refusal = (*registry_.*enter)(peer_, *std::move(wish), notices);
    call.acted(notices);
    if (refusal == kCannotStore) {
      call.log(refusal);
      refusal = kNoSuchRoom;
    }
    call.decide(refusal);
    call.tell(std::move(notices));
  }

  void close_room(Call& call) {
    Notices notices;
    const auto refusal = registry_->close(peer_, notices);
    call.acted(notices);
    call.decide(refusal);
    call.tell(std::move(notices));
  }

  void check_presence(Call& call) {
    const auto room = as_text(call.argument(0));
    const auto presence = room ? registry_->presence(*room) : std::nullopt;
    // The room's extra data with one more field; what is no object stands in a field of its own.
    std::string extra = presence ? presence->extra : "{}";
    if (!extra.starts_with('{')) {
      std::string value;
      JsonWriter(value).raw("value", extra).close();
      extra = std::move(value);
    }
    JsonCursor cursor(extra);
    cursor.begin_object();
    JsonValue first;
    const bool has_members = cursor.next_member(first);
    std::string state;
    JsonWriter(state)
        .boolean("isFull", presence && presence->is_full)
        .boolean("isPasswordProtected", presence && presence->has_password)
        .close();
    extra.pop_back();
    extra.append(has_members ? "," : "").append(R"("_room":)").append(state).append("}");
    call.answer({presence ? kTrue : kFalse, call.echo(0), extra});
  }

  void set_password(Call& call) {
    auto password = as_text(call.argument(0)).value_or("");
    if (password.size() > kMostPassword) {
      call.log("set-password: a password has at most 128 bytes.");
      return call.answer({kFalse, kNull, quoted(kWrongPassword)});
    }
    const auto refusal = registry_->set_password(peer_, std::move(password));
    if (refusal == kInNoRoom) return call.answer({kNull, kNull, quoted(refusal)});
    const auto room = quoted(registry_->room_of(peer_).value_or(""));
    if (refusal.empty()) return call.answer({kTrue, room, kNull});
    call.answer({kFalse, room, quoted(refusal)});
  }

  void check_password(Call& call) {
    const auto password = as_text(call.argument(0)).value_or("");
    const auto room = as_text(call.argument(1)).value_or("");
    Refusal refusal;
    if (is_blank(password)) {
      refusal = "You did not enter the password.";
    } else if (is_blank(room)) {
      refusal = "You did not enter the room-id.";
    } else {
      refusal = registry_->check_password(room, password);
    }
    if (refusal.empty()) return call.answer({kTrue, call.echo(1), kFalse});
    call.answer({kFalse, call.echo(1), quoted(refusal)});
  }

  void list_rooms(Call& call) {
    const auto identifier = as_text(call.argument(0)).value_or("");
    if (is_blank(identifier))
      return call.answer({kNull, quoted("publicRoomIdentifier is required")});
    if (call.wants_answer()) call.answer({registry_->list(identifier)});
  }

  // -- Messages

  /// `{remoteUserId, message, sender}`, from one user to another, or to those of a room.
  void relay(Call& call) {
    const auto whole = call.argument(0);
    std::array<Field, 3> fields{Field{"remoteUserId"}, Field{"message"}, Field{"sender"}};
    const auto& [remote, message, sender] = fields;
    if (whole.kind == JsonValue::Kind::object && !whole.bytes.empty())
      read_fields(whole.bytes, fields);
    const auto to = as_text(remote.value);
    if (!to || !is_truthy(message.value)) {
      return call.log(std::string(call.name()) +
                      ": a message is {remoteUserId, message, sender}, with an id and content.");
    }
    const auto own = own_id();
    if (*to == own) return;
    if (*to == "system") return detect_presence(call, message.value);
    // Nobody speaks for others.
    if (is_truthy(sender.value) && as_text(sender.value) != own)
      return call.event("user-not-found", on_one_line(sender.value));
    std::array<Field, 2> kinds{Field{"newParticipationRequest"}, Field{"userLeft"}};
    const auto& [participation, user_left] = kinds;
    if (message.value.kind == JsonValue::Kind::object) read_fields(message.value.bytes, kinds);
    if (is_truthy(participation.value) && registry_->has_room(*to))
      return ask_to_take_part(call, whole.bytes, own);
    Notices notices;
    const auto meeting = registry_->meet(peer_, *to, !is_truthy(user_left.value), notices);
    if (!meeting) return call.event("user-not-found", quoted(*to));
    if (meeting->is_new) {
      call.acted(notices);
      call.event("user-connected", quoted(*to));
      call.tell(std::move(notices));
    }
    call.tell(Notice{std::string(call.name()),
                     addressed(*to, rest_of(whole.bytes, own, meeting->extra)),
                     {*to}});
  }

  void ask_to_take_part(Call& call, std::string_view whole, const std::string& own) {
    if (whole.size() > kMostRequest) {
      return call.log("A newParticipationRequest has at most " + std::to_string(kMostRequest) +
                      " bytes.");
    }
    const auto rest = rest_of(whole, own, registry_->extra_of(own).value_or("{}"));
    for (auto& id : registry_->askable(peer_)) {
      auto copy = addressed(id, rest);
      call.tell(Notice{std::string(call.name()), std::move(copy), {std::move(id)}});
    }
  }

  /// A message without whom it is for, and without its opening brace.
  static std::string rest_of(std::string_view whole, std::string_view sender,
                             std::string_view extra) {
    std::string rest;
    rest.reserve(whole.size() + extra.size() + 32);
    JsonCursor cursor(whole);
    cursor.begin_object();
    for (JsonValue key, value; cursor.next_member(key) && cursor.read_value(value);) {
      if (is_key(key, "remoteUserId") || is_key(key, "sender") || is_key(key, "extra")) continue;
      rest.append(key.bytes).append(":").append(on_one_line(value)).append(",");
    }
    return rest.append(R"("sender":)")
        .append(quoted(sender))
        .append(R"(,"extra":)")
        .append(extra)
        .append("}");
  }
  static std::string addressed(std::string_view to, std::string_view rest) {
    return R"({"remoteUserId":)" + quoted(to) + "," + std::string(rest);
  }

  void detect_presence(Call& call, const JsonValue& message) {
    std::array<Field, 2> fields{Field{"detectPresence"}, Field{"userid"}};
    const auto& [detects, userid] = fields;
    if (message.kind == JsonValue::Kind::object) read_fields(message.bytes, fields);
    if (!is_truthy(detects.value)) return;
    const auto id = as_text(userid.value);
    const bool is_there = id && *id != own_id() && registry_->has(*id);
    call.answer({is_there ? kTrue : kFalse,
                 userid.is_there() ? on_one_line(userid.value) : std::string(kNull)});
  }

  const std::shared_ptr<Registry> registry_;
  const std::string peer_;
  const base::AddressKey address_;
  Profile profile_;
  State state_ = State::asks;
};

const std::array<RtcmultiSocket::Handler, 12> RtcmultiSocket::kHandlers = {{
    {"changed-uuid", &RtcmultiSocket::change_id},
    {"check-presence", &RtcmultiSocket::check_presence},
    {"close-entire-session", &RtcmultiSocket::close_room},
    {"disconnect-with", &RtcmultiSocket::disconnect_with},
    {"extra-data-updated", &RtcmultiSocket::update_extra},
    {"get-public-rooms", &RtcmultiSocket::list_rooms},
    {"get-remote-user-extra-data", &RtcmultiSocket::get_extra},
    {"is-valid-password", &RtcmultiSocket::check_password},
    {"join-room", &RtcmultiSocket::join_room},
    {"open-room", &RtcmultiSocket::open_room},
    {"set-custom-socket-event-listener", &RtcmultiSocket::listen},
    {"set-password", &RtcmultiSocket::set_password},
}};

}  // namespace

std::unique_ptr<Socket> make_socket(std::shared_ptr<Registry> registry, const Connect& connect) {
  return std::make_unique<RtcmultiSocket>(std::move(registry), connect);
}

}  // namespace sigway::dialects::socketio::rtcmulti
