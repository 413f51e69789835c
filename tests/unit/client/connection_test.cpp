#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "peers.h"

using namespace sigway;
using namespace std::chrono_literals;
using sigway::testing::FakeNetwork;
using sigway::testing::Peer;
using sigway::testing::Scene;
using sigway::testing::World;

TEST_CASE(
    "connection: a good network settles on WebSocket, with one connection and no request more") {
  Scene scene(1);
  scene.meet();
  for (int i = 0; i < 20; ++i) scene.alice.say();
  scene.pass(5s);
  scene.check();
  CHECK(scene.alice.connection.transport() == Transport::websocket);
  CHECK(scene.alice.network.open() == 1);
  const auto before = scene.alice.network.requests;
  scene.pass(120s);
  CHECK(scene.alice.network.requests == before);
  CHECK(scene.alice.connection.state() == ClientState::open);
}

TEST_CASE("connection: each transport alone carries everything") {
  for (const auto transport : {Transport::websocket, Transport::sse, Transport::poll}) {
    Scene scene(7, transport);
    scene.meet();
    for (int i = 0; i < 50; ++i) {
      scene.alice.say();
      scene.bob.say();
      if (i % 5 == 0) scene.pass(50ms);
    }
    scene.pass(10s);
    scene.check();
    CHECK(scene.alice.connection.transport() == transport);
  }
}

TEST_CASE("connection: what is said goes up before the activation has been answered") {
  Scene scene(15);
  scene.bob.connection.start();
  scene.pass(1s);
  auto& faults = scene.alice.network.faults;
  faults.websockets = faults.streams = false;
  faults.delay = 400ms;
  faults.jitter = {};
  scene.alice.say();
  scene.alice.connection.start();
  scene.pass(1500ms);  // two ways for the attach, one for the message; with the activation, four
  INFO(scene.alice.journal);
  CHECK(scene.bob.heard.size() == 1);
  scene.pass(5s);
  scene.check();
}

TEST_CASE(
    "connection: an accepted WebSocket that is dead and a stream that is held leave polling") {
  Scene scene(3);
  scene.alice.network.faults.websockets_hang = true;
  scene.alice.network.faults.streams_held = true;
  scene.meet();
  for (int i = 0; i < 30; ++i) scene.alice.say(), scene.bob.say(), scene.pass(40ms);
  scene.pass(15s);
  scene.check();
  CHECK(scene.alice.connection.transport() == Transport::poll);
  // It gets better: what was not proved is looked for again.
  scene.alice.network.faults = {};
  scene.pass(120s);
  CHECK(scene.alice.connection.transport() == Transport::websocket);
  scene.alice.say();
  scene.pass(2s);
  scene.check();
}

TEST_CASE("connection: what was learnt of a network serves the next client on it") {
  std::string learned;
  {
    Scene scene(9);
    scene.alice.network.faults.websockets = false;
    scene.meet();
    scene.pass(10s);
    CHECK(scene.alice.connection.transport() == Transport::sse);
    learned = scene.alice.learned;
  }
  CHECK(learned.find(R"("transport":"sse")") != std::string::npos);
  World world;
  // On the same network: nothing else is tried before it is open.
  Peer again(world, "again", 10, Transport::automatic, {}, learned);
  again.network.faults.websockets = false;
  // And on one that lets no stream through any more.
  Peer moved(world, "moved", 11, Transport::automatic, {}, learned);
  moved.network.faults.websockets = false;
  moved.network.faults.streams_held = true;
  for (auto* const peer : {&again, &moved}) peer->connection.start();
  for (int i = 0; i < 2000; ++i) {
    world.advance(5ms);
    for (auto* const peer : {&again, &moved}) peer->scheduler.advance(world.now());
    world.run();
    if (i == 100) CHECK(again.connection.state() == ClientState::open);
  }
  CHECK(again.transports == std::vector{Transport::sse});
  CHECK(again.journal.starts_with("remembers that sse worked here\nevents come by sse now"));
  INFO(moved.journal);
  CHECK(moved.connection.transport() == Transport::poll);
  CHECK(moved.learned.find(R"("transport":"poll")") != std::string::npos);
}

