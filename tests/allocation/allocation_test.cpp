// One allocation fails, at every place where the server allocates: it may end the session or the
// connection for which it was made, and nothing else is lost, kept or told wrongly.
//
// SIGWAY_ALLOCATION_STRIDE=1 tries every allocation (scripts/soak.sh allocation); the default tries
// each 13th. SIGWAY_ALLOCATION_FIRST begins at another one than the first.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "allocation/client.h"
#include "allocation/failing_new.h"
#include "allocation/server.h"

namespace sigway::testing {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// Two members of one room.
struct Pair {
  Pair(Server& server, bool tls, Kind kind, const std::string& name)
      : a(server.port(), tls, kind, name + "-a-0123456789abcdef"),
        b(server.port(), tls, kind, name + "-b-0123456789abcdef"),
        room("the-room-of-" + name),
        login("the-name-of-" + name) {}

  void open() {
    a.open({{"room", room}, {"name", login}});
    a.wait_for("created");
    b.open({{"room", room}});
    if (b.wait_for("joined")) a.wait_for("peer-joined");
  }
  void say(Client& from, Client& to, int number) {
    from.send({{"type", "offer"}, {"room", room}, {"data", number}});
    if (!from.has_ended && !to.has_ended) to.wait_for("offer", number);
  }
  /// Each message once and in its order. A session that has ended has heard the first of them.
  static bool check_heard(const Client& client, int first, int last) {
    int next = first;
    for (const auto& event : client.events) {
      if (event.at("type") != "offer") continue;
      CHECK(event.at("data") == next);
      ++next;
    }
    return next == last + 1;
  }
  void check(int from_a, int from_b) {
    const bool all = check_heard(b, 1, from_a) && check_heard(a, 1, from_b);
    if (!a.has_ended && !b.has_ended) CHECK(all);
  }
  bool had_trouble() const { return a.had_trouble() || b.had_trouble(); }

