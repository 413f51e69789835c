#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "matchbox/matchbox.h"
#include "matchbox/uuid.h"

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using matchbox::peer_of;
using matchbox::uuid_of;

namespace {

const std::string kPeer = "abcdefgh27";
const std::string kUuid = "61626364-6566-8000-8000-676832370000";

std::vector<Message> decoded(std::string text, Payload::Kind kind = Payload::Kind::text) {
  std::vector<Message> out;
  matchbox::protocol().decode({.room = "r"}, {kind, std::move(text)}, out);
  return out;
}

std::string heard(const Event& event) {
  const auto encoded = matchbox::protocol().dialect().encode(event);
  return encoded == nullptr ? "" : encoded->bytes;
}

plain::Entrance entered(std::string_view room, const plain::Parameters& parameters = {}) {
  const auto entrance = matchbox::protocol().entrance(room, parameters);
  REQUIRE(std::holds_alternative<plain::Entrance>(entrance));
  return std::get<plain::Entrance>(entrance);
}

}  // namespace

TEST_CASE("matchbox: a peer id is a UUID of version 8, and back") {
  CHECK(uuid_of(kPeer) == kUuid);
  CHECK(peer_of(kUuid) == kPeer);
  CHECK(peer_of("61626364-6566-8000-8000-676832370000") == kPeer);
  CHECK(peer_of("6162636A-6566-8000-8000-676832370000") == "abcjefgh27");
  for (const auto* none :
       {"", "abcdefgh27", "61626364-6566-4000-8000-676832370000",
        "61626364656680008000676832370000", "{61626364-6566-8000-8000-676832370000}",
        "00000000-0000-8000-8000-000000000000", "61626364-6566-8000-8000-67683237000g",
        "41626364-6566-8000-8000-676832370000", "61000064-6566-8000-8000-676832370000"})
    CHECK_FALSE(peer_of(none));
  CHECK_MESSAGE(uuid_of("a peer id that is too long").size() == 36, "whatever it is");
}

TEST_CASE("matchbox: rooms are the dialect's own, and filled so many at a time") {
  CHECK(matchbox::protocol().path() == "/matchbox");
  const auto room = entered("a/b", {{"x", "y"}});
  CHECK(room.room == "matchbox\na/b");
  CHECK(room.capacity == Join::kLargest);
  CHECK_FALSE(room.series);
  CHECK(entered("").room == "matchbox\n");
  const auto lobby = entered("a", {{"next", "3"}});
  CHECK(lobby.room == "matchbox\na\nnext=3");
  CHECK(lobby.capacity == 3);
  CHECK(lobby.series);
  for (const auto* next : {"", "0", "-1", "x", "2x", "4294967295", "99999999999"})
    CHECK(std::holds_alternative<Error>(matchbox::protocol().entrance("a", {{"next", next}})));
  CHECK(std::holds_alternative<Error>(matchbox::protocol().entrance("a\nb", {})));
  CHECK(std::holds_alternative<Error>(matchbox::protocol().entrance(std::string(129, 'r'), {})));
}

TEST_CASE("matchbox: a signal goes to one peer with its data as it is") {
  for (const std::string data : {R"({"Offer":"v=0\r\n"})", "null", "1.50e3", "[]", R"("\ud83d")"}) {
    const auto out = decoded(R"({"Signal":{"receiver":")" + kUuid + R"(","data":)" + data + "}}");
    REQUIRE(out.size() == 1);
    const auto say = std::get<Say>(std::get<Command>(out[0].content));
    CHECK(say.to == std::vector<Address>{{Address::Kind::peer, kPeer}});
    CHECK(say.data == Payload{Payload::Kind::json, data});
    CHECK(heard(event::Said{say.type, "r", kPeer, "", say.data}) ==
          R"({"Signal":{"sender":")" + kUuid + R"(","data":)" + data + "}}");
  }
}

TEST_CASE("matchbox: all else is ignored") {
  for (const auto& text : std::vector<std::string>{
           "", "\"KeepAlive\"", "hello", "{", "{}", "[]", "5", R"({"KeepAlive":null})",
           R"({"Signal":5})", R"({"Signal":{"receiver":")" + kUuid + "\"}}",
           R"({"Signal":{"data":1}})", R"({"Signal":{"receiver":5,"data":1}})",
           R"({"Signal":{"receiver":"x","data":1}})",
           R"({"Signal":{"receiver":")" + kUuid + R"(","data":1}}x)",
           R"({"Signal":{"receiver":")" + kUuid + R"(","data":)" + std::string(64, '[') +
               std::string(64, ']') + "}}"}) {
    CAPTURE(text);
    CHECK(decoded(text).empty());
  }
  CHECK(decoded(R"({"Signal":{"receiver":")" + kUuid + R"(","data":1}})", Payload::Kind::binary)
            .empty());
}

TEST_CASE("matchbox: a peer hears its id, who comes and who goes") {
  CHECK(heard(event::Created{"r", kPeer, 1, 64, 0}) == R"({"IdAssigned":")" + kUuid + "\"}");
  CHECK(heard(event::Joined{"r", kPeer, 1, 64, {}, 0}) == R"({"IdAssigned":")" + kUuid + "\"}");
  CHECK(heard(event::PeerJoined{"r", kPeer, "", 2, false}) == R"({"NewPeer":")" + kUuid + "\"}");
  CHECK(heard(event::PeerLeft{"r", kPeer, "left"}) == R"({"PeerLeft":")" + kUuid + "\"}");
  CHECK(heard(event::Ready{"r"}).empty());
  CHECK_MESSAGE(heard(event::Refused{{.code = ErrorCode::no_such_peer}, 1}).empty(),
                "a client ends at a message that it does not know");
}
