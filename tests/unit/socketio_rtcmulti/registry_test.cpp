#include "socketio_rtcmulti/registry.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sigway::dialects::socketio::rtcmulti::registry_test {
namespace {

using Texts = std::vector<std::string>;

// A registry whose users have the ids of their peers in capitals: "a" is "A".
struct Place {
  explicit Place(std::uint32_t room_capacity = 64) : registry(budget, room_capacity) {}

  void enter(const std::string& peer, bool closes_rooms = false) {
    registry.enter(peer, {.id = capital(peer), .extra = "{}", .closes_rooms = closes_rooms},
                   notices);
    registry.connected(peer);
  }
  Refusal open(const std::string& peer, Registry::Wish wish = {}) {
    return registry.open(peer, with_defaults(std::move(wish)), notices);
  }
  Refusal join(const std::string& peer, Registry::Wish wish = {}) {
    return registry.join(peer, with_defaults(std::move(wish)), notices);
  }
  void leave(const std::string& peer) { registry.leave(peer, notices); }

  // The notices since the last call, in short: "event arguments to A,B".
  Texts news() {
    Texts all;
    for (auto& notice : notices) {
      std::sort(notice.to.begin(), notice.to.end());
      auto line = notice.event + " " + notice.arguments + " to ";
      for (const auto& id : notice.to) line.append(id == notice.to.front() ? "" : ",").append(id);
      all.push_back(line);
    }
    notices.clear();
    return all;
  }

  static std::string capital(const std::string& peer) {
    auto id = peer;
    id[0] = static_cast<char>(id[0] - 'a' + 'A');
    return id;
  }
  static Registry::Wish with_defaults(Registry::Wish wish) {
    if (wish.room.empty()) wish.room = "room";
    if (wish.extra.empty()) wish.extra = "{}";
    if (wish.most_participants == 0) wish.most_participants = 1000;
    return wish;
  }
  std::size_t counted() const { return budget.used(base::MemoryPart::registry); }

  base::MemoryBudget budget{1U << 30U};
  Registry registry;
  Notices notices;
};

}  // namespace

TEST_CASE("whoever gets the id of another one takes its place") {
  Place place;
  place.enter("a");
  place.enter("b");
  place.open("a");
  place.join("b");
  place.registry.meet("a", "B", true);
  place.registry.enter("x", {.id = "A", .extra = "1"}, place.notices);
  CHECK(place.news() ==
        Texts{R"(user-disconnected "A" to B)", R"(set-isInitiator-true "room" to B)"});
  CHECK(place.registry.id_of("a") == std::nullopt);
  CHECK(place.registry.extra_of("A") == "1");
  place.leave("a");  // too late
  CHECK(place.registry.has("A"));
  CHECK(place.news().empty());
}

TEST_CASE("an id that is free, taken, one's own") {
  Place place;
  place.enter("a");
  place.enter("b");
  CHECK(place.registry.rename("a", "C"));
  CHECK(place.registry.id_of("a") == "C");
  CHECK_FALSE(place.registry.has("A"));
  CHECK_FALSE(place.registry.rename("a", "B"));
  CHECK_FALSE(place.registry.rename("a", "C"));
  CHECK_FALSE(place.registry.rename("nobody", "D"));
  CHECK_FALSE(place.registry.has("D"));
}

TEST_CASE("two in contact hear of each other's end, and of nobody else's") {
  Place place;
  for (const char* peer : {"a", "b", "c"}) place.enter(peer);
  CHECK(place.registry.meet("a", "B", true)->is_new);
  CHECK_FALSE(place.registry.meet("b", "A", true)->is_new);
  CHECK_FALSE(place.registry.meet("a", "C", false)->is_new);
  CHECK_FALSE(place.registry.meet("a", "nobody", true));
  place.registry.rename("b", "X");
  place.leave("b");
  CHECK(place.news() == Texts{R"(user-disconnected "X" to A)"});
  CHECK_FALSE(place.registry.part("a", "X"));
  place.registry.meet("c", "A", true);
  CHECK(place.registry.part("a", "C"));
  CHECK_FALSE(place.registry.part("c", "A"));
  place.leave("a");
  CHECK(place.news().empty());
}