  Client a, b;
  const std::string room, login;
};

void check_faults(const Client& client) {
  for (const auto& fault : client.faults) FAIL_CHECK(fault);
  if (client.has_ended && client.end != "left") CHECK(client.end == "memory");
}

/// What the attacked pair does: everything that a client can do on its transport.
void talk(Pair& pair, const std::string& stranger) {
  pair.open();
  pair.say(pair.a, pair.b, 1);
  pair.say(pair.b, pair.a, 101);
  pair.a.acknowledge();
  pair.b.send({{"type", "note"}, {"to", "@" + pair.login}, {"data", "to one that is there"}});
  if (!pair.a.has_ended && !pair.b.has_ended) pair.a.wait_for("note");
  pair.b.send({{"type", "note"}, {"to", "@" + stranger}, {"data", "to one that is not there"}});
  if (!pair.b.has_ended) pair.b.wait_for("stored");
  pair.b.send({{"type", "login"}, {"name", stranger}});  // and gets it
  if (!pair.b.has_ended) pair.b.wait_for("note", "to one that is not there");
  pair.b.send({{"type", "note"}, {"to", "@nobody-" + stranger}, {"data", "stays"}});
  pair.a.send({{"type", "logout"}});
  pair.a.send({{"type", "join"}, {"room", "second-" + pair.room}});
  pair.a.send({{"type", "leave"}, {"room", pair.room}});
  if (!pair.b.has_ended && !pair.a.has_ended) pair.b.wait_for("peer-left");
  pair.b.acknowledge();
}

void try_allocation(Server& server, bool tls, Kind kind, std::uint64_t number, Counted& counted) {
  const auto name = std::to_string(number);
  Pair bystanders(server, tls, kind, "bystanders-" + name);
  bystanders.open();
  bystanders.say(bystanders.a, bystanders.b, 1);
  REQUIRE_FALSE(bystanders.had_trouble());

  Pair attacked(server, tls, kind, "attacked-" + name);
  server.settle();
  arm(number);
  talk(attacked, "stranger-of-" + name);
  bystanders.say(bystanders.a, bystanders.b, 2);
  attacked.b.send({{"type", "leave"}});
  attacked.a.vanish();  // and what follows from that
  server.settle();
  bystanders.say(bystanders.b, bystanders.a, 1);
  server.settle();
  counted = disarm();

  for (int i = 3; i < 6; ++i) bystanders.say(bystanders.a, bystanders.b, i);
  bystanders.say(bystanders.b, bystanders.a, 2);
  bystanders.check(5, 2);
  for (auto* pair : {&attacked, &bystanders}) {
    check_faults(pair->a);
    check_faults(pair->b);
  }
  CHECK_FALSE((attacked.had_trouble() && bystanders.had_trouble() &&
               (bystanders.a.has_ended || bystanders.b.has_ended)));
  CHECK_FALSE((bystanders.a.has_ended && bystanders.b.has_ended));

  attacked.b.vanish();
  bystanders.a.vanish();
  bystanders.b.vanish();
  Pair fresh(server, tls, kind, "fresh-" + name);
  fresh.open();
  for (int i = 1; i < 4; ++i) fresh.say(fresh.a, fresh.b, i);
  fresh.check(3, 0);
  CHECK_FALSE(fresh.had_trouble());
  fresh.a.vanish();
  fresh.b.vanish();

  // Whoever is gone has given back everything once the resume window is over.
  for (int waited = 0; waited < 2000 && server.limits->total() != 0; ++waited)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  server.settle();
  server.advance(std::chrono::seconds(60));
  CHECK(server.limits->total() == 0);
  CHECK(server.sessions() == 0);
  CHECK(server.shared.directory.live() == 0);
  CHECK(server.rooms() == 0);
  CHECK(server.names() == 0);
  CHECK(server.shared.memory.used() == 0);
  CHECK(server.shared.addresses.size() == 0);
  CHECK(server.exchange.mailbox.bytes == 0);
  CHECK(server.exchange.mailbox.senders.size() == 0);
  CHECK(server.exchange.mailbox.addresses.size() == 0);
  CHECK(server.exchange.mailbox.address_bytes.size() == 0);
}

void try_all(Kind kind, bool tls, base::ShardIndex shards) {
  spare_this_thread();
  const auto stride = number_from_environment("SIGWAY_ALLOCATION_STRIDE", 13);
  auto number = number_from_environment("SIGWAY_ALLOCATION_FIRST", 1);
  Counted counted{0, true};
  auto server = std::make_unique<Server>(shards, tls);
  std::uint64_t tries = 0;
  for (; counted.failed; number += stride, ++tries) {
    CAPTURE(number);
    try_allocation(*server, tls, kind, number, counted);
  }
  MESSAGE(tries << " of " << counted.allocations << " allocations have failed");
}

}  // namespace

TEST_CASE("allocation: one that fails ends its connection at the most: WebSocket") {
  try_all(Kind::websocket, false, 1);
}
TEST_CASE("allocation: one that fails ends its connection at the most: SSE") {
  try_all(Kind::sse, false, 1);
}
TEST_CASE("allocation: one that fails ends its connection at the most: polls") {
  try_all(Kind::poll, false, 1);
}
TEST_CASE("allocation: one that fails ends its connection at the most: WebSocket, shards") {
  try_all(Kind::websocket, false, 3);
}
TEST_CASE("allocation: one that fails ends its connection at the most: SSE, shards") {
  try_all(Kind::sse, false, 3);
}
TEST_CASE("allocation: one that fails ends its connection at the most: polls, shards") {
  try_all(Kind::poll, false, 3);
}
TEST_CASE("allocation: one that fails ends its connection at the most: TLS") {
  try_all(Kind::websocket, true, 1);
  try_all(Kind::sse, true, 1);
}

}  // namespace sigway::testing
