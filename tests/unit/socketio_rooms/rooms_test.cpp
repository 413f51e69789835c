#include "socketio_rooms/rooms.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "dialects/grammar.h"
#include "socketio_rooms/message.h"
#include "socketio_rooms/room_name.h"

namespace sigway::dialects::socketio::rooms_test {
namespace {

// The frames of an event, bytes in brackets.
std::vector<std::string> frames(const EncodedEvent& event) {
  std::vector<std::string> all;
  for (const auto* frame = event.get(); frame != nullptr; frame = frame->more.get())
    all.push_back(frame->kind == Frame::Kind::binary ? "<" + frame->bytes + ">" : frame->bytes);
  return all;
}

using Frames = std::vector<std::string>;

Frames encoded(const Event& event) { return frames(rooms_dialect().encode(event)); }

// A page's socket, and what came of its last emission.
class Page {
 public:
  explicit Page(Connect connect = {.space = "/"})
      : application_({"192.0.2.7"}), socket_(application_.connect(connect)) {
    if (!connect.recovered) socket_->connected(reaction_);
  }

  void emit(std::string_view name, std::vector<std::string_view> arguments = {},
            std::vector<std::string> attachments = {}) {
    reaction_ = {};
    socket_->emitted({.name = name, .arguments = arguments, .attachments = attachments}, reaction_);
  }
  Frames events() { return frames(reaction_.events.take()); }

  // Commands in short: "join foo 2", "leave foo", "say foo offer {…}".
  std::vector<std::string> commands() const {
    std::vector<std::string> all;
    for (const auto& message : reaction_.messages) {
      const auto& command = std::get<Command>(message.content);
      if (const auto* join = std::get_if<Join>(&command)) {
        all.push_back("join " + join->room + " " + std::to_string(*join->capacity));
      } else if (const auto* leave = std::get_if<LeaveRoom>(&command)) {
        all.push_back("leave " + leave->room);
      } else if (const auto* look = std::get_if<Look>(&command)) {
        all.push_back("look " + look->room);
      } else if (const auto* will = std::get_if<Will>(&command)) {
        all.push_back("will " + *will->message->room + " " + will->message->type + " " +
                      will->message->data.bytes);
      } else {
        const auto& say = std::get<Say>(command);
        all.push_back("say " + *say.room + " " + say.type + " " + say.data.bytes);
      }
    }
    return all;
  }

