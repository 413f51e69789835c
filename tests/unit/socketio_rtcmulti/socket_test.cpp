#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dialects/scope.h"
#include "socketio_rtcmulti/json.h"
#include "socketio_rtcmulti/profile.h"
#include "socketio_rtcmulti/registry.h"
#include "socketio_rtcmulti/rtcmulti.h"

namespace sigway::dialects::socketio::rtcmulti::socket_test {
namespace {

using Texts = std::vector<std::string>;

Texts frames(const EncodedEvent& event) {
  Texts all;
  for (const auto* frame = event.get(); frame != nullptr; frame = frame->more.get())
    all.push_back(frame->bytes);
  return all;
}

Query query_of(const std::string& userid) {
  return {{"userid", userid}, {"sessionid", "s"}, {"msgEvent", "m"}};
}

// A client whose session has the peer id `peer`, and what came of its last emission.
class Client {
 public:
  Client(const Application& application, std::string peer, const Query& query,
         bool recovered = false)
      : peer_(std::move(peer)),
        socket_(application.connect(
            {.space = "/", .peer = peer_, .recovered = recovered, .query = &query})) {
    if (!recovered) socket_->connected(reaction_);
  }

  bool waits() const { return socket_->waits(); }
  void note(const Event& event) {
    reaction_ = {};
    for (const auto& frame : frames(dialect().encode(event))) {
      if (const auto note = read_note(frame)) socket_->noted(*note, reaction_);
    }
  }
  Client& emit(std::string_view name, std::vector<std::string_view> arguments,
               std::optional<std::uint64_t> id = 1, std::vector<std::string> attachments = {}) {
    reaction_ = {};
    socket_->emitted({.name = name, .arguments = arguments, .attachments = attachments, .id = id},
                     reaction_);
    return *this;
  }
  Texts events() { return frames(reaction_.events.take()); }
  // "name to event [arguments]", or what else it asks of the bus.
  Texts commands() const {
    Texts all;
    for (const auto& message : reaction_.messages) {
      const auto& command = std::get<Command>(message.content);
      if (const auto* login = std::get_if<Login>(&command)) {
        all.push_back("login " + std::string(unscoped("rtcmulti", login->name).value()));
      } else if (std::holds_alternative<Will>(command)) {
        all.emplace_back("will");
      } else {
        const auto& say = std::get<Say>(command);
        std::string line;
        for (const auto& to : say.to)
          line.append(unscoped("rtcmulti", to.value).value()).append(" ");
        all.push_back(line + "hears " + say.type + " " + say.data.bytes);
        CHECK_FALSE(say.store);
      }
    }
    return all;
  }
  Reaction take() { return std::exchange(reaction_, {}); }

 private:
  const std::string peer_;
  Reaction reaction_;
  std::unique_ptr<Socket> socket_;
};

struct Site {
  base::MemoryBudget budget{1U << 30U};
  RtcmultiApplication application{budget, 64};
  std::vector<Reaction> kept;  // the wills, which sessions would hold

