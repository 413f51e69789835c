#include "base/memory_budget.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using namespace sigway::base;  // NOLINT(google-build-using-namespace)

namespace {

// Gives back what it holds, and says so.
struct Holder final : MemoryHolder {
  Holder(MemoryLedger& ledger, std::uint64_t from, std::string called,
         std::vector<std::string>& ended)
      : MemoryHolder(ledger), address{from}, name(std::move(called)), log(ended) {}
  void give_up_memory() override {
    log.push_back(name);
    share.set(0);
  }
  AddressKey memory_owner() const noexcept override { return address; }

  AddressKey address;
  std::string name;
  std::vector<std::string>& log;
  MemoryShare share{*this, MemoryPart::outbox};
};

struct Fixture {
  explicit Fixture(std::size_t limit) : budget(limit) {}

  // On ledger 0 or 1; all from one address, if no other is given.
  Holder& hold(int ledger, const std::string& name, std::size_t bytes, std::uint64_t address = 1) {
    holders.push_back(std::make_unique<Holder>(ledger == 0 ? first : second, address, name, ended));
    holders.back()->share.add(bytes);
    return *holders.back();
  }

  MemoryBudget budget;
  int woken[2] = {0, 0};
  MemoryLedger first{budget, [this] { ++woken[0]; }};
  MemoryLedger second{budget, [this] { ++woken[1]; }};
  std::vector<std::string> ended;
  std::vector<std::unique_ptr<Holder>> holders;
};

}  // namespace

TEST_CASE("the largest holder gives way, and only as many as it takes") {
  Fixture f(1'000'000);
  f.hold(0, "small", 5'000);
  f.hold(0, "large", 600'000);
  auto& grown = f.hold(0, "grown", 10'000);
  CHECK_FALSE(f.first.relieve());
  grown.share.add(400'000);
  CHECK(f.budget.exceeded());
  CHECK(f.first.must_relieve());
  CHECK(f.first.relieve());
  CHECK(f.ended == std::vector<std::string>{"large"});
  CHECK_FALSE(f.first.relieve());
  CHECK(f.budget.used() == 415'000);
  grown.share.add(800'000);
  CHECK(f.first.relieve());
  CHECK_MESSAGE(f.ended.back() == "grown", "the list follows those that grow");
  CHECK_FALSE(f.first.relieve());
}

TEST_CASE("a larger holder on another shard gives way there, when that shard is woken") {
  Fixture f(1'000'000);
  f.hold(0, "here", 300'000);
  f.hold(1, "there", 900'000);
  CHECK_FALSE(f.first.must_relieve());
  CHECK_FALSE(f.first.relieve());
  CHECK(f.woken[1] == 1);
  CHECK(f.woken[0] == 0);
  CHECK(f.second.must_relieve());
  CHECK(f.second.relieve());
  CHECK(f.ended == std::vector<std::string>{"there"});
}

TEST_CASE("many holders of one address go before the larger one of somebody else") {
  Fixture f(1'000'000);
  f.hold(0, "large", 420'000, 1);
  for (int i = 0; i < 4; ++i) f.hold(0, "one of many", 240'000, 2);
  auto& most = f.hold(0, "most of many", 300'000, 2);
  CHECK(f.first.relieve());
  CHECK(f.ended == std::vector<std::string>{"most of many"});
  CHECK(f.first.relieve());
  CHECK(f.first.relieve());
  CHECK(f.ended.back() == "one of many");
  CHECK_FALSE(f.first.relieve());
  CHECK(f.budget.used() == 900'000);
  SUBCASE("as often as one of them grows") {
    most.share.add(290'000);
    CHECK(f.first.relieve());
    CHECK(f.ended.back() == "most of many");
  }
  SUBCASE("until another address is heavier") {
    f.hold(0, "heavier", 700'000, 3);
    CHECK(f.first.relieve());
    CHECK(f.ended.back() == "heavier");
    CHECK_FALSE(f.first.relieve());
  }
  SUBCASE("and what it holds on all shards counts together") {
    // 1 has 420,000 on the first shard, where 2 has two thirds of it. 2 has as much on the second.
    f.hold(1, "one of many", 240'000, 2);
    f.hold(1, "one of many", 240'000, 2);
    CHECK(f.second.relieve());
    CHECK(f.ended.back() == "one of many");
  }
  SUBCASE("and on another shard too") {
    f.hold(1, "there", 600'000, 3);
    CHECK_FALSE(f.first.relieve());
    CHECK(f.woken[1] == 1);
    CHECK(f.second.relieve());
    CHECK(f.ended.back() == "there");
  }
}

TEST_CASE("an address without holders in a list weighs nothing, whatever it had") {
  Fixture f(1'000'000);
  auto& once = f.hold(0, "once", 900'000, 2);
  once.share.set(1'000);
  f.hold(0, "here", 300'000, 1);
  f.hold(0, "gone", 600'000, 2);
  f.holders.pop_back();
  f.hold(0, "there", 500'000, 3);
  f.hold(0, "last", 250'000, 1);
  CHECK(f.first.relieve());
  CHECK(f.ended == std::vector<std::string>{"here"});
}

TEST_CASE("what can be sent again goes before what nobody can get again") {
  Fixture f(500'000);
  f.hold(0, "outbox", 300'000);
  auto& partial = f.hold(0, "partial body", 0);
  MemoryShare input(partial, MemoryPart::input);
  input.add(100'000);
  CHECK_FALSE(f.first.relieve());
  f.hold(0, "other", 150'000);
  f.first.relieve();
  CHECK(f.ended == std::vector<std::string>{"partial body"});
}

TEST_CASE("holders of little are not looked for, and nothing spins over them") {
  Fixture f(100'000);
  for (int i = 0; i < 101; ++i) f.hold(0, "little", 1'000);
  CHECK(f.budget.exceeded());
  CHECK_FALSE(f.first.must_relieve());
  CHECK_FALSE(f.first.relieve());
  CHECK(f.woken[1] == 0);
}

TEST_CASE("all sizes are found in the order of their classes, whoever goes in between") {
  Fixture f(0);
  std::vector<std::size_t> sizes;
  for (std::size_t size = 4'096; size < 300'000'000; size += size / 3) sizes.push_back(size);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    // From both ends, so that they do not come in order.
    const auto size = i % 2 == 0 ? sizes[i / 2] : sizes[sizes.size() - 1 - i / 2];
    f.hold(0, std::to_string(size), size);
  }
  f.holders.erase(f.holders.begin() + 3);
  const auto count = f.holders.size();
  while (f.first.relieve()) {
  }
  CHECK(f.ended.size() == count);
  CHECK(std::is_sorted(f.ended.begin(), f.ended.end(),
                       [](const auto& a, const auto& b) { return std::stoul(a) > std::stoul(b); }));
  CHECK(f.budget.used() == 0);
}

TEST_CASE("each part is counted by itself, and what dies gives back") {
  Fixture f(1'000);
  {
    auto& holder = f.hold(0, "a", 10);
    MemoryShare output(holder, MemoryPart::output);
    output.set(700);
    output.set(200);
    CHECK(f.budget.used(MemoryPart::outbox) == 10);
    CHECK(f.budget.used(MemoryPart::output) == 200);
    CHECK(holder.burden() == 210);
  }
  CHECK(f.budget.used(MemoryPart::output) == 0);
  f.budget.charge(MemoryPart::file, 5);
  CHECK(f.budget.used() == 15);
  f.budget.release(MemoryPart::file, 5);
  f.holders.clear();
  CHECK(f.budget.used() == 0);
}
