// One allocation fails within a change of the registry: nothing has changed then.

#include <doctest/doctest.h>

#include <functional>
#include <new>
#include <string>
#include <vector>

#include "allocation/failing_new.h"
#include "socketio_rtcmulti/registry.h"

namespace sigway::dialects::socketio::rtcmulti::registry_allocation_test {
namespace {

// Longer than what a std::string holds without an allocation.
std::string long_id(const std::string& of) { return of + "-0123456789-0123456789-0123456789"; }

// Alice owns a full room with bob and carol; dave owns a one-way room with erin; frank was cut from
// a room of his own. Alice is in contact with bob and dave.
struct Scene {
  Scene() {
    for (const char* peer : {"alice", "bob", "carol", "dave", "erin", "frank"}) {
      const auto name = std::string(peer);
      registry.enter(name,
                     {.id = long_id(name),
                      .extra = R"({"of":")" + long_id(name) + R"("})",
                      .message_event = long_id("event"),
                      .address = {name == "frank" ? 2U : 1U}},
                     notices);
      registry.connected(name);
    }
    open("alice", "room");
    join("bob", "room");
    join("carol", "room");
    open("dave", "broadcast", true);
    join("erin", "broadcast");
    open("frank", "frank's");
    registry.disconnected("frank");
    meet("alice", "bob");
    meet("alice", "dave");
    said();
  }

  static Registry::Wish wish(const std::string& room, bool one_way = false) {
    return {.room = long_id(room),
            .extra = R"({"room":")" + long_id(room) + R"("})",
            .session = R"({"session":")" + long_id(room) + R"("})",
            .identifier = long_id("public of " + room),
            .most_participants = 3,
            .one_way = one_way};
  }
  Refusal open(const std::string& peer, const std::string& room, bool one_way = false) {
    return registry.open(peer, wish(room, one_way), notices);
  }
  Refusal join(const std::string& peer, const std::string& room) {
    return registry.join(peer, wish(room), notices);
  }
  void meet(const std::string& peer, const std::string& other) {
    registry.meet(peer, long_id(other), true, notices);
  }
  void said() {
    for (std::uint64_t ticket = 1; ticket <= notices.ticket; ++ticket) {
      for (const char* peer : {"alice", "bob", "carol", "dave", "erin", "frank", "new"})
        registry.said(peer, ticket);
    }
    notices = {};
  }

  // All that can be asked, and what all hear when everybody goes.
  std::string describe() const {
    std::string all = std::to_string(registry.users()) + " users, " +
                      std::to_string(registry.rooms()) + " rooms, " +
                      std::to_string(budget.used(base::MemoryPart::registry)) + "=" +
                      std::to_string(registry.bytes_of({1}) + registry.bytes_of({2})) + " bytes\n";
    for (const char* peer : {"alice", "bob", "carol", "dave", "erin", "frank", "new"}) {
      const auto id = registry.id_of(peer);
      all.append(peer).append(": ").append(id.value_or("-")).append(" ");
      all.append(registry.room_of(peer).value_or("-")).append(" ");
      if (id) all.append(registry.extra_of(*id).value_or("-"));
      for (const auto& other : registry.askable(peer)) all.append(" ").append(other);
      all.append("\n");
    }
    for (const char* room : {"room", "broadcast", "frank's", "next"}) {
      const auto presence = registry.presence(long_id(room));
      all.append(room).append(": ").append(presence ? presence->extra : "-").append(" ");
      all.append(registry.list(long_id(std::string("public of ") + room))).append("\n");
    }
    for (const char* id : {"other", "new", "alice"})
      all.append(registry.has(long_id(id)) ? "has " : "has not ").append(id).append("\n");
    return all;
  }
  std::string epilogue() {
    Notices last;
    for (const char* peer : {"alice", "bob", "carol", "dave", "erin", "frank", "new"})
      registry.leave(peer, last);
    std::string all;
    for (const auto& notice : last.all) {
      all.append(notice.event).append(" ").append(notice.arguments).append(" to ");
      all.append(std::to_string(notice.to.size())).append("\n");
    }
    CHECK(budget.used(base::MemoryPart::registry) == 0);
    CHECK(registry.users() == 0);
    CHECK(registry.rooms() == 0);
    return all;
  }

