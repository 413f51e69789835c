// The ids of all PeerJS clients, from one shard and from several.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "peerjs_binding/listing.h"
#include "support/world.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using dialects::peerjs::Listing;
using Ids = std::vector<std::string>;

namespace {

/// Answers to requests, in the order in which they came.
struct Answers final : http::Replies {
  void respond(const http::ExchangeId&, http::Response response) override {
    all.push_back(std::move(response));
  }
  void abandon(const http::ExchangeId&) noexcept override { ++abandoned; }
  std::shared_ptr<http::StreamWriter> begin_stream(const http::ExchangeId&,
                                                   http::Response) override {
    return nullptr;
  }

  std::vector<http::Response> all;
  int abandoned = 0;
};

/// A request that a shard has accepted.
class Request final : public http::Exchange {
 public:
  Request(Answers& answers, base::ShardIndex shard)
      : answers_(answers), id_{shard, ++answers_count_, 1} {}

  http::Request& request() override { return request_; }
  const http::ExchangeId& id() const override { return id_; }
  http::Replies& replies() override { return answers_; }
  const std::string& client_address() const override { return none_; }
  std::string base_url() const override { return none_; }
  const std::string& port_label() const override { return none_; }
  base::DigestMemo& digest_memo() override { return memo_; }
  void respond(http::Response response) override { answers_.respond(id_, std::move(response)); }
  std::shared_ptr<http::StreamWriter> begin_stream(http::Response) override { return nullptr; }
  void on_gone(std::function<void()>) override {}

 private:
  static inline std::uint64_t answers_count_ = 0;

  Answers& answers_;
  http::ExchangeId id_;
  http::Request request_;
  const std::string none_;
  base::DigestMemo memo_;
};

Ids ids_in(const http::Response& response) {
  CHECK(response.status() == 200);
  auto ids = nlohmann::json::parse(response.body().view()).get<Ids>();
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

TEST_CASE("the list has the ids of all shards, as long as their entries live") {
  for (const base::ShardIndex shards : {1U, 3U}) {
    World world(shards);
    Listing listing(shards);
    Answers answers;
    const auto ask = [&](base::ShardIndex shard) {
      Request request(answers, shard % shards);
      listing.answer(world.context, request);
      world.run();
      return ids_in(answers.all.back());
    };
    CHECK(ask(0).empty());
    std::optional<Listing::Entry> alice(std::in_place, listing, 0, "alice");
    const Listing::Entry bob(listing, 1 % shards, "bob \"ž\"");
    const Listing::Entry carol(listing, 2 % shards, "carol");
    for (base::ShardIndex here = 0; here < 3; ++here)
      CHECK(ask(here) == Ids{"alice", "bob \"ž\"", "carol"});
    {
      const Listing::Entry again(listing, 0, "alice");
      CHECK(ask(1) == Ids{"alice", "bob \"ž\"", "carol"});  // not twice
      alice.reset();
      CHECK(ask(2) == Ids{"alice", "bob \"ž\"", "carol"});
    }
    CHECK(ask(0) == Ids{"bob \"ž\"", "carol"});
  }
}

TEST_CASE("the list is bounded") {
  World world(3);
  Listing listing(3);
  Answers answers;
  std::vector<std::unique_ptr<Listing::Entry>> entries;
  for (int i = 0; i < 9000; ++i) {
    entries.push_back(std::make_unique<Listing::Entry>(
        listing, static_cast<base::ShardIndex>(i % 3), std::string(40, 'x') + std::to_string(i)));
  }
  Request request(answers, 1);
  listing.answer(world.context, request);
  world.run();
  REQUIRE(answers.all.size() == 1);
  CHECK(ids_in(answers.all.front()).size() > 5000);
  CHECK(answers.all.front().body().size() <= Listing::kMostBytes + 128);
}

TEST_CASE("of many requests at once, some are told to come later") {
  World world(3);
  Listing listing(3);
  Answers answers;
  for (int i = 0; i < Listing::kMostRequests + 5; ++i) {
    Request request(answers, 0);
    listing.answer(world.context, request);
  }
  REQUIRE(answers.all.size() == 5);
  for (const auto& refusal : answers.all) {
    CHECK(refusal.status() == 503);
    CHECK(refusal.header("retry-after"));
  }
  world.run();
  CHECK(answers.all.size() == Listing::kMostRequests + 5);
  Request request(answers, 0);
  listing.answer(world.context, request);
  world.run();
  CHECK(answers.all.back().status() == 200);
}
