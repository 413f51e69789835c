// Series: rooms that are filled one after the other.
#include <doctest/doctest.h>

#include <deque>

#include "bus/home.h"
#include "bus/rooms.h"
#include "matchbox/matchbox.h"
#include "matchbox/uuid.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

struct Player {
  Player(World& world, const std::string& name, const char* next, base::ShardIndex here)
      : client(world, dialects::matchbox::protocol(), name, dialects::plain::kSocket, here) {
    client.room = "lobby";
    client.parameters = {{"next", next}};
    log = client.attach();
  }
  std::string uuid() { return dialects::matchbox::uuid_of(client.session()->peer()); }
  std::string came() { return R"({"NewPeer":")" + uuid() + "\"}"; }
  std::string left() { return R"({"PeerLeft":")" + uuid() + "\"}"; }
  void signal(const std::string& to) {
    client.say(R"({"Signal":{"receiver":")" + to + R"(","data":1}})");
  }
  /// The frames since the last call, less the first of all.
  std::string news() {
    std::string out;
    for (; seen < log->frames.size(); ++seen) out += log->frames[seen];
    return out;
  }

  PlainClient client;
  std::shared_ptr<FrameLog> log;
  std::size_t seen = 1;
};

struct Lobby {
  Lobby(unsigned shards, const char* next) : world(shards), next(next) {}
  Player& enter() {
    const auto number = players.size();
    return players.emplace_back(world, "player" + std::to_string(number), next,
                                static_cast<base::ShardIndex>(number % 3));
  }
  World world;
  const char* next;
  std::deque<Player> players;
};

}  // namespace

TEST_CASE("a room of a series lives where the series lives") {
  CHECK(bus::series_of("lobby") == "lobby");
  CHECK(bus::series_of(std::string("lobby\0"
                                   "17",
                                   8)) == "lobby");
}

TEST_CASE_TEMPLATE("whoever comes is put into the room that is being filled", Shards, OneShard,
                   ThreeShards) {
  Lobby lobby(Shards::value, "2");
  auto& a = lobby.enter();
  auto& b = lobby.enter();
  CHECK(a.log->frames.at(0) == R"({"IdAssigned":")" + a.uuid() + "\"}");
  CHECK(a.news() == b.came());
  auto& c = lobby.enter();
  auto& d = lobby.enter();
  CHECK(a.news().empty());
  CHECK(b.news().empty());
  CHECK(c.news() == d.came());
  CHECK(lobby.world.rooms() == 2);
  a.signal(b.uuid());
  CHECK(b.news() == R"({"Signal":{"sender":")" + a.uuid() + R"(","data":1}})");
  a.signal(c.uuid());
  CHECK_MESSAGE(c.news().empty(), "those of another room are out of reach");
  const auto left = a.left();
  a.client.cut();
  CHECK(b.news() == left);
  auto& e = lobby.enter();
  CHECK_MESSAGE(b.news().empty(), "a member of a full room is not replaced");
  auto& f = lobby.enter();
  CHECK(e.news() == f.came());
  for (auto& player : lobby.players) {
    if (player.client.session() != nullptr) player.client.cut();
  }
  CHECK(lobby.world.rooms() == 0);
}

TEST_CASE_TEMPLATE("a room that is not full yet takes another one for a member that leaves", Shards,
                   OneShard, ThreeShards) {
  Lobby lobby(Shards::value, "3");
  auto& a = lobby.enter();
  auto& b = lobby.enter();
  a.news();
  b.client.cut();
  a.news();
  auto& c = lobby.enter();
  auto& d = lobby.enter();
  CHECK(a.news() == c.came() + d.came());
  lobby.enter();
  CHECK(lobby.world.rooms() == 2);
  CHECK(a.news().empty());
}

TEST_CASE_TEMPLATE("when all have left before it was full, the next begins anew", Shards, OneShard,
                   ThreeShards) {
  Lobby lobby(Shards::value, "2");
  lobby.enter().client.cut();
  CHECK(lobby.world.rooms() == 0);
  auto& a = lobby.enter();
  auto& b = lobby.enter();
  CHECK(a.news() == b.came());
}

TEST_CASE("a session that ends while it is being put into a room leaves no member behind") {
  Lobby lobby(3, "2");
  // As `enter`, but the client is cut in each of the turns that its way takes.
  for (int turns = 0; turns < 12; ++turns) {
    PlainClient hasty(lobby.world, dialects::matchbox::protocol(), "hasty" + std::to_string(turns),
                      dialects::plain::kSocket, 0);
    hasty.room = "lobby";
    hasty.parameters = {{"next", "2"}};
    const auto contents = hasty.contents();
    auto located = binding::locate_to_open(lobby.world.context, contents, 0, lobby.world.now());
    REQUIRE(std::holds_alternative<binding::Located>(located));
    const auto& where = std::get<binding::Located>(located);
    auto& hub = lobby.world.hub(where.id.shard);
    const auto entered = binding::enter(hub, where);
    REQUIRE(std::holds_alternative<session::Session*>(entered));
    for (int turn = 0; turn < turns; ++turn) lobby.world.turn(static_cast<unsigned>(turn) % 3);
    if (auto* const session = hub.find(where.id.serial)) session->end(session::End::left);
    lobby.world.run();
    CHECK(lobby.world.rooms() == 0);
  }
  auto& a = lobby.enter();
  auto& b = lobby.enter();
  CHECK(a.news() == b.came());
}

TEST_CASE_TEMPLATE("many players of one address come at once: each room has its own rate", Shards,
                   OneShard, ThreeShards) {
  Lobby lobby(Shards::value, "2");
  for (int pair = 0; pair < 200; ++pair) {
    auto& a = lobby.enter();
    auto& b = lobby.enter();
    REQUIRE_FALSE(b.log->error);
    CHECK(a.news() == b.came());
  }
  CHECK(lobby.world.rooms() == 200);
}

TEST_CASE_TEMPLATE("one address comes into the room that is being filled 133 times at once", Shards,
                   OneShard, ThreeShards) {
  Lobby lobby(Shards::value, "3");
  auto& waiting = lobby.enter();
  const auto come_and_go = [&](const std::string& address) {
    PlainClient player(lobby.world, dialects::matchbox::protocol(), "again",
                       dialects::plain::kSocket, 1);
    player.address = address;
    player.room = "lobby";
    player.parameters = {{"next", "3"}};
    const auto log = player.attach();
    if (player.session() != nullptr) player.cut();
    return log->end;
  };
  for (int i = 0; i < 133; ++i) REQUIRE_FALSE(come_and_go("office"));
  CHECK(come_and_go("office") == session::End::rate_limited);
  CHECK_FALSE(come_and_go("home"));
  CHECK(lobby.world.rooms() == 1);
  lobby.world.advance(2s);
  CHECK_FALSE(come_and_go("office"));
  CHECK_FALSE(waiting.log->end);
}

TEST_CASE("more players than a room may have: the session ends") {
  World world(1U);
  Player player(world, "player", "65", 0);
  CHECK(player.log->end == session::End::full);
  CHECK(world.rooms() == 0);
}
