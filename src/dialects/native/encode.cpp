#include <utility>

#include "dialects/json_writer.h"
#include "native/message.h"
#include "native/native.h"

namespace sigway::dialects::native {
namespace {

// Room for what every event has around its texts: punctuation, field names and numbers of the
// longest kind. Texts that need escapes may outgrow it; nearly none do.
constexpr std::size_t kFrame = 160;

std::optional<std::uint64_t> answering(Re re) { return re != 0 ? std::optional(re) : std::nullopt; }

void write_roster(std::string& out, const std::vector<RosterEntry>& members) {
  out += '[';
  for (const RosterEntry& member : members) {
    if (&member != &members.front()) out += ',';
    JsonWriter json(out);
    json.text("peer", member.peer).optional_text("name", member.name).number("join", member.join);
    json.boolean("polite", member.polite).boolean("suspended", member.suspended).close();
  }
  out += ']';
}

void write_error(JsonWriter& json, const Error& error) {
  json.text("code", info(error.code).name)
      .text("message", error.sentence())
      .optional_text("hint", error.advice());
}

// One overload for each event, in the order of the fields in docs/protocol.md, "Down: events".
class EventWriter {
 public:
  explicit EventWriter(std::string& out) : out_(out) {}

  void operator()(const event::Created& e) {
    begin("created", e.room.size() + e.peer.size());
    place(e);
    end(e.re);
  }
  void operator()(const event::Joined& e) {
    std::size_t size = e.room.size() + e.peer.size();
    for (const RosterEntry& member : e.members)
      size += 80 + member.peer.size() + member.name.size();
    begin("joined", size);
    place(e);
    json_->optional_number("re", answering(e.re)).key("members");
    write_roster(out_, e.members);
    json_->close();
  }
  void operator()(const event::Ready& e) { room_only("ready", e.room); }
  void operator()(const event::Full& e) {
    begin("full", e.room.size());
    json_->text("room", e.room).number("capacity", e.capacity);
    end(e.re);
  }
  void operator()(const event::Left& e) {
    begin("left", e.room.size());
    json_->text("room", e.room);
    end(e.re);
  }
  void operator()(const event::PlaceLost& e) { room_only("place-lost", e.room); }
  void operator()(const event::PeerJoined& e) {
    begin("peer-joined", e.room.size() + e.peer.size() + e.name.size());
    peer(e)
        .optional_text("name", e.name)
        .number("join", e.join)
        .boolean("polite", e.polite)
        .close();
  }
  void operator()(const event::PeerNamed& e) {
    begin("peer-named", e.room.size() + e.peer.size() + e.name.size());
    peer(e).optional_text("name", e.name).close();
  }
  void operator()(const event::PeerSuspended& e) {
    begin("peer-suspended", e.room.size() + e.peer.size());
    peer(e).close();
  }
  void operator()(const event::PeerResumed& e) {
    begin("peer-resumed", e.room.size() + e.peer.size());
    peer(e).close();
  }
  void operator()(const event::PeerLeft& e) {
    begin("peer-left", e.room.size() + e.peer.size() + e.reason.size());
    peer(e).text("reason", e.reason).close();
  }
  void operator()(const event::LoggedIn& e) { name("login", e.name, e.re); }
  void operator()(const event::LoggedOut& e) { name("logout", e.name, e.re); }
  void operator()(const event::NameLost& e) { name("name-lost", e.name, 0); }
  void operator()(const event::Stored& e) {
    begin("stored", e.to.size());
    json_->text("to", e.to).number("lifetime", e.lifetime_seconds);
    end(e.re);
  }
  /// Nothing: these clients do not look.
  void operator()(const event::Seen&) {}
  void operator()(const event::Refused& e) {
    begin("error", e.error.sentence().size() + e.error.advice().size() + e.error.to.size());
    write_error(*json_, e.error);
    json_->optional_number("re", answering(e.re)).optional_number("expected", e.error.expected);
    json_->optional_number("limit", e.error.limit).optional_text("to", e.error.to).close();
  }
  /// Nothing: no message of these clients has a lifetime of its own.
  void operator()(const event::Expired&) {}
  void operator()(const event::Said& e) {
    begin(e.type, e.room.size() + e.from.size() + e.name.size() + e.data.size());
    json_->optional_text("room", e.room).text("from", e.from).optional_text("name", e.name);
    if (e.data.kind != Payload::Kind::none) append_json(json_->key("data").out(), e.data);
    json_->close();
  }

 private:
  void begin(std::string_view type, std::size_t text_size) {
    out_.reserve(kFrame + type.size() + text_size);
    json_.emplace(out_).text("type", type);
  }
  void end(Re re) { json_->optional_number("re", answering(re)).close(); }