  base::MemoryBudget budget{1U << 30U};
  Registry registry{budget, 64};
  Notices notices;
};

struct Try {
  const char* name;
  std::function<void(Scene&)> change;
};

const std::vector<Try>& tries() {
  static const std::vector<Try> kAll = {
      {"enter",
       [](Scene& at) {
         at.registry.enter("new", {.id = long_id("new"), .extra = long_id("1"), .address = {3}},
                           at.notices);
       }},
      {"enter with the id of somebody",
       [](Scene& at) {
         at.registry.enter("new", {.id = long_id("alice"), .address = {3}}, at.notices);
       }},
      {"leave as the owner", [](Scene& at) { at.registry.leave("alice", at.notices); }},
      {"leave", [](Scene& at) { at.registry.leave("bob", at.notices); }},
      {"rename", [](Scene& at) { at.registry.rename("alice", long_id("other")); }},
      {"set extra data",
       [](Scene& at) { at.registry.set_extra("alice", long_id("1"), at.notices); }},
      {"meet", [](Scene& at) { at.meet("carol", "erin"); }},
      {"part", [](Scene& at) { at.registry.part("alice", long_id("bob"), at.notices); }},
      {"listen", [](Scene& at) { at.registry.listen("alice", long_id("event")); }},
      {"open", [](Scene& at) { CHECK(at.open("alice", "next").empty()); }},
      {"open, and end another room", [](Scene& at) { CHECK(at.open("dave", "next").empty()); }},
      {"open the room of one that was cut",
       [](Scene& at) { CHECK(at.open("alice", "frank's").empty()); }},
      {"open the room that one ends",
       [](Scene& at) { CHECK(at.open("dave", "broadcast").empty()); }},
      {"open a room that is there",
       [](Scene& at) { CHECK(!at.open("alice", "broadcast").empty()); }},
      {"join", [](Scene& at) { CHECK(at.join("alice", "broadcast").empty()); }},
      {"join a full room", [](Scene& at) { CHECK(at.join("dave", "room") == kRoomFull); }},
      {"join the own room", [](Scene& at) { CHECK(at.join("alice", "room").empty()); }},
      {"close", [](Scene& at) { CHECK(at.registry.close("alice", at.notices).empty()); }},
      {"set a password",
       [](Scene& at) { CHECK(at.registry.set_password("alice", long_id("password")).empty()); }},
  };
  return kAll;
}

// Whether the change was made, with allocation `number` of it failing. Without an own allocation.
bool change_with(Scene& scene, const Try& each, std::uint64_t number) {
  bool is_made = true;
  testing::arm(number);
  try {
    each.change(scene);
  } catch (const std::bad_alloc&) {
    is_made = false;
  }
  testing::disarm();
  return is_made;
}

}  // namespace

TEST_CASE("a change of the registry of which one allocation fails has changed nothing") {
  for (const auto& each : tries()) {
    const std::string name = each.name;
    CAPTURE(name);
    const auto before = Scene().describe();
    const auto end = Scene().epilogue();
    std::uint64_t number = 1;
    for (bool is_made = false; !is_made; ++number) {
      CAPTURE(number);
      Scene scene;
      is_made = change_with(scene, each, number);
      if (is_made) break;
      CHECK(scene.describe() == before);
      CHECK(scene.notices.all.empty());
      // The same change, later, and all of them go.
      Scene other;
      each.change(scene);
      each.change(other);
      CHECK(scene.describe() == other.describe());
      CHECK(scene.epilogue() == other.epilogue());
    }
    CHECK(number > 1);
    Scene untouched;
    CHECK(untouched.epilogue() == end);
  }
}

TEST_CASE("a change of the registry of which one allocation fails: all go then") {
  for (const auto& each : tries()) {
    const std::string name = each.name;
    CAPTURE(name);
    const auto end = Scene().epilogue();
    for (std::uint64_t number = 1;; ++number) {
      CAPTURE(number);
      Scene scene;
      if (change_with(scene, each, number)) break;
      CHECK(scene.epilogue() == end);
    }
  }
}

TEST_CASE("whoever is forgotten needs no memory") {
  Scene scene;
  for (const char* peer : {"alice", "dave", "frank"}) {
    const std::string name = peer;
    testing::arm(1);
    scene.registry.disconnected(name);
    scene.registry.connected(name);
    scene.registry.forget(name);
    const auto counted = testing::disarm();
    CHECK(counted.allocations == 0);
  }
  scene.epilogue();
}

}  // namespace sigway::dialects::socketio::rtcmulti::registry_allocation_test