TEST_CASE("connection: a stream that lags is no transport, and one that begins to is left") {
  for (const bool from_the_start : {true, false}) {
    CAPTURE(from_the_start);
    Scene scene(11);
    auto& faults = scene.alice.network.faults;
    faults.websockets = false;
    faults.streams_lag = from_the_start;
    scene.meet();
    scene.pass(5s);
    if (!from_the_start) CHECK(scene.alice.connection.transport() == Transport::sse);
    faults.streams_lag = true;
    // Traffic pushes out what is held, but for the last of it.
    for (int i = 0; i < 30; ++i) scene.alice.say(), scene.bob.say(), scene.pass(200ms);
    scene.pass(5s);
    scene.check();
    CHECK(scene.alice.connection.transport() == Transport::poll);
    CHECK(scene.alice.journal.find("1100 bytes of padding") != std::string::npos);
  }
}

TEST_CASE("connection: the features of the server are known from its welcome on") {
  Scene scene(15);
  CHECK(scene.alice.connection.features() == nullptr);
  scene.meet();
  REQUIRE(scene.alice.connection.features() != nullptr);
  CHECK(*scene.alice.connection.features() == std::vector<std::string>{"drain", "mail"});
}

TEST_CASE("connection: what an echo sends back is no event") {
  Scene scene(12);
  scene.alice.network.faults.websockets_echo = true;
  scene.meet();
  for (int i = 0; i < 10; ++i) scene.alice.say(), scene.bob.say();
  scene.pass(10s);
  scene.check();
  CHECK(scene.alice.connection.transport() == Transport::sse);
  CHECK(scene.alice.journal.find("before the welcome") != std::string::npos);
}

TEST_CASE("connection: a call goes on through cuts, and everything arrives once") {
  Scene scene(4);
  scene.meet();
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 10; ++i) scene.alice.say(), scene.bob.say(), scene.pass(20ms);
    scene.alice.network.cut();
    if (round % 3 == 0) scene.bob.network.cut();
  }
  scene.pass(30s);
  scene.check();
}

TEST_CASE("connection: bodies that are refused for their size go in pieces") {
  Scene scene(5, Transport::poll);
  scene.alice.network.faults.largest_body = 1500;
  scene.meet();
  scene.alice.say_long(9000);
  scene.pass(20s);
  CHECK(scene.alice.connection.pending() == 0);
  for (int i = 0; i < 5; ++i) scene.bob.say();
  scene.pass(5s);
  CHECK(scene.alice.heard.size() == 5);
  CHECK(scene.alice.journal.find("is refused on the way") != std::string::npos);
}

TEST_CASE(
    "connection: while the server keeps its place it is looked for often enough not to lose it") {
  session::Settings settings;
  settings.resume_window = 12s;
  for (std::uint64_t seed = 20; seed < 40; ++seed) {
    CAPTURE(seed);
    Scene scene(seed, Transport::automatic, settings);
    scene.meet();
    auto& faults = scene.alice.network.faults;
    faults.lose_request = 1;
    scene.alice.network.cut();
    scene.pass(8s);
    faults.lose_request = 0;
    scene.alice.say();
    scene.pass(10s);
    scene.check();
  }
}

TEST_CASE("connection: an outage is waited out, with pauses; nothing is lost and nobody blamed") {
  Scene scene(6);
  scene.meet();
  auto& faults = scene.alice.network.faults;
  faults.lose_request = 1;
  scene.alice.network.cut();
  scene.pass(1s);
  scene.alice.say();
  CHECK(scene.alice.connection.state() == ClientState::reconnecting);
  const auto before = scene.alice.network.requests;
  scene.pass(60s);
  CHECK(scene.alice.network.requests - before < 80);
  faults.lose_request = 0;
  scene.pass(30s);
  CHECK(scene.alice.connection.transport() == Transport::websocket);
  scene.check();
}

TEST_CASE("connection: who was away too long has a new session, and says what may be lost") {
  Scene scene(8);
  scene.meet();
  scene.alice.say();
  scene.pass(1s);
  scene.alice.network.faults.lose_request = 1;
  scene.alice.network.cut();
  scene.pass(10s);
  scene.alice.say();  // never went out
  scene.pass(200s);
  CHECK(scene.bob.has("peer-left"));
  scene.alice.network.faults.lose_request = 0;
  scene.pass(30s);
  REQUIRE(scene.alice.resets.size() == 1);
  CHECK(scene.alice.resets[0].lost.empty());
  CHECK(scene.alice.resets[0].peer != scene.alice.resets[0].previous_peer);
  CHECK(scene.alice.connection.state() == ClientState::open);
  CHECK(scene.bob.heard == std::vector<int>{1, 2});
  CHECK(scene.alice.first_kepts == std::vector<std::uint64_t>{2});
}