  template <typename Place>
  void place(const Place& e) {
    peer(e).number("join", e.join).number("capacity", e.capacity);
  }
  template <typename Member>
  JsonWriter& peer(const Member& e) {
    return json_->text("room", e.room).text("peer", e.peer);
  }
  void room_only(std::string_view type, std::string_view room) {
    begin(type, room.size());
    json_->text("room", room).close();
  }
  void name(std::string_view type, std::string_view name, Re re) {
    begin(type, name.size());
    json_->text("name", name);
    end(re);
  }

  std::string& out_;
  std::optional<JsonWriter> json_;
};

void write_welcome(JsonWriter& json, std::string& out, const Welcome& welcome) {
  json.text("server", welcome.server).text("peer", welcome.peer).text("carrier", welcome.carrier);
  json.optional_text("key", welcome.key)
      .boolean("active", welcome.active)
      .number("turn", welcome.turn);
  json.number("up", welcome.up).optional_number("next", welcome.next).raw("ice", welcome.ice_json);
  json.number("heartbeat", welcome.heartbeat_ms)
      .number("hold", welcome.hold_ms)
      .number("resume", welcome.resume_ms);
  json.key("limits");
  JsonWriter limits(out);
  limits.number("data", welcome.max_data)
      .number("body", welcome.max_body)
      .number("messages", welcome.max_messages);
  limits.close();
  json.raw("features", kFeatures).close();
}

std::size_t welcome_size(const Welcome& welcome) {
  return 320 + kFeatures.size() + welcome.server.size() + welcome.peer.size() +
         welcome.carrier.size() + welcome.key.size() + welcome.ice_json.size();
}

std::string turn_control(std::string_view control, std::uint64_t turn, std::uint64_t next) {
  std::string out;
  out.reserve(80);
  JsonWriter(out).text("control", control).number("turn", turn).number("next", next).close();
  return out;
}

std::string number_control(std::string_view control, FieldName name, std::uint64_t number) {
  std::string out;
  out.reserve(64);
  JsonWriter(out).text("control", control).number(name, number).close();
  return out;
}

class NativeDialect final : public Dialect {
 public:
  std::string_view name() const noexcept override { return "native"; }

  EncodedEvent encode(const Event& event) const override {
    std::string out;
    std::visit(EventWriter(out), event);
    if (out.empty()) return nullptr;
    return std::make_shared<const Frame>(Frame{std::move(out)});
  }

  std::variant<Command, Error> decode_message(std::string_view text) const override {
    return decode_joined_message(text);
  }
};

}  // namespace

const Traits kClient{};
const Traits kPerson{
    .acknowledges = false, .activates = false, .answers_probes = false, .resumes = false};
const Traits kPersonWithKey{.acknowledges = false, .activates = false};

const Dialect& dialect() noexcept {
  static const NativeDialect kInstance;
  return kInstance;
}

std::string welcome_control(const Welcome& welcome) {
  std::string out;
  out.reserve(welcome_size(welcome));
  JsonWriter json(out);
  json.text("control", "welcome");
  write_welcome(json, out, welcome);
  return out;
}

std::string welcome_object(const Welcome& welcome) {
  std::string out;
  out.reserve(welcome_size(welcome));
  JsonWriter json(out);
  write_welcome(json, out, welcome);
  return out;
}

std::string hello_control(std::uint64_t which) { return number_control("hello", "hello", which); }

std::string activated_control(std::uint64_t turn, std::uint64_t next) {
  return turn_control("activated", turn, next);
}

std::string standby_control(std::uint64_t turn, std::uint64_t next) {
  return turn_control("standby", turn, next);
}

std::string heartbeat_control(std::uint64_t next) {
  return number_control("heartbeat", "next", next);
}

std::string up_control(std::uint64_t up) { return number_control("up", "up", up); }

std::string pong_control(std::uint64_t ping) { return number_control("pong", "ping", ping); }

std::string probe_control() { return R"({"control":"probe"})"; }

std::string error_control(const Error& error) {
  std::string out;
  out.reserve(kFrame + error.sentence().size() + error.advice().size());
  JsonWriter json(out);
  json.text("control", "error");
  write_error(json, error);
  json.optional_text("reason", error.reason);
  json.optional_number("expected", error.expected).optional_number("limit", error.limit).close();
  return out;
}

std::string end_control(std::string_view code, std::string_view message,
                        std::optional<std::uint64_t> retry_ms,
                        std::optional<std::uint64_t> expected) {
  std::string out;
  out.reserve(120 + code.size() + message.size());
  JsonWriter json(out);
  json.text("control", "end")
      .text("code", code)
      .optional_text("message", message)
      .optional_number("retry", retry_ms)
      .optional_number("expected", expected);
  json.close();
  return out;
}

}  // namespace sigway::dialects::native