 private:
  RoomsApplication application_;
  std::unique_ptr<Socket> socket_;
  Reaction reaction_;
};

using Commands = std::vector<std::string>;
const std::string kJoinLobby = "join " + lobby("/") + ' ' + std::to_string(Join::kLargest);

std::string say_in_lobby(const std::string& data) {
  return "say " + lobby("/") + " message " + data;
}

}  // namespace

TEST_CASE("rooms of a page and of the bus") {
  struct Row {
    const char *space, *room, *bus;
  };
  for (const auto& row : {Row{"/", "foo", "foo"}, Row{"/", "/foo", "//foo"}, Row{"/", "a#b", "a#b"},
                          Row{"/chat", "foo", "/chat#foo"}, Row{"/chat", "#x", "/chat##x"},
                          Row{"/", "//x", "///x"}}) {
    CAPTURE(row.bus);
    CHECK(bus_room(row.space, row.room) == row.bus);
    CHECK(page_room(row.bus) == row.room);
  }
  CHECK(page_room(lobby("/")) == std::nullopt);
  CHECK(page_room(lobby("/chat")) == std::nullopt);
}

TEST_CASE("names of namespaces") {
  for (const char* good : {"/", "/chat", "/a/b", "/é"}) CHECK(is_space(good));
  for (const char* bad : {"", "chat", "//", "//x", "/a#b", "/a?b", "/a,b", "/a\n"})
    CHECK_FALSE(is_space(bad));
  CHECK(is_space("/" + std::string(63, 'x')));
  CHECK_FALSE(is_space("/" + std::string(64, 'x')));
}

TEST_CASE("the first, the second and the third of a room") {
  CHECK(encoded(event::Created{"foo", "p1", 1, 2, 0}) ==
        Frames{R"x(["log",["Message from server:","Room foo now has 0 client(s)"]])x",
               R"(["log",["Message from server:","Client ID p1 created room foo"]])",
               R"(["created","foo","p1"])"});
  event::Joined joined{"foo", "p2", 2, 2, {}, 0};
  joined.members.push_back({"p1", "", 1, true, false});
  CHECK(encoded(joined) ==
        Frames{R"x(["log",["Message from server:","Room foo now has 1 client(s)"]])x",
               R"(["log",["Message from server:","Client ID p2 joined room foo"]])",
               R"(["joined","foo","p2"])"});
  CHECK(encoded(event::PeerJoined{"foo", "p2", "", 2, false}) == Frames{R"(["join","foo"])"});
  CHECK(encoded(event::Ready{"foo"}) == Frames{R"(["ready","foo"])"});
  CHECK(encoded(event::Full{"/chat#foo", 2, 0}).back() == R"(["full","foo"])");
  CHECK(encoded(event::PeerLeft{"foo", "p2", "left"}) == Frames{R"(["bye"])"});
}

TEST_CASE("who comes and goes in a lobby is nobody's business") {
  const auto root = lobby("/");
  const auto chat = lobby("/chat");
  CHECK_FALSE(valid_room(root));  // no client can name it
  CHECK(encoded(event::Created{root, "p1", 1, 64, 0}).empty());
  CHECK(encoded(event::Joined{chat, "p1", 1, 64, {}, 0}).empty());
  CHECK(encoded(event::PeerJoined{root, "p2", "", 2, false}).empty());
  CHECK(encoded(event::Ready{root}).empty());
  CHECK(encoded(event::Full{root, 64, 0}).empty());
  CHECK(encoded(event::PeerLeft{chat, "p2", "left"}).empty());
}

TEST_CASE("refusals are logged, but for silence") {
  CHECK(encoded(event::Refused{{.code = ErrorCode::nobody_there}, 0}).empty());
  CHECK(encoded(event::Refused{{.code = ErrorCode::no_room}, 0}).empty());
  CHECK(encoded(event::Refused{{.code = ErrorCode::busy, .message = "Slowly."}, 0}) ==
        Frames{R"(["log",["Message from server:","Slowly."]])"});
}

TEST_CASE("a page asks for a room, and leaves it") {
  Page page;
  CHECK(page.commands() == Commands{kJoinLobby});
  page.emit("create or join", {R"("foo")"});
  CHECK(page.commands() == Commands{"leave " + lobby("/"), "join foo 2"});
  CHECK(
      page.events() ==
      Frames{R"(["log",["Message from server:","Received request to create or join room foo"]])"});
  page.emit("create or join", {"42"});
  CHECK(page.commands() == Commands{"join 42 2"});
  page.emit("message", {"1"});
  CHECK(page.commands() == Commands{"say foo message 1", "say 42 message 1"});
  page.emit("bye", {R"("bar")"});
  CHECK(page.commands().empty());
  page.emit("bye");
  CHECK(page.commands().empty());
  page.emit("bye", {R"("foo")"});
  CHECK(page.commands() == Commands{"leave foo"});
  page.emit("message", {"2"});
  CHECK(page.commands() == Commands{"say 42 message 2"});
}

TEST_CASE("what is no room's name is refused in words") {
  Page page;
  page.emit("create or join", {"true"});
  CHECK(page.commands() == Commands{"leave " + lobby("/")});
  for (const std::string bad : {"null", "{}", R"("")", R"("a\nb")", R"("\ud800")"}) {
    CAPTURE(bad);
    page.emit("create or join", {bad});
    CHECK(page.commands().empty());
    REQUIRE(page.events().size() == 1);
  }
  page.emit("create or join");
  CHECK(page.commands().empty());
  page.emit("message", {R"({"type":"offer"})"});
  CHECK_MESSAGE(page.commands().empty(), "and says nothing to strangers");
}

TEST_CASE("a page that has asked for no room speaks to all others like it") {
  Page page;
  page.emit("message", {R"("hello")"});
  CHECK(page.commands() == Commands{kJoinLobby, say_in_lobby(R"("hello")")});
  CHECK(page.events() == Frames{R"(["log",["Message from server:","Client said: ","hello"]])"});
  page.emit("message", {R"("again")"});
  CHECK(page.commands() == Commands{say_in_lobby(R"("again")")});
  page.emit("create or join", {R"("foo")"});
  CHECK(page.commands() == Commands{"leave " + lobby("/"), "join foo 2"});
  // A window that is refused says `bye` when it closes, which must not end the call of others.
  page.emit("message", {R"("bye")"});
  CHECK(page.commands() == Commands{"say foo bye "});
}

TEST_CASE("a page that comes back is where it was") {
  const std::vector<std::string> rooms{"foo", openers("x")};
  Page page({.space = "/", .rooms = rooms, .recovered = true});
  page.emit("message", {"1"});
  CHECK(page.commands() == Commands{"say foo message 1"});
  const std::vector<std::string> no_rooms{lobby("/")};
  Page other({.space = "/", .rooms = no_rooms, .recovered = true});
  other.emit("message", {"1"});
  CHECK(other.commands() == Commands{kJoinLobby, say_in_lobby("1")});
}

TEST_CASE("a channel is opened, and looked for") {
  Page page;
  page.emit("new-channel", {R"({"channel":"c","sender":"s"})"});
  CHECK(page.commands() == Commands{"join " + openers("c") + ' ' + std::to_string(Join::kLargest)});
  CHECK(page.events().empty());
  page.emit("new-channel", {R"({"channel":12})"});
  CHECK(page.commands().front().starts_with("join " + openers("12")));
  page.emit("presence", {R"("c")"});
  CHECK(page.commands() == Commands{"look " + openers("c")});
  CHECK(encoded(event::Seen{openers("c"), 2, 1}) == Frames{R"(["presence",true])"});
  CHECK(encoded(event::Seen{openers("c"), 0, 1}) == Frames{R"(["presence",false])"});
  CHECK(encoded(event::Created{openers("c"), "p", 1, 64, 0}).empty());
  CHECK(encoded(event::PeerJoined{openers("c"), "p", "", 2, false}).empty());
  for (const std::string_view bad :
       {"1.5e300000000000000000000000000000000000000000000000000000000000000000", "null", "{}",
        R"({"channel":"a,b"})", R"({"channel":{}})", R"("")", R"("a#b")"}) {
    CAPTURE(bad);
    page.emit("new-channel", {bad});
    CHECK(page.commands().empty());
    CHECK(page.events().size() == 1);
  }
  page.emit("presence");
  CHECK(page.events().size() == 1);
  Page elsewhere({.space = "/c"});
  elsewhere.emit("presence", {R"("c")"});
  CHECK(elsewhere.commands().empty());
}

TEST_CASE("in a channel, others get what is in the envelope, and miss who has gone by its name") {
  Page page({.space = "/c"});
  const auto room = lobby("/c");
  const auto largest = ' ' + std::to_string(Join::kLargest);
  CHECK(page.commands() == Commands{"join " + room + largest});
  page.emit("message", {R"({"sender":1,"data":{"sender":"ann","x":1}})"});
  CHECK(page.commands() == Commands{"will " + room + R"( user-left "ann")",
                                    "join " + room + largest,
                                    "say " + room + R"( message {"sender":"ann","x":1})"});
  CHECK(page.events().empty());
  page.emit("message", {R"({"sender":1,"data":"bye"})"});
  CHECK(page.commands() == Commands{"say " + room + " bye "});
  CHECK(encoded(event::Said{"user-left", room, "p", "", {Payload::Kind::json, R"("ann")"}}) ==
        Frames{R"(["user-left","ann"])"});
  // Else it is a message like any other.
  page.emit("message", {R"({"sender":1,"data":2,"more":3})"});
  CHECK(page.commands() == Commands{"say " + room + R"( message {"sender":1,"data":2,"more":3})"});
  Page root;
  root.emit("message", {R"({"sender":1,"data":2})"});
  CHECK(root.commands().back() == say_in_lobby(R"({"sender":1,"data":2})"));
}

TEST_CASE("addresses, and what nobody knows") {
  Page page;
  page.emit("ipaddr");
  CHECK(page.events() == Frames{R"(["ipaddr","192.0.2.7"])"});
  page.emit("offer", {"1"});
  CHECK(page.commands().empty());
  CHECK(page.events().empty());
}

TEST_CASE("what a page says, in the words of all") {
  const auto say = [](std::string_view json) {
    const auto said = say_of({.name = "message", .arguments = std::span(&json, 1)});
    return said.type + " " + said.data.bytes;
  };
  CHECK(say(R"("got user media")") == "link ");
  CHECK(say(R"("hello")") == R"(message "hello")");
  CHECK(say(R"("bye")") == "bye ");
  CHECK(say(R"({"type":"offer","sdp":"v=0"})") == R"(offer {"type":"offer","sdp":"v=0"})");
  CHECK(say(R"({"sdp":"v=0","type":"answer"})") == R"(answer {"sdp":"v=0","type":"answer"})");
  CHECK(say(R"({"type":"candidate","label":0,"id":"a","candidate":"c"})") ==
        R"(candidate {"candidate":"c","sdpMid":"a","sdpMLineIndex":0})");
  // What would be lost stays as it is.
  CHECK(say(R"({"type":"candidate","label":0,"id":"a","candidate":"c","x":1})") ==
        R"(message {"type":"candidate","label":0,"id":"a","candidate":"c","x":1})");
  CHECK(say("{\"a\":\n1}") == "message {\"a\": 1}");
  CHECK(say_of({.name = "message"}).data.kind == Payload::Kind::none);
}

TEST_CASE("bytes that a page says") {
  const std::vector<std::string> bytes{"\1", "\2"};
  std::string_view whole = R"({"_placeholder":true,"num":1})";
  const auto alone =
      say_of({.name = "message", .arguments = std::span(&whole, 1), .attachments = bytes});
  CHECK(alone.data == Payload{Payload::Kind::binary, "\2"});
  std::string_view inside = R"({"a":{"_placeholder":true,"num":0},"b":[1]})";
  const auto within =
      say_of({.name = "message", .arguments = std::span(&inside, 1), .attachments = bytes});
  CHECK(within.data.bytes == R"({"a":{"base64":"AQ=="},"b":[1]})");
}

TEST_CASE("what others say, in the words of a page") {
  const auto heard = [](std::string type, Payload data) {
    return encoded(event::Said{std::move(type), "foo", "p1", "", std::move(data)});
  };
  const auto json = [](std::string bytes) {
    return Payload{Payload::Kind::json, std::move(bytes)};
  };
  CHECK(heard("message", json("[1]")) == Frames{R"(["message",[1]])"});
  CHECK(heard("message", {Payload::Kind::text, "a\"b"}) == Frames{R"(["message","a\"b"])"});
  CHECK(heard("message", {Payload::Kind::binary, "\1"}) ==
        Frames{R"(["message",{"_placeholder":true,"num":0}])", "<\1>"});
  CHECK(heard("message", {}) == Frames{R"(["message"])"});
  CHECK(heard("bye", {}) == Frames{R"(["message","bye"])"});
  CHECK(heard("renew", json(R"({"call":2})")) == Frames{R"(["message","bye"])"});
  CHECK(heard("link", {}) == Frames{R"(["message","got user media"])"});
  CHECK(heard("link", json(R"({"link":"x","keeps":[]})")) ==
        Frames{R"(["message","got user media"])"});
  CHECK(heard("offer", json(R"({"type":"offer","sdp":"v"})")) ==
        Frames{R"(["message",{"type":"offer","sdp":"v"}])"});
  CHECK(heard("answer", json(R"({"sdp":"v"})")) ==
        Frames{R"(["message",{"type":"answer","sdp":"v"}])"});
  CHECK(heard("offer", json("{}")) == Frames{R"(["message",{"type":"offer"}])"});
  const std::string candidate = R"({"candidate":"c","sdpMid":"a","sdpMLineIndex":0})";
  const std::string shown =
      R"(["message",{"type":"candidate","label":0,"id":"a","candidate":"c"}])";
  CHECK(heard("candidate", json(candidate)) == Frames{shown});
  CHECK(heard("candidate", json("[" + candidate + "," + candidate + "]")) == Frames{shown, shown});
  CHECK(heard("candidate", json(R"({"candidates":[)" + candidate + "]}")) == Frames{shown});
  CHECK(heard("candidate", json(R"({"candidate":"","sdpMid":"a"})")).empty());
  CHECK(heard("wave", json("1")) == Frames{R"(["message",{"type":"wave","from":"p1","data":1}])"});
}

TEST_CASE("a candidate comes back to a page as another page said it") {
  const std::string_view said = R"({"type":"candidate","label":1,"id":"b","candidate":"x"})";
  const auto say = say_of({.name = "message", .arguments = std::span(&said, 1)});
  CHECK(encoded(event::Said{say.type, "foo", "p1", "", say.data}) ==
        Frames{std::string(R"(["message",)").append(said).append("]")});
}

TEST_CASE("a chain of events and acknowledgements is read as it was written") {
  EventChain events;
  const std::string_view argument = R"("[")";
  events.event("a [", {argument}).ack(17, std::span(&argument, 1)).ack(0, {});
  const auto all = frames(events.take());
  REQUIRE(all.size() == 3);
  CHECK_FALSE(read_chain_text(all[0]).ack);
  CHECK(read_chain_text(all[0]).array == R"(["a [","["])");
  CHECK(read_chain_text(all[1]).ack == 17);
  CHECK(read_chain_text(all[1]).array == R"(["["])");
  CHECK(read_chain_text(all[2]).ack == 0);
  CHECK(read_chain_text(all[2]).array == "[]");
  CHECK(EventChain().take() == nullptr);
  CHECK_FALSE(read_note(all[0]));
  CHECK_FALSE(read_note(all[1]));
}

TEST_CASE("a note in a chain") {
  EventChain events;
  events.event("a").note("[1]").note("");
  const auto all = frames(events.take());
  REQUIRE(all.size() == 3);
  CHECK_FALSE(read_note(all[0]));
  CHECK(read_note(all[1]) == "[1]");
  CHECK(read_note(all[2]) == "");
}

}  // namespace sigway::dialects::socketio::rooms_test