TEST_CASE(
    "connection: what a server that shuts down does not take is for the next one, and not lost") {
  for (const auto transport : {Transport::websocket, Transport::sse, Transport::poll}) {
    World next;
    next.server.id = "server-2";
    Scene scene(34, transport);
    scene.meet();
    scene.pass(1s);
    scene.bob.say();
    scene.pass(40ms);  // alice has not acknowledged it
    scene.world.hub(0).drain(1s);
    scene.pass(40ms);
    scene.alice.say();  // goes out, and is not taken
    scene.pass(3s);
    CHECK(scene.alice.heard.size() == 1);
    CHECK(scene.bob.heard.empty());
    CHECK(scene.alice.connection.pending() == 1);
    CHECK(scene.alice.connection.state() == ClientState::reconnecting);
    next.advance(scene.world.now() - next.now());
    for (auto* const peer : {&scene.alice, &scene.bob}) peer->network.move_to(next);
    for (int i = 0; i < 40; ++i) {
      next.advance(250ms);
      scene.pass(250ms);
      next.run();
    }
    REQUIRE(scene.alice.resets.size() == 1);
    CHECK(scene.alice.resets[0].lost.empty());
    CHECK((scene.bob.heard.size() == 1 || scene.alice.has("error")));
  }
}

TEST_CASE("connection: an event stream that has died is missed by what is said next") {
  Scene scene(31, Transport::sse);
  scene.meet();
  scene.pass(8s);
  scene.alice.network.die();  // what is open; new connections work
  scene.alice.say();
  scene.bob.say();
  scene.pass(5s);
  CHECK(scene.alice.heard == std::vector<int>{1});
  scene.pass(5s);
  scene.check();
  CHECK_MESSAGE(scene.alice.journal.find("held back") == std::string::npos, scene.alice.journal);
}

TEST_CASE("connection: a poll that has died in silence is missed by what is said next") {
  Scene scene(35, Transport::poll);
  scene.meet();
  scene.pass(40s);
  scene.alice.network.die();  // what is open; new connections work
  scene.pass(1s);
  scene.alice.say();
  scene.bob.say();
  scene.pass(500ms);
  CHECK_MESSAGE(scene.alice.heard == std::vector<int>{1}, scene.alice.journal);
  scene.pass(5s);
  scene.check();
}

TEST_CASE("connection: messages that are said beside a poll that lives replace it now and then") {
  Scene scene(36, Transport::poll);
  scene.meet();
  const auto before = scene.alice.network.requests;
  for (int i = 0; i < 10; ++i) {
    scene.pass(30s);  // at most 25 s of them without a poll
    scene.alice.say();
  }
  scene.pass(1s);
  CHECK(scene.alice.network.requests - before <= 80);
  CHECK(scene.alice.journal.find("get lost") == std::string::npos);
  scene.check();
}

TEST_CASE("connection: a filter that refuses uploads for a while does not end the stream") {
  Scene scene(33, Transport::sse);
  scene.meet();
  scene.alice.network.faults.uploads_filtered = true;
  scene.alice.say();
  for (int i = 0; i < 20; ++i) {
    scene.bob.say();
    scene.pass(500ms);
  }
  CHECK(scene.alice.heard.size() == 20);
  CHECK_MESSAGE(scene.alice.journal.find("was lost") == std::string::npos, scene.alice.journal);
  scene.alice.network.faults.uploads_filtered = false;
  scene.pass(5s);
  scene.check();
}

TEST_CASE("connection: a room is asked for again with the places that it was said to have") {
  session::Settings settings;
  settings.resume_window = std::chrono::seconds(20);
  Scene scene(32, Transport::websocket, settings);
  scene.alice.connection.start();
  scene.pass(1s);
  scene.alice.connection.join(++scene.alice.said, "three", 3);
  scene.bob.connection.start();
  scene.pass(1s);
  scene.bob.connection.join(++scene.bob.said, "three", 0);
  // Refused, and no session is opened with it, though it comes first by its name.
  scene.bob.connection.join(++scene.bob.said, std::string(129, 'a'), 0);
  scene.pass(1s);
  for (auto* const peer : {&scene.alice, &scene.bob}) {
    peer->network.faults.lose_request = 1;
    peer->network.faults.websockets = false;
    peer->network.cut();
  }
  scene.pass(60s);
  for (auto* const peer : {&scene.bob, &scene.alice}) {
    peer->network.faults = {};
    peer->types.clear();
    scene.pass(60s);
    INFO(peer->journal);
    CHECK(peer->closed.empty());
    CHECK(peer->resets.size() == 1);
  }
  CHECK(scene.bob.capacities["three"] == 3);
}

