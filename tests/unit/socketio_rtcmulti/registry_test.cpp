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
    registry.enter(
        peer,
        {.id = capital(peer), .extra = "{}", .closes_rooms = closes_rooms, .address = address},
        notices);
    registry.connected(peer);
    said(peer);
  }
  bool meet(const std::string& peer, const std::string& id, bool may_begin = true) {
    const bool is_new = registry.meet(peer, id, may_begin, notices)->is_new;
    said(peer);
    return is_new;
  }
  bool part(const std::string& peer, const std::string& id) {
    const bool had = registry.part(peer, id, notices);
    said(peer);
    return had;
  }
  // The bus has taken what the last call has made.
  void said(const std::string& peer) { registry.said(peer, notices.ticket); }
  Refusal open(const std::string& peer, Registry::Wish wish = {}) {
    const auto refusal = registry.open(peer, with_defaults(std::move(wish)), notices);
    said(peer);
    return refusal;
  }
  Refusal join(const std::string& peer, Registry::Wish wish = {}) {
    const auto refusal = registry.join(peer, with_defaults(std::move(wish)), notices);
    said(peer);
    return refusal;
  }
  void leave(const std::string& peer) { registry.leave(peer, notices); }

  // The notices since the last call, in short: "event arguments to A,B".
  Texts news() {
    Texts all;
    for (auto& notice : notices.all) {
      std::sort(notice.to.begin(), notice.to.end());
      auto line = notice.event + " " + notice.arguments + " to ";
      for (const auto& id : notice.to) line.append(id == notice.to.front() ? "" : ",").append(id);
      all.push_back(line);
    }
    notices = {};
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
  base::AddressKey address{1};  // of those who enter
};

}  // namespace

TEST_CASE("whoever gets the id of another one takes its place") {
  Place place;
  place.enter("a");
  place.enter("b");
  place.open("a");
  place.join("b");
  place.meet("a", "B");
  place.news();
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
  place.registry.renamed("a", "C");
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
  CHECK(place.meet("a", "B"));
  CHECK_FALSE(place.meet("b", "A"));
  CHECK_FALSE(place.meet("a", "C", false));
  CHECK_FALSE(place.registry.meet("a", "nobody", true, place.notices));
  CHECK(place.news() == Texts{R"(user-connected "A" to B)"});
  place.registry.rename("b", "X");
  place.leave("b");
  CHECK(place.news() == Texts{R"(user-disconnected "X" to A)"});
  CHECK_FALSE(place.part("a", "X"));
  place.meet("c", "A");
  CHECK(place.part("a", "C"));
  CHECK_FALSE(place.part("c", "A"));
  CHECK(place.news() == Texts{R"(user-connected "C" to A)", R"(user-disconnected "A" to C)"});
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
    CHECK(place.news() == Texts{R"(closed-entire-session "room",{} to B)"});
  }
  SUBCASE("the owner") {
    place.registry.disconnected("a");
    CHECK(place.join("c").empty());
    CHECK(place.news() ==
          Texts{R"(set-isInitiator-true "room" to B)", R"(closed-entire-session "room",{} to A)"});
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
  place.meet("a", "C");
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
  const auto meeting = place.registry.meet("a", "A", true, place.notices);
  REQUIRE(meeting);
  CHECK_FALSE(meeting->is_new);
  place.leave("a");
  CHECK(place.news().empty());
  CHECK(place.registry.users() == 0);
}

TEST_CASE("rooms whose users were all cut hide no others in a list, and come back to it") {
  Place place;
  constexpr std::size_t kRooms = 1000;
  for (std::size_t i = 0; i <= kRooms; ++i) {
    const auto peer = "p" + std::to_string(i);
    place.enter(peer);
    place.open(peer, {.room = peer, .identifier = "all"});
    if (i < kRooms) place.registry.disconnected(peer);
  }
  CHECK(place.registry.list("all").find(R"("owner":"P1000")") != std::string::npos);
  place.registry.connected("p7");
  CHECK(place.registry.list("all").find(R"("owner":"P7")") != std::string::npos);
  place.leave("p1000");
  place.leave("p7");
  CHECK(place.registry.list("all") == "[]");
  for (std::size_t i = 0; i <= kRooms; ++i) place.leave("p" + std::to_string(i));
  CHECK(place.counted() == 0);
}

