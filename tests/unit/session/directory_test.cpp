#include "session/directory.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/rate_gate.h"
#include "session/quota.h"

using namespace sigway::session;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using State = Directory::State;
using sigway::base::TimePoint;

namespace {

constexpr TimePoint kStart{1h};
KeyHash key(int i) { return hash_key("key " + std::to_string(i)); }

}  // namespace

TEST_CASE("a key is inserted once") {
  Directory directory(10min, 1000);
  CHECK(directory.find(key(1), kStart).state == State::unknown);
  const auto first = directory.find_or_insert(key(1), 3, kStart);
  CHECK(first.inserted);
  CHECK(first.state == State::live);
  CHECK(first.id.shard == 3);
  const auto second = directory.find_or_insert(key(1), 5, kStart);
  CHECK_FALSE(second.inserted);
  CHECK(second.id == first.id);
  CHECK(directory.find(key(1), kStart).id == first.id);
  CHECK(directory.is_live(key(1), first.id));
  CHECK(directory.find_or_insert(key(2), 3, kStart).id != first.id);
  CHECK(directory.live() == 2);
}

TEST_CASE("of many threads that open one key, one inserts") {
  Directory directory(10min, 1000);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> inserted{0};
    std::vector<SessionId> ids(4);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < ids.size(); ++i) {
      threads.emplace_back([&, i] {
        const auto found = directory.find_or_insert(key(round), i, kStart);
        if (found.inserted) ++inserted;
        ids[i] = found.id;
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(inserted == 1);
    for (const auto& id : ids) CHECK(id == ids[0]);
  }
}

TEST_CASE("an ended key is remembered for ten minutes, then forgotten") {
  Directory directory(10min, 1000);
  const auto id = directory.find_or_insert(key(1), 0, kStart).id;
  directory.end(key(1), End::timeout, kStart);
  CHECK_FALSE(directory.is_live(key(1), id));
  const auto ended = directory.find(key(1), kStart + 10min - 1s);
  CHECK(ended.state == State::ended);
  CHECK(ended.reason == End::timeout);
  const auto again = directory.find_or_insert(key(1), 0, kStart + 10min - 1s);
  CHECK(again.state == State::ended);
  CHECK_FALSE(again.inserted);
  CHECK(directory.live() == 0);
  CHECK(directory.remembered() == 1);
  directory.end(key(1), End::timeout, kStart + 5min);
  CHECK_MESSAGE(directory.find(key(1), kStart + 10min).state == State::unknown,
                "a second end does not count");
  CHECK(directory.remembered() == 0);
  const auto anew = directory.find_or_insert(key(1), 0, kStart + 10min);
  CHECK(anew.inserted);
  CHECK(anew.id != id);
  CHECK_FALSE(directory.is_live(key(1), id));
}

TEST_CASE("a key that is forgotten is unknown at once, and a later session keeps it") {
  Directory directory(10min, 1000);
  const auto first = directory.find_or_insert(key(1), 3, kStart).id;
  directory.set_made(key(1), first);
  directory.forget(key(1), first);
  CHECK(directory.find(key(1), kStart).state == State::unknown);
  CHECK(directory.live() == 0);
  CHECK(directory.remembered() == 0);
  const auto second = directory.find_or_insert(key(1), 3, kStart).id;
  directory.forget(key(1), first);
  CHECK_MESSAGE(directory.is_live(key(1), second), "only the session that it stands for ends it");
}

TEST_CASE("ended keys are bounded: the oldest are forgotten first, living ones never") {
  constexpr std::size_t kLimit = 640;
  Directory directory(10min, kLimit);
  const auto living = directory.find_or_insert(key(-1), 0, kStart);
  for (int i = 0; i < 10'000; ++i) {
    directory.find_or_insert(key(i), 0, kStart);
    directory.end(key(i), End::timeout, kStart);
  }
  CHECK(directory.remembered() <= kLimit + 64);
  CHECK(directory.remembered() >= kLimit / 2);
  CHECK(directory.find(key(9'999), kStart).state == State::ended);
  CHECK(directory.find(key(0), kStart).state == State::unknown);
  CHECK(directory.find(key(-1), kStart).id == living.id);
  CHECK(directory.live() == 1);
}

TEST_CASE("a client cannot choose keys whose hashes begin alike: they depend on a secret") {
  // SHA-256("a"), by which an attacker would choose.
  const std::array<std::uint8_t, 4> known{0xca, 0x97, 0x81, 0x12};
  const auto hash = hash_key("a");
  CHECK_FALSE(std::equal(known.begin(), known.end(), hash.bytes.begin()));
}

TEST_CASE("keys are looked up by their hash") {
  CHECK(hash_key("a") == hash_key("a"));
  CHECK_FALSE(hash_key("a") == hash_key("b"));
  CHECK(hash_key(""));
  CHECK(hash_key(std::string(500, 'a')) != hash_key(std::string(501, 'a')));
}

TEST_CASE("a connection's memo changes no hash") {
  base::DigestMemo memo;
  for (const auto* text : {"a", "a", "b", "a", "", "b", "b"})
    CHECK(hash_key(text, memo) == hash_key(text));
  CHECK_FALSE(KeyHash{});
  CHECK(make_key().size() == 43);
  CHECK(make_key() != make_key());
  CHECK(make_peer_id().size() == 10);
  const auto uuid = make_uuid();
  CHECK(uuid.size() == 36);
  for (const std::size_t dash : {8, 13, 18, 23}) CHECK(uuid[dash] == '-');
  CHECK(uuid[14] == '4');
  CHECK(std::string_view("89ab").find(uuid[19]) != std::string_view::npos);
  CHECK(uuid != make_uuid());
  CHECK(equal_secret("abc", "abc"));
  CHECK_FALSE(equal_secret("abc", "abd"));
  CHECK_FALSE(equal_secret("abc", "abcd"));
}

TEST_CASE("a quota counts by key, and 0 counts nothing") {
  Quota<std::uint64_t> quota(2);
  CHECK(quota.try_add(1));
  CHECK(quota.try_add(1));
  CHECK_FALSE(quota.try_add(1));
  CHECK(quota.try_add(2));
  quota.subtract(1);
  CHECK(quota.try_add(1));
  CHECK_FALSE(quota.try_add(1));
  quota.subtract(3);
  quota.subtract(1, 2);
  CHECK_FALSE(quota.try_add(1, 3));
  CHECK_MESSAGE(quota.try_add(1, 2), "what was refused has added nothing");
  Quota<std::uint64_t> none(0);
  for (int i = 0; i < 10; ++i) CHECK(none.try_add(1));
}

TEST_CASE("a rate lets bursts pass and fills up again") {
  const sigway::base::RateLimit limit{10, 20};
  sigway::base::RateGate gate;
  CHECK(gate.take(limit, 20, kStart));
  CHECK_FALSE(gate.take(limit, 1, kStart));
  CHECK_FALSE(gate.take(limit, 6, kStart + 500ms));
  CHECK_MESSAGE(gate.take(limit, 5, kStart + 500ms), "what was refused has taken nothing");
  CHECK_FALSE(gate.is_full(kStart + 1s));
  CHECK(gate.is_full(kStart + 3s));
  CHECK_FALSE(gate.take(limit, 21, kStart + 1h));
  CHECK(gate.take(limit, 20, kStart + 1h));
  CHECK(sigway::base::RateGate().take({}, 1e9, kStart));
}