TEST_CASE("connection: closing leaves the room") {
  Scene scene(9);
  scene.meet();
  scene.alice.say();
  scene.alice.connection.close();
  scene.pass(2s);
  CHECK(scene.alice.closed == "left");
  CHECK(scene.bob.heard.size() == 1);
  CHECK(scene.bob.has("peer-left"));
  CHECK(scene.alice.network.open() == 0);
}

TEST_CASE("connection: closed for a reason it leaves the room, and the end says the reason") {
  Scene scene(9);
  scene.meet();
  scene.alice.connection.close({"deadline", "took too long"});
  scene.pass(2s);
  CHECK(scene.alice.closed == "deadline");
  CHECK(scene.bob.has("peer-left"));
}

TEST_CASE("connection: whatever happens to requests and connections: exactly once, in order") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    Scene scene(seed * 100);
    std::mt19937_64 random(seed);
    const auto upto = [&](double most) {
      return most * std::uniform_real_distribution<double>(0, 1)(random);
    };
    for (auto* const peer : {&scene.alice, &scene.bob}) {
      auto& faults = peer->network.faults;
      faults.lose_request = upto(0.2);
      faults.lose_answer = upto(0.2);
      faults.swallow = upto(0.05);
      faults.repeat = upto(0.3);
      faults.websockets = random() % 2 == 0;
      faults.websockets_hang = random() % 3 == 0;
      faults.streams = random() % 2 == 0;
      faults.streams_held = random() % 3 == 0;
      faults.largest_body = random() % 3 == 0 ? 1200 : 1U << 20U;
      faults.jitter = client::Duration(random() % 300);
    }
    scene.meet();
    for (int i = 0; i < 60; ++i) {
      for (auto count = random() % 4; count > 0; --count) scene.alice.say();
      for (auto count = random() % 4; count > 0; --count) scene.bob.say();
      if (random() % 20 == 0) scene.alice.network.cut();
      if (random() % 20 == 0) scene.bob.network.cut();
      scene.pass(client::Duration(random() % 300));
    }
    for (int i = 0; i < 120; ++i) {
      if (scene.alice.heard.size() == scene.bob.said &&
          scene.bob.heard.size() == scene.alice.said &&
          scene.alice.connection.pending() + scene.bob.connection.pending() == 0)
        break;
      scene.pass(1s);
    }
    scene.check();
  }
}

TEST_CASE("a machine that slept is back within two seconds of waking") {
  for (const auto transport :
       {Transport::automatic, Transport::websocket, Transport::sse, Transport::poll}) {
    CAPTURE(transport);
    session::Settings settings;
    settings.resume_window = 60s;
    Scene scene(11, transport, settings);
    scene.meet();
    for (const auto slept : {200s, 20s}) {
      CAPTURE(slept);
      scene.pass(5s);
      const auto resets = scene.alice.resets.size();
      // The network has forgotten what it had open, and the server goes on without us.
      scene.alice.network.die();
      for (auto left = slept; left > 0s; left -= 1s) {
        for (int i = 0; i < 200; ++i) scene.sleep_alice(5ms);
      }
      scene.pass(2s);
      INFO(scene.alice.journal);
      CHECK(scene.alice.resets.size() == resets + (slept > 100s ? 1 : 0));
      // The sleep was nobody's fault: there is no outage, and no lesson about this network.
      CHECK(scene.alice.journal.find("nothing gets through") == std::string::npos);
      CHECK(scene.alice.journal.find("lost without a word") == std::string::npos);
      CHECK(scene.alice.connection.state() == ClientState::open);
      const auto heard = scene.bob.heard.size();
      scene.alice.say();
      scene.pass(1s);
      CHECK(scene.bob.heard.size() == heard + 1);
    }
  }
}

TEST_CASE("the last event does not stay in a proxy that passes it when more comes") {
  Scene scene(12, Transport::websocket);
  scene.meet();
  scene.pass(10s);
  scene.alice.network.faults.sockets_lag = true;
  scene.bob.say();
  scene.bob.say();
  scene.pass(4s);
  CHECK(scene.alice.heard == std::vector{1, 2});
  CHECK(scene.alice.transports.size() == 1);
}

TEST_CASE("a client without a rate of its own keeps to the server's, and its WebSocket") {
  session::Settings settings;
  settings.message_rate = 100;
  settings.message_burst = 200;
  Scene scene(13, Transport::websocket, settings, 0);
  scene.meet();
  for (int i = 0; i < 1000; ++i) scene.alice.say();
  scene.pass(30s);
  scene.check();
  CHECK(scene.alice.losses() <= 3);
}