TEST_CASE("the owner leaves") {
  Place place;
  for (const char* peer : {"a", "b", "c"}) place.enter(peer);
  place.open("a");
  place.join("b");
  place.join("c");
  SUBCASE("the first who is present follows") {
    place.registry.disconnected("b");
    place.leave("a");
    CHECK(place.news() == Texts{R"(set-isInitiator-true "room" to C)"});
    CHECK(place.registry.set_password("c", "x").empty());
  }
  SUBCASE("nobody is present") {
    place.registry.disconnected("b");
    place.registry.disconnected("c");
    place.leave("a");
    CHECK(place.news() == Texts{R"(set-isInitiator-true "room" to B)"});
  }
  SUBCASE("others leave before") {
    place.leave("b");
    place.leave("c");
    CHECK(place.registry.rooms() == 1);
    place.leave("a");
    CHECK(place.news().empty());
    CHECK(place.registry.rooms() == 0);
  }
}

TEST_CASE("a room that ends with its owner") {
  Place place;
  place.enter("a", true);
  place.enter("b");
  place.open("a");
  place.join("b");
  SUBCASE("leaves") { place.leave("a"); }
  SUBCASE("is forgotten") { place.registry.forget("a"); }
  SUBCASE("opens another one") { place.open("a", {.room = "next"}); }
  CHECK(place.news().empty());
  CHECK_FALSE(place.registry.has_room("room"));
  CHECK(place.registry.room_of("b") == std::nullopt);
  CHECK(place.open("b").empty());
}

TEST_CASE("a room whose users were all cut is free for others; until then they are back in it") {
  Place place;
  for (const char* peer : {"a", "b", "c"}) place.enter(peer);
  place.open("a");
  place.join("b");
  place.registry.disconnected("a");
  CHECK(place.registry.presence("room"));
  place.registry.disconnected("b");
  CHECK_FALSE(place.registry.presence("room"));
  CHECK(place.join("c") == kNoSuchRoom);
  SUBCASE("they come back") {
    place.registry.connected("b");
    CHECK(place.registry.presence("room"));
    CHECK(place.registry.room_of("a") == "room");
  }
  SUBCASE("somebody else opens it") {
    CHECK(place.open("c").empty());
    place.registry.connected("a");
    CHECK(place.registry.room_of("a") == std::nullopt);
  }
}

TEST_CASE("in a full room, those who were cut give way") {
  Place place(2);
  for (const char* peer : {"a", "b", "c"}) place.enter(peer);
  place.open("a");
  place.join("b");
  CHECK(place.registry.presence("room")->is_full);
  CHECK(place.join("c") == kRoomFull);
  SUBCASE("a participant") {
    place.registry.disconnected("b");
    CHECK(place.join("c").empty());
    CHECK(place.registry.room_of("b") == std::nullopt);
    CHECK(place.news().empty());
  }
  SUBCASE("the owner") {
    place.registry.disconnected("a");
    CHECK(place.join("c").empty());
    CHECK(place.news() == Texts{R"(set-isInitiator-true "room" to B)"});
  }
}

TEST_CASE("whom one who wants to take part has to meet") {
  Place place;
  for (const char* peer : {"a", "b", "c", "d"}) place.enter(peer);
  place.open("a", {.one_way = true});
  place.join("b");
  place.join("c");
  CHECK(place.registry.askable("c") == Texts{"A"});
  CHECK(place.registry.askable("a").empty());
  CHECK(place.registry.askable("d").empty());
  place.open("d", {.room = "two"});
  place.join("c", {.room = "two"});
  place.join("b", {.room = "two"});
  CHECK(place.registry.askable("b") == Texts{"D", "C"});
}

TEST_CASE("public rooms") {
  Place place;
  for (const char* peer : {"a", "b"}) place.enter(peer);
  place.open("a", {.password = "p", .session = R"({"data":true})", .identifier = "all"});
  const std::string row =
      R"({"maxParticipantsAllowed":64,"owner":"A","participants":["A"],"extra":{},"session":{"data":true},"sessionid":"room","isRoomFull":false,"isPasswordProtected":true})";
  CHECK(place.registry.list("all") == "[" + row + "]");
  place.open("b", {.room = "two", .session = R"({"data":true})", .identifier = "all"});
  CHECK(place.registry.list("all").size() > row.size() * 2);
  CHECK(place.registry.list("none") == "[]");
  place.registry.disconnected("a");
  CHECK(place.registry.list("all").find("\"room\"") == std::string::npos);
  place.leave("a");
  place.leave("b");
  CHECK(place.registry.list("all") == "[]");
}