TEST_CASE("a room is listed while somebody of it is present") {
  Place place;
  for (const char* peer : {"a", "b"}) place.enter(peer);
  place.open("a", {.identifier = "all"});
  place.join("b");
  const auto is_listed = [&] { return place.registry.list("all") != "[]"; };
  place.registry.connected("a");  // a second connection of it
  place.registry.disconnected("a");
  place.registry.disconnected("b");
  CHECK(is_listed());
  place.registry.disconnected("a");
  CHECK_FALSE(is_listed());
  place.registry.connected("b");
  CHECK(is_listed());
  place.leave("b");
  CHECK_FALSE(is_listed());
  place.registry.connected("a");
  CHECK(is_listed());
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
  place.meet("a", "B");
  place.open("a", {.extra = R"(")" + std::string(1000, 'x') + R"(")", .identifier = "all"});
  place.join("b");
  for (int i = 0; i < 20; ++i) CHECK(place.registry.listen("b", std::to_string(i)) == (i < 16));
  place.leave("a");
  place.registry.forget("b");
  CHECK(place.counted() == 0);
  CHECK(place.registry.users() == 0);
}

TEST_CASE("beyond the bound nothing more is stored") {
  Place place;  // each comes from an address of its own
  Notices notices;
  const std::string large = R"(")" + std::string(1U << 20U, 'x') + R"(")";
  std::size_t stored = 0;
  for (int i = 0; i < 100; ++i) {
    const auto peer = "a" + std::to_string(i);
    ++place.address.value;
    place.enter(peer);
    if (place.registry.set_extra(peer, large, notices).is_stored) ++stored;
  }
  CHECK(stored > 30);
  CHECK(stored < 64);
  CHECK(place.counted() < Registry::kMostBytes);
  CHECK(place.meet("a0", "A1"));
}

TEST_CASE("one address fills its share, and takes nothing from others") {
  Place place;
  const auto attacker = place.address;
  const std::string large = R"(")" + std::string(16'000, 'x') + R"(")";
  std::size_t opened = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto peer = "a" + std::to_string(i);
    place.enter(peer);
    const auto refusal = place.open(peer, {.room = peer, .extra = large});
    if (refusal.empty()) ++opened;
    if (i == 1999) CHECK(refusal == kCannotStore);
  }
  CHECK(opened > 300);
  CHECK(opened < 600);
  CHECK(place.registry.bytes_of(attacker) < Registry::kMostOfAddress + 2000 * 1024);
  place.address.value = 2;
  place.enter("b");
  CHECK(place.open("b", {.extra = large}).empty());
  Notices notices;
  CHECK(place.registry.set_extra("b", large, notices).is_stored);
  for (int i = 0; i < 2000; ++i) place.leave("a" + std::to_string(i));
  CHECK(place.registry.bytes_of(attacker) == 0);
  CHECK(place.registry.bytes_of(place.address) == place.counted());
}

TEST_CASE("a room counts for the address that has opened it, until it closes") {
  Place place;
  place.enter("a");
  place.open("a", {.session = R"({"x":")" + std::string(4000, 'x') + R"("})"});
  place.address.value = 2;
  place.enter("b");
  const auto of_b = place.registry.bytes_of(place.address);
  place.join("b");
  place.leave("a");
  CHECK(place.registry.bytes_of({1}) > 4000);
  CHECK(place.registry.bytes_of(place.address) < of_b + 100);
  place.leave("b");
  CHECK(place.registry.bytes_of({1}) == 0);
  CHECK(place.counted() == 0);
}

TEST_CASE("a user has so many contacts, and no more") {
  Place place;
  place.enter("a");
  for (std::size_t i = 0; i <= Registry::kMostContacts; ++i) {
    const auto peer = "b" + std::to_string(i);
    place.enter(peer);
    CHECK(place.meet("a", Place::capital(peer)) == (i < Registry::kMostContacts));
  }
}

TEST_CASE(
    "strangers leave room for others in a user's contacts, and those of one address for "
    "strangers") {
  Place place;
  place.enter("v");
  std::size_t met = 0;
  const auto approach = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto peer = "s" + std::to_string(met) + "-" + std::to_string(i);
      place.enter(peer);
      if (place.meet(peer, "V")) ++met;
    }
  };
  const auto of_victim = place.registry.bytes_of(place.address);
  ++place.address.value;
  approach(1100);
  CHECK(met == Registry::kMostStrangersOfAddress);
  // It has not asked for them: but for its table they count for those who have.
  CHECK(place.registry.bytes_of({1}) <= of_victim + 16U * 1024);
  for (int i = 0; i < 8; ++i) {
    ++place.address.value;
    approach(300);
  }
  CHECK(met == Registry::kMostStrangers);
  place.enter("w");
  CHECK(place.meet("v", "W"));
  place.open("v");
  place.enter("x");
  CHECK_FALSE(place.meet("x", "V"));
  place.join("x");
  CHECK(place.meet("x", "V"));
}