  std::unique_ptr<Client> enter(const std::string& id) {
    const auto query = query_of(id);
    auto client = std::make_unique<Client>(application, "peer-" + id, query);
    client->note(event::LoggedIn{scoped("rtcmulti", id), 1});
    kept.push_back(client->take());
    return client;
  }
};

}  // namespace

TEST_CASE("whose connection it is") {
  Site site;
  const auto claims = [&](Query query) { return site.application.claims(query); };
  CHECK(claims({{"userid", "a"}, {"sessionid", "s"}}));
  CHECK(claims({{"msgEvent", "m"}}));
  CHECK_FALSE(claims({{"userid", "a"}}));
  CHECK_FALSE(claims({{"userid", ""}, {"sessionid", "s"}}));
  CHECK_FALSE(claims({}));
  CHECK(site.application.has_space("/"));
  CHECK_FALSE(site.application.has_space("/chat"));
}

TEST_CASE("what a client says about itself") {
  const auto profile = read_profile({{"userid", "a"},
                                     {"msgEvent", "m"},
                                     {"socketCustomEvent", "c"},
                                     {"autoCloseEntireSession", "true"},
                                     {"maxParticipantsAllowed", "3"},
                                     {"extra", "{\"x\":\n1}"}});
  CHECK(profile.message_event == "m");
  CHECK(profile.custom_event == "c");
  CHECK(profile.closes_rooms);
  CHECK(profile.most_participants == 3);
  CHECK(profile.extra == R"({"x": 1})");
  for (const char* extra : {"", "null", "{", "0", "\xff"}) {
    CAPTURE(extra);
    CHECK(read_profile({{"extra", extra}}).extra == "{}");
  }
  CHECK(read_profile({{"extra", std::string(kMostExtra + 1, ' ')}}).extra == "{}");
  for (const char* most : {"", "0", "x", "-1", "99999999999"})
    CHECK(read_profile({{"maxParticipantsAllowed", most}}).most_participants == 1000);
  for (const char* name : {"", "connect", "user-disconnected", "logs", "open-room", "\xff"}) {
    CAPTURE(name);
    const auto usual = read_profile({{"msgEvent", name}, {"socketCustomEvent", name}});
    CHECK(usual.message_event == "RTCMultiConnection-Message");
    CHECK(usual.custom_event == "custom-message");
  }
}

TEST_CASE("values as JavaScript takes them") {
  for (const char* json : {"1", "-2.5", "1e400", "\"x\"", "\" \"", "true", "[]", "{}"})
    CHECK(is_truthy(value_of(json)));
  for (const char* json : {"", "0", "-0", "0.0e5", "\"\"", "false", "null"})
    CHECK_FALSE(is_truthy(value_of(json)));
  CHECK(as_text(value_of("12")) == "12");
  CHECK(as_text(value_of(R"("\u00e9")")) == "é");
  for (const char* json : {"", "true", "null", "{}", R"("\ud800")"})
    CHECK_FALSE(as_text(value_of(json)));
}

TEST_CASE("a client waits until the bus has given it its id") {
  Site site;
  const auto query = query_of("a");
  Client client(site.application, "p1", query);
  CHECK(client.waits());
  CHECK(client.commands() == Texts{"login a"});
  SUBCASE("it has it") {
    client.note(event::LoggedIn{scoped("rtcmulti", "a"), 1});
    CHECK_FALSE(client.waits());
    CHECK(client.commands() == Texts{"will"});
    CHECK(client.events().empty());
    CHECK(site.application.registry().has("a"));
    SUBCASE("and leaves with its session") {
      client.take();  // the session is gone, and its will with it
      CHECK_FALSE(site.application.registry().has("a"));
    }
  }
  SUBCASE("somebody else has it") {
    client.note(event::Refused{{.code = ErrorCode::name_taken}, 1});
    CHECK_FALSE(client.waits());
    CHECK(client.events() == Texts{R"(["userid-already-taken","a","p1"])"});
    CHECK(client.emit("check-presence", {R"("r")"}).events().empty());
    CHECK(site.application.registry().users() == 0);
  }
}

TEST_CASE("an id that cannot be; none") {
  Site site;
  const auto bad = query_of("a\nb");
  Client client(site.application, "p1", bad);
  CHECK_FALSE(client.waits());
  CHECK(client.commands().empty());
  CHECK(client.events().back() == R"(["userid-already-taken","a\nb","p1"])");
  const Query none{{"msgEvent", "m"}};
  CHECK(Client(site.application, "p2", none).commands() == Texts{"login p2"});
}

TEST_CASE("a client that comes back is who it was") {
  Site site;
  auto first = site.enter("a");
  first->emit("changed-uuid", {R"("b")"});
  CHECK(first->commands() == Texts{"login b"});
  CHECK(first->events() == Texts{"1[]"});
  const auto query = query_of("a");
  Client again(site.application, "peer-a", query, true);
  CHECK_FALSE(again.waits());
  first.reset();  // what it had before ends later
  CHECK(again.emit("open-room", {R"({"sessionid":"r"})"}).events() == Texts{"1[true]"});
  auto other = site.enter("c");
  CHECK(other->emit("check-presence", {R"("r")"}).events() ==
        Texts{R"(1[true,"r",{"_room":{"isFull":false,"isPasswordProtected":false}}])"});
  CHECK(other->emit("get-remote-user-extra-data", {R"("b")"}).events() == Texts{"1[{}]"});
}

TEST_CASE("another id that somebody got in between") {
  Site site;
  auto client = site.enter("a");
  auto other = site.enter("o");
  client->emit("m", {R"({"remoteUserId":"o","message":1})"});
  client->emit("changed-uuid", {R"("b")"});
  client->note(
      event::Refused{{.code = ErrorCode::name_taken, .to = "@" + scoped("rtcmulti", "b")}, 2});
  CHECK(client->events() == Texts{R"(["userid-already-taken","b","a"])"});
  CHECK(client->commands().empty());
  CHECK_FALSE(site.application.registry().has("b"));
  CHECK(site.application.registry().id_of("peer-a") == "a");
}

TEST_CASE("a rename that the bus answers after a cut") {
  Site site;
  auto client = site.enter("a");
  client->emit("changed-uuid", {R"("b")"});
  client->emit("changed-uuid", {R"("c")"});
  client.reset();
  const auto query = query_of("a");
  Client again(site.application, "peer-a", query, true);
  const auto& registry = site.application.registry();
  again.note(event::LoggedIn{scoped("rtcmulti", "a"), 1});  // heard before
  again.note(event::LoggedIn{scoped("rtcmulti", "b"), 2});
  CHECK_FALSE(registry.has("a"));
  CHECK(registry.id_of("peer-a") == "c");
  again.note(event::Refused{{.code = ErrorCode::rate_limited}, 3});
  CHECK(registry.id_of("peer-a") == "b");
  CHECK(again.events() == Texts{R"(["userid-already-taken","c","b"])"});
}

TEST_CASE("the session ends if what the application has changed is lost") {
  Site site;
  auto alice = site.enter("a");
  auto bob = site.enter("b");
  const auto receipt = [&](std::string_view name, std::vector<std::string_view> arguments) {
    return alice->emit(name, std::move(arguments)).take().receipt;
  };
  CHECK(receipt("check-presence", {R"("r")"}) == std::nullopt);
  CHECK(receipt("changed-uuid", {R"("c")"}) == 0);
  CHECK(receipt("open-room", {R"({"sessionid":"r"})"}) == 0);
  const auto met = receipt("m", {R"({"remoteUserId":"b","message":1})"});
  CHECK(met.value_or(0) != 0);
  CHECK(receipt("m", {R"({"remoteUserId":"b","message":1})"}) == std::nullopt);
  site.application.taken("peer-a", *met);
  CHECK(receipt("disconnect-with", {R"("b")"}).value_or(0) != 0);
  // Of what was not taken, both are said in the end.
  auto& will = std::get<Will>(std::get<Command>(site.kept.front().messages.front().content));
  const auto words = will.words->take();
  REQUIRE(words.size() == 1);
  CHECK(words[0].type == "user-disconnected");
}

TEST_CASE("what is relayed") {
  Site site;
  auto alice = site.enter("a");
  auto bob = site.enter("b");
  alice->emit("m",
              {R"({"sender":"a","x":[1],"remoteUserId":"b","message":{"n":1},"extra":"mine"})"},
              std::nullopt);
  CHECK(alice->events() == Texts{R"(["user-connected","b"])"});
  CHECK(
      alice->commands() ==
      Texts{
          R"(b hears user-connected ["a"])",
          R"(b hears m [{"remoteUserId":"b","x":[1],"message":{"n":1},"sender":"a","extra":{}}])"});
  alice->emit("m", {R"({"remoteUserId":"b","message":{"_placeholder":true,"num":0}})"}, {}, {"\1"});
  CHECK(
      alice->commands() ==
      Texts{
          R"(b hears m [{"remoteUserId":"b","message":{"base64":"AQ=="},"sender":"a","extra":{}}])"});
  CHECK(frames(dialect().encode(event::Said{
            "m", "", "p", "", {Payload::Kind::json, R"(["a",{}])"}})) == Texts{R"(["m","a",{}])"});
  CHECK(frames(dialect().encode(event::Said{"c", "", "p", "", {Payload::Kind::json, "[]"}})) ==
        Texts{R"(["c"])"});
}

TEST_CASE("what the bus says otherwise") {
  CHECK(frames(dialect().encode(event::Refused{{.code = ErrorCode::nobody_there}, 1})).empty());
  CHECK(frames(dialect().encode(event::Refused{{.code = ErrorCode::busy, .message = "Slowly."},
                                               1})) == Texts{R"(["logs","Slowly."])"});
  CHECK(dialect().encode(event::NameLost{"x"}) == nullptr);
}

TEST_CASE("bad input is answered in words, and does nothing") {
  Site site;
  auto alice = site.enter("a");
  auto bob = site.enter("b");
  const auto logs = [&](std::string_view name, std::vector<std::string_view> arguments) {
    alice->emit(name, std::move(arguments), std::nullopt);
    CHECK(alice->commands().empty());
    const auto events = alice->events();
    return events.size() == 1 && events[0].starts_with(R"(["logs",)");
  };
  const std::string long_extra = R"(")" + std::string(kMostExtra, 'x') + R"(")";
  const std::string long_request =
      R"({"remoteUserId":"room","message":{"newParticipationRequest":true,"x":)" + long_extra +
      "}}";
  const std::string long_id = R"(")" + std::string(129, 'x') + R"(")";
  CHECK(logs("m", {}));
  CHECK(logs("m", {"1"}));
  CHECK(logs("m", {"{}"}));
  CHECK(logs("m", {R"({"remoteUserId":"b"})"}));
  CHECK(logs("m", {R"({"remoteUserId":{},"message":1})"}));
  CHECK(logs("extra-data-updated", {long_extra}));
  CHECK(logs("changed-uuid", {}));
  CHECK(logs("changed-uuid", {long_id}));
  CHECK(logs("set-custom-socket-event-listener", {"{}"}));
  CHECK(logs("set-custom-socket-event-listener", {R"("connect")"}));
  CHECK(logs("set-password", {long_id}));
  CHECK(logs("open-room", {"{}"}));
  CHECK(logs("join-room", {}));
  alice->emit("open-room", {R"({"sessionid":"room"})"});
  CHECK(logs("m", {long_request}));
  CHECK(alice->emit("open-room", {"[]"}).events().back() == R"(1[false,"Room not available"])");
  for (int i = 0; i < 16; ++i)
    CHECK(alice->emit("set-custom-socket-event-listener", {std::to_string(i)}).events().empty());
  CHECK(logs("set-custom-socket-event-listener", {"16"}));
  // Without anything to do, nothing.
  for (const char* name : {"get-remote-user-extra-data", "disconnect-with", "check-presence",
                           "is-valid-password", "get-public-rooms", "nobody knows it"}) {
    alice->emit(name, {}, std::nullopt);
    CHECK(alice->events().empty());
    CHECK(alice->commands().empty());
  }
}

}  // namespace sigway::dialects::socketio::rtcmulti::socket_test