TEST_CASE("others: first those of the room, then contacts, then any") {
  Place place;
  for (const char* peer : {"a", "b", "c", "d", "e"}) place.enter(peer);
  place.open("a");
  place.join("b");
  place.registry.meet("a", "C", true);
  CHECK(place.registry.others("a", "e", 1) == Texts{"B"});
  auto two = place.registry.others("a", "e", 2);
  std::sort(two.begin(), two.end());
  CHECK(two == Texts{"B", "C"});
  CHECK(place.registry.others("a", "e", 64).size() == 4);
}

TEST_CASE("others: not those who would take the event for a message") {
  Place place;
  for (const char* peer : {"a", "b"}) place.enter(peer);
  Notices notices;
  place.registry.enter("c", {.id = "C", .extra = "{}", .message_event = "m"}, notices);
  CHECK(place.registry.others("a", "m", 64) == Texts{"B"});
  CHECK(place.registry.others("a", "e", 64).size() == 2);
}

TEST_CASE("nobody is its own contact") {
  Place place;
  place.enter("a");
  const auto meeting = place.registry.meet("a", "A", true);
  REQUIRE(meeting);
  CHECK_FALSE(meeting->is_new);
  place.leave("a");
  CHECK(place.news().empty());
  CHECK(place.registry.users() == 0);
}

TEST_CASE("a list of rooms looks at so many") {
  Place place;
  for (std::size_t i = 0; i < Registry::kMostLookedAt + 1; ++i) {
    const auto peer = "p" + std::to_string(i);
    place.enter(peer);
    place.registry.open(peer, Place::with_defaults({.room = peer, .identifier = "all"}),
                        place.notices);
    if (i < Registry::kMostLookedAt) place.registry.disconnected(peer);
  }
  CHECK(place.registry.list("all") == "[]");
  place.leave("p0");
  CHECK(place.registry.list("all") != "[]");
}

TEST_CASE("every byte is counted, and given back") {
  Place place;
  CHECK(place.counted() == 0);
  place.enter("a");
  const auto empty = place.counted();
  Notices notices;
  place.registry.set_extra("a", std::string(10'000, ' ') + "{}", notices);
  CHECK(place.counted() >= empty + 10'000);
  place.enter("b");
  place.registry.meet("a", "B", true);
  place.open("a", {.extra = R"(")" + std::string(1000, 'x') + R"(")", .identifier = "all"});
  place.join("b");
  for (int i = 0; i < 20; ++i) CHECK(place.registry.listen("b", std::to_string(i)) == (i < 16));
  place.leave("a");
  place.registry.forget("b");
  CHECK(place.counted() == 0);
  CHECK(place.registry.users() == 0);
}

TEST_CASE("beyond the bound nothing more is stored") {
  Place place;
  Notices notices;
  const std::string large = R"(")" + std::string(1U << 20U, 'x') + R"(")";
  std::size_t stored = 0;
  for (int i = 0; i < 100; ++i) {
    const auto peer = "a" + std::to_string(i);
    place.enter(peer);
    if (place.registry.set_extra(peer, large, notices).is_stored) ++stored;
  }
  CHECK(stored > 30);
  CHECK(stored < 64);
  CHECK(place.counted() < Registry::kMostBytes);
  CHECK_FALSE(place.registry.meet("a0", "A1", true)->is_new == false);
}

TEST_CASE("a user has so many contacts, and no more") {
  Place place;
  place.enter("a");
  for (std::size_t i = 0; i <= Registry::kMostContacts; ++i) {
    const auto peer = "b" + std::to_string(i);
    place.enter(peer);
    CHECK(place.registry.meet("a", Place::capital(peer), true)->is_new ==
          (i < Registry::kMostContacts));
  }
}

}  // namespace sigway::dialects::socketio::rtcmulti::registry_test