TEST_CASE("a one-way room waits for its owner, and ends with it") {
  Place place(2);
  for (const char* peer : {"a", "b", "c"}) place.enter(peer);
  place.open("a", {.one_way = true});
  place.join("b");
  place.registry.disconnected("a");
  CHECK(place.join("c") == kRoomFull);
  CHECK(place.news().empty());
  SUBCASE("others give way") {
    place.join("b", {.room = "nowhere"});
    CHECK(place.join("c") == kNoSuchRoom);  // nobody is there
    place.registry.connected("a");
    CHECK(place.join("c").empty());
    place.registry.disconnected("c");
    CHECK(place.join("b").empty());
    CHECK(place.registry.room_of("c") == std::nullopt);
    CHECK(place.registry.askable("b") == Texts{"A"});
  }
  SUBCASE("it ends") {
    place.leave("a");
    CHECK(place.registry.rooms() == 0);
    CHECK(place.registry.room_of("b") == std::nullopt);
  }
  SUBCASE("the owner's next room need not") {
    place.registry.connected("a");
    place.open("a");
    place.join("b");
    place.leave("a");
    CHECK(place.registry.room_of("b") == "room");
  }
}

TEST_CASE("what the bus has not taken is said when the session ends") {
  Place place;
  for (const char* peer : {"a", "b", "c"}) place.enter(peer);
  place.meet("a", "B");
  place.open("a");
  place.join("b");
  place.news();
  Notices lost;
  place.registry.part("a", "B", lost);
  CHECK(lost.ticket != 0);
  place.registry.join("a", Place::with_defaults({.room = "nowhere"}), lost);
  place.registry.meet("a", "C", true, lost);
  SUBCASE("all of it") {
    place.leave("a");
    CHECK(place.news() == Texts{R"(user-disconnected "A" to B)",
                                R"(set-isInitiator-true "room" to B)", R"(user-connected "A" to C)",
                                R"(user-disconnected "A" to C)"});
  }
  SUBCASE("without what it has taken") {
    place.registry.said("a", lost.ticket);
    place.leave("a");
    CHECK(place.news().size() == 3);
  }
  SUBCASE("by whoever gets its id") {
    place.registry.enter("x", {.id = "A"}, place.notices);
    CHECK(place.news().size() == 4);
  }
  place.leave("x");
  place.leave("b");
  place.leave("c");
  CHECK(place.counted() == 0);
}

TEST_CASE("an id that was asked for belongs to both until the bus has answered") {
  Place place;
  for (const char* peer : {"a", "b"}) place.enter(peer);
  auto& registry = place.registry;
  CHECK(registry.rename("a", "C"));
  CHECK(registry.rename("a", "D"));
  CHECK(registry.id_of("a") == "D");
  for (const char* id : {"A", "C", "D"}) CHECK_FALSE(registry.rename("b", id));
  SUBCASE("given") {
    registry.renamed("a", "C");
    CHECK_FALSE(registry.has("A"));
    registry.renamed("a", "C");  // a recovered connection hears it again
    CHECK(registry.id_of("a") == "D");
    registry.renamed("a", "D");
    CHECK_FALSE(registry.has("C"));
  }
  SUBCASE("not given") {
    CHECK(registry.not_renamed("a", "D") == "D");
    CHECK(registry.id_of("a") == "C");
    CHECK(registry.not_renamed("a", "") == "C");
    CHECK(registry.not_renamed("a", "C") == std::nullopt);
    CHECK(registry.id_of("a") == "A");
    CHECK(registry.rename("b", "C"));
  }
  SUBCASE("somebody else has it meanwhile") {
    registry.enter("x", {.id = "C"}, place.notices);
    registry.enter("y", {.id = "A"}, place.notices);
    CHECK(registry.id_of("a") == "D");
    CHECK(registry.not_renamed("a", "C") == std::nullopt);
    CHECK(registry.id_of("x") == "C");
    CHECK(registry.has("A"));
  }
  for (const char* peer : {"a", "b", "x", "y"}) place.leave(peer);
  for (const char* id : {"A", "B", "C", "D"}) CHECK_FALSE(registry.has(id));
  CHECK(place.counted() == 0);
}

TEST_CASE("ids that the bus has not answered are bounded") {
  Place place;
  place.enter("a");
  for (std::size_t i = 0; i <= Registry::kMostAsked; ++i)
    CHECK(place.registry.rename("a", "X" + std::to_string(i)) == (i < Registry::kMostAsked));
}

}  // namespace sigway::dialects::socketio::rtcmulti::registry_test
