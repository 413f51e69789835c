// Mail with a lifetime of its own, and what its sender hears when nobody has read it in time.
#include <doctest/doctest.h>

#include "login/login.h"
#include "support/client.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;
using Frames = std::vector<std::string>;

namespace {

/// Says what it is told of mail, in few words.
class MailDialect final : public dialects::Dialect {
 public:
  std::string_view name() const noexcept override { return "mail"; }
  dialects::EncodedEvent encode(const dialects::Event& event) const override {
    if (const auto* said = std::get_if<dialects::event::Said>(&event))
      return frame("said " + said->data.bytes);
    if (const auto* stored = std::get_if<dialects::event::Stored>(&event))
      return frame("stored for " + std::to_string(stored->lifetime_seconds) + " s");
    if (const auto* expired = std::get_if<dialects::event::Expired>(&event))
      return frame("expired at " + expired->to + " for " + expired->name);
    return nullptr;
  }

 private:
  static dialects::EncodedEvent frame(std::string text) {
    return std::make_shared<const dialects::Frame>(dialects::Frame{.bytes = std::move(text)});
  }
};

/// One that has nothing to do but that.
class MailProtocol final : public dialects::plain::Protocol {
 public:
  const dialects::Dialect& dialect() const noexcept override { return dialect_; }
  std::string_view path() const noexcept override { return "/mail"; }
  std::variant<dialects::plain::Entrance, dialects::Error> entrance(
      std::string_view, const dialects::plain::Parameters&) const override {
    return dialects::plain::Entrance{};
  }
  std::size_t max_message() const noexcept override { return 1024; }
  void decode(const dialects::plain::Entrance&, dialects::Payload,
              std::vector<dialects::Message>&) const override {}
  void append_json(std::string&, const dialects::Frame&) const override {}

 private:
  MailDialect dialect_;
};

const MailProtocol& mail_protocol() {
  static const MailProtocol kInstance;
  return kInstance;
}

struct Writer {
  Writer(World& world, std::string_view name, base::ShardIndex here)
      : client(world, mail_protocol(), name, dialects::plain::kVisitor, here),
        log(client.attach()) {
    send(dialects::Login{std::string(name)});
  }
  void send(dialects::Command command) {
    session::Inputs inputs;
    inputs.messages.push_back({std::nullopt, std::move(command)});
    CHECK_FALSE(client.process(std::move(inputs)));
  }
  void tell(const std::string& name, const std::string& text,
            std::optional<base::Duration> lifetime) {
    send(dialects::Say{.type = "message",
                       .to = {{dialects::Address::Kind::name, name}},
                       .data = {dialects::Payload::Kind::text, text},
                       .lifetime = lifetime});
  }
  /// What has come since the last call.
  Frames news() {
    Frames news(log->frames.begin() + static_cast<std::ptrdiff_t>(seen_), log->frames.end());
    seen_ = log->frames.size();
    return news;
  }

  PlainClient client;
  std::shared_ptr<FrameLog> log;

 private:
  std::size_t seen_ = 0;
};

std::size_t stored(World& world) {
  std::size_t sum = 0;
  for (base::ShardIndex i = 0; i < world.shards(); ++i) sum += world.node(i).names().stored();
  return sum;
}

}  // namespace

TEST_CASE_TEMPLATE("mail with a lifetime of its own expires by it, and its sender is told once",
                   Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Writer alice(world, "alice", 0);
  Writer bob(world, "bob", 1);
  alice.tell("carol", "1", 5s);
  CHECK(alice.news() == Frames{"stored for 5 s"});
  world.advance(2s);
  alice.tell("carol", "2", 5s);
  bob.tell("carol", "3", 5s);
  alice.tell("dave", "4", 5s);
  for (auto* each : {&alice, &bob}) each->news();
  world.advance(2900ms);
  CHECK(stored(world) == 4);
  world.advance(200ms);
  CHECK_MESSAGE(alice.news() == Frames{"expired at @carol for alice"}, "and no word of `2`");
  CHECK(bob.news().empty());
  CHECK_MESSAGE(stored(world) == 2, "`2` is of no use without `1`");
  world.advance(2s);
  CHECK(alice.news() == Frames{"expired at @dave for alice"});
  CHECK(bob.news() == Frames{"expired at @carol for bob"});
  CHECK(stored(world) == 0);
  CHECK(world.names() == 2);

  SUBCASE("a later one is another matter") {
    alice.tell("carol", "5", 5s);
    CHECK(alice.news() == Frames{"stored for 5 s"});
    world.advance(6s);
    CHECK(alice.news() == Frames{"expired at @carol for alice"});
  }
  for (auto* each : {&alice, &bob}) each->client.session()->end(session::End::left);
  world.run();
  CHECK(world.exchange.mailbox.bytes == 0);
  CHECK(world.shared.memory.used() == 0);
  CHECK(world.names() == 0);
}

TEST_CASE_TEMPLATE("mail that was read in time does not expire", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Writer alice(world, "alice", 0);
  alice.tell("carol", "1", 5s);
  alice.tell("carol", "2", 5s);
  alice.news();
  world.advance(4s);
  Writer carol(world, "carol", 1);
  CHECK(carol.news() == Frames{"said 1", "said 2"});
  world.advance(1min);
  CHECK(alice.news().empty());
  CHECK(carol.news().empty());
}

TEST_CASE_TEMPLATE("lifetimes in one mailbox do not touch each other", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Writer alice(world, "alice", 0);
  Writer bob(world, "bob", 1);
  alice.tell("carol", "long 1", std::nullopt);
  alice.tell("carol", "short 1", 5s);
  bob.tell("carol", "long 2", std::nullopt);
  alice.tell("carol", "long 3", 1h);
  bob.tell("carol", "short 2", 4s);
  for (auto* each : {&alice, &bob}) each->news();

  SUBCASE("the short ones expire, from the middle and from the end") {
    world.advance(4500ms);
    CHECK(bob.news() == Frames{"expired at @carol for bob"});
    CHECK(alice.news().empty());
    SUBCASE("and what comes then is last") {
      bob.tell("carol", "last", std::nullopt);
      Writer carol(world, "carol", 2);
      CHECK(carol.news() ==
            Frames{"said long 1", "said short 1", "said long 2", "said long 3", "said last"});
    }
    SUBCASE("with all of its sender that has a lifetime of its own") {
      world.advance(1s);
      CHECK(alice.news() == Frames{"expired at @carol for alice"});
      Writer carol(world, "carol", 2);
      CHECK(carol.news() == Frames{"said long 1", "said long 2"});
    }
  }
  SUBCASE("the usual ones expire in silence") {
    world.advance(61s);
    CHECK(alice.news() == Frames{"expired at @carol for alice"});
    CHECK(bob.news() == Frames{"expired at @carol for bob"});
    CHECK(stored(world) == 0);
    CHECK(world.exchange.mailbox.bytes == 0);
  }
}

TEST_CASE_TEMPLATE("nobody is told of mail whose sender has ended", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Writer alice(world, "alice", 0);
  alice.tell("carol", "1", 5s);
  alice.client.session()->end(session::End::left);
  world.advance(6s);
  CHECK(stored(world) == 0);
  CHECK(world.names() == 0);
}

TEST_CASE("clients whose dialect has no word for it are not told") {
  for (const dialects::Dialect* dialect :
       {&dialects::native::dialect(), &dialects::login::protocol().dialect()})
    CHECK(dialect->encode(dialects::event::Expired{"@carol", "alice"}) == nullptr);
}
