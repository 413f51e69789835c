// How much a TLS client can make the server do in one turn of the loop, and in all, by many small
// records and by records without data.
#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>

#include <chrono>
#include <memory>
#include <string>

#include "fixture.h"
#include "net/tls_context.h"

using namespace sigway;
using namespace sigway::net;
using namespace sigway::net::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kRecordsPerTurn = 32;
constexpr int kMostWithoutData = 32;

const TlsContext& context() {
  static const auto made = [] {
    auto context = std::make_unique<TlsContext>();
    const auto certificate = make_self_signed({});
    REQUIRE(certificate.has_value());
    REQUIRE_FALSE(context->load(*certificate).has_value());
    return context;
  }();
  return *made;
}

// A client whose records the test puts on the line, when and how it likes.
class Client {
 public:
  explicit Client(int version = TLS1_3_VERSION) : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_);
  }
  ~Client() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  SSL* ssl() { return ssl_; }
  bool step() { return SSL_do_handshake(ssl_) == 1; }
  // What it wants to send.
  std::string records() {
    std::string all(BIO_pending(SSL_get_wbio(ssl_)), '\0');
    if (!all.empty()) BIO_read(SSL_get_wbio(ssl_), all.data(), static_cast<int>(all.size()));
    return all;
  }
  std::string record_of(std::string_view data) {
    REQUIRE(SSL_write(ssl_, data.data(), static_cast<int>(data.size())) > 0);
    return records();
  }
  std::string bytewise(std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += record_of("x");
    return all;
  }
  std::string key_update() {
    REQUIRE(SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED) == 1);
    REQUIRE(step());
    return records();
  }
  std::string key_updates(int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += key_update();
    return all;
  }
  void hear(int descriptor) {
    char buffer[16 * 1024];
    for (ssize_t count = 0; (count = ::recv(descriptor, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
      BIO_write(SSL_get_rbio(ssl_), buffer, static_cast<int>(count));
  }

 private:
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

// Client and stream talk until both have finished the handshake.
void shake_hands(Client& client, Stream& stream, int end) {
  bool is_done = false;
  for (int i = 0; i < 20 && !is_done; ++i) {
    client.hear(end);
    const bool client_done = client.step();
    Fixture::write(end, client.records());
    stream.begin_turn(base::Clock::now());
    const IoResult result = stream.handshake();
    REQUIRE_FALSE(result.failed());
    is_done = client_done && !result.want_read && !result.want_write;
  }
  REQUIRE(is_done);
}

// A stream that the test itself gives its turns.
struct Line {
  explicit Line(int version = TLS1_3_VERSION) : client(version) {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    REQUIRE(::fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    stream = context().make_stream(pair[0]);
    end = pair[1];
  }
  ~Line() { ::close(end); }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  std::size_t waiting() const {
    int bytes = 0;
    REQUIRE(::ioctl(stream->descriptor(), FIONREAD, &bytes) == 0);
    return static_cast<std::size_t>(bytes);
  }
  IoResult read() {
    static std::uint8_t buffer[64 * 1024];
    return stream->try_read(buffer);
  }
  IoResult read_in_turn() {
    stream->begin_turn(now);
    return read();
  }

  Client client;
  std::unique_ptr<Stream> stream;
  int end = -1;
  base::TimePoint now = base::Clock::now();
};

}  // namespace

TEST_CASE("a turn takes so many TLS records of data, and the next turns take the others") {
  Line line;
  shake_hands(line.client, *line.stream, line.end);
  Fixture::write(line.end, line.client.bytewise(1000));
  std::size_t taken = 0;
  std::size_t turns = 0;
  while (taken < 1000 && turns < 1000) {
    const IoResult result = line.read_in_turn();
    CHECK(result.bytes <= kRecordsPerTurn);
    CHECK(result.bytes > 0);
    CHECK_FALSE(result.failed());
    taken += result.bytes;
    ++turns;
    if (taken == 1000) break;
    CHECK_MESSAGE(result.want_read, "the socket is ready, and says so to whoever waits");
    CHECK(line.waiting() > 0);
    CHECK_MESSAGE(line.read().bytes == 0, "nothing more in the same turn");
  }
  CHECK(taken == 1000);
  CHECK(turns == 1000 / kRecordsPerTurn + 1);
}

TEST_CASE("a turn's 256 KiB in full TLS records come in one turn") {
  Line line;
  shake_hands(line.client, *line.stream, line.end);
  line.stream->begin_turn(line.now);
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j)
      Fixture::write(line.end, line.client.record_of(std::string(16 * 1024, 'x')));
    CHECK(line.read().bytes == 64 * 1024);
  }
}

TEST_CASE("a turn takes so many TLS records of a handshake") {
  Line line;
  REQUIRE_FALSE(line.client.step());
  const std::string hello = line.client.records();
  std::string bytewise;
  for (const char byte : hello.substr(5)) {
    bytewise += hello.substr(0, 3);  // type and version
    bytewise += std::string("\0\1", 2) + byte;
  }
  Fixture::write(line.end, bytewise);
  std::size_t turns = 0;
  for (std::size_t before = bytewise.size(); before > 0 && turns < 1000; ++turns) {
    line.stream->begin_turn(line.now);
    const IoResult result = line.stream->handshake();
    CHECK_FALSE(result.failed());
    CHECK(result.want_read);
    CHECK(line.waiting() < before);
    CHECK(before - line.waiting() <= kRecordsPerTurn * 6);
    before = line.waiting();
  }
  CHECK(turns >= (hello.size() - 5) / kRecordsPerTurn);
  shake_hands(line.client, *line.stream, line.end);
}

TEST_CASE("records without data: a few of them now and then, and no more") {
  Line line;
  shake_hands(line.client, *line.stream, line.end);
  for (int i = 0; i < 20; ++i) {
    Fixture::write(line.end, line.client.key_updates(kMostWithoutData / 2));
    Fixture::write(line.end, line.client.record_of("data"));
    CHECK(line.read_in_turn().bytes == 4);
    line.client.hear(line.end);  // the answers, or their pile would hold up the reading
    CHECK_FALSE(line.read_in_turn().failed());
    line.now += 11s;
  }
  Fixture::write(line.end, line.client.key_updates(kMostWithoutData));
  IoResult result = line.read_in_turn();
  CHECK_FALSE(result.failed());
  Fixture::write(line.end, line.client.key_update());
  result = line.read_in_turn();
  CHECK(result.failed());
}

TEST_CASE(
    "a flood of records without data ends in a bounded part of it, what came before is told") {
  Line line;
  shake_hands(line.client, *line.stream, line.end);
  Fixture::write(line.end, line.client.record_of("before"));
  const std::string update = line.client.key_update();
  const std::string flood = line.client.key_updates(3000);
  Fixture::write(line.end, update + flood);
  IoResult result = line.read_in_turn();
  CHECK(result.bytes == 6);
  CHECK(flood.size() - line.waiting() <= kRecordsPerTurn * update.size());
  result = line.read_in_turn();
  CHECK(result.failed());
  CHECK(flood.size() - line.waiting() <= 2 * kRecordsPerTurn * update.size());
}

TEST_CASE("a request to renegotiate is refused, and the connection lives") {
  Line line(TLS1_2_VERSION);
  shake_hands(line.client, *line.stream, line.end);
  REQUIRE(SSL_renegotiate(line.client.ssl()) == 1);
  REQUIRE_FALSE(line.client.step());
  Fixture::write(line.end, line.client.records());
  const IoResult result = line.read_in_turn();
  CHECK(result.want_read);
  CHECK_FALSE(result.failed());
  CHECK(line.waiting() == 0);
}

TEST_CASE("a TLS client that sends single bytes gets all of them through, and others their turns") {
  constexpr std::size_t kBytes = 3000;
  bool then_floods = false;
  SUBCASE("and lives") {}
  SUBCASE("and ends when it goes on with key updates alone") { then_floods = true; }
  Fixture f;
  Client client;
  std::size_t taken = 0;
  std::size_t in_turn = 0;
  std::size_t most = 0;
  std::size_t before = kBytes;
  auto other = std::make_unique<Script>();
  other->data = [&](Connection&, const std::string&) { before = taken; };
  const int other_end = f.connect(std::move(other));
  auto script = std::make_unique<Script>();
  script->data = [&](Connection&, const std::string& text) {
    if (taken == 0) Fixture::write(other_end, "x");
    taken += text.size();
    in_turn += text.size();
    f.shard.at_end_of_turn([&] {
      most = std::max(most, std::exchange(in_turn, 0));
      if (taken == kBytes && !then_floods) f.shard.stop();
    });
  };
  CloseReason why{};
  script->closed = [&](CloseReason reason) {
    why = reason;
    f.shard.stop();
  };
  f.connect(std::move(script), [&](int descriptor) {
    auto stream = context().make_stream(descriptor);
    shake_hands(client, *stream, f.ends.back());
    Fixture::write(f.ends.back(), client.bytewise(kBytes));
    if (then_floods) Fixture::write(f.ends.back(), client.key_updates(1000));
    return stream;
  });
  Alarm give_up([&] { f.shard.stop(); });
  f.shard.schedule_in(give_up.timer, 20s);
  f.shard.run();
  CHECK(why == (then_floods ? CloseReason::peer_reset : CloseReason::shutdown));
  CHECK(taken == kBytes);
  CHECK(most <= kRecordsPerTurn);
  CHECK(before <= 3 * kRecordsPerTurn);
}
