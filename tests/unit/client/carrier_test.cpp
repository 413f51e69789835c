// What a server says, word by word, and what the client says then.
#include "client/carrier.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "client/connection.h"
#include "client/json.h"

using namespace sigway;
using namespace std::chrono_literals;
using sigway::client::Json;

namespace {

/// A network on which the test is the server. It notes what goes out.
class Desk final : public client::Network {
 public:
  struct Request {
    std::string path;
    Json body;
    std::function<void(const client::HttpAnswer&)> done{};
  };

  Id post(std::string_view path, std::string body,
          std::function<void(const client::HttpAnswer&)> done,
          std::function<void(std::size_t)> /*alive*/ = {}) override {
    requests.push_back({std::string(path), Json::parse(body), std::move(done)});
    return ++count_;
  }
  Id stream(std::string_view path, std::string body, StreamHandlers handlers) override {
    requests.push_back({std::string(path), Json::parse(body)});
    streaming = std::move(handlers);
    return ++count_;
  }
  Id websocket(std::string_view, SocketHandlers handlers) override {
    socket = std::move(handlers);
    return ++count_;
  }
  void send_text(Id, std::string text) override {
    requests.push_back({"frame", Json::parse(text)});
  }
  void drop(Id) override {}
  bool ascii() const override { return false; }
  void forget_idle() override {}

  /// The last that went out.
  Json last() const { return requests.empty() ? Json() : requests.back().body; }
  void control(const Json& fields) {
    streaming.data("event: control\ndata: " + fields.dump() + "\n\n");
  }

  std::vector<Request> requests;
  StreamHandlers streaming;
  SocketHandlers socket;

 private:
  Id count_ = 0;
};

struct Caller final : client::ConnectionListener {
  explicit Caller(Transport transport)
      : connection(scheduler, desk, *this,
                   {.room = "room",
                    .name = "",
                    .transport = transport,
                    .make_key = [] { return std::string(24, 'k'); },
                    .random = [] { return 0.5; }}) {
    connection.start();
  }
  void on_event(const ClientEvent&) override {}
  void on_state(ClientState) override {}
  void on_transport(Transport) override {}
  void on_reset(const ClientReset& reset) override { resets.push_back(reset.reason); }
  void on_closed(const ClientEnd& end) override { closed = end.code; }
  void on_journal(std::string_view) override {}
  void on_learned(const std::string&) override {}
  void pass(client::Duration time) { scheduler.advance(scheduler.now() + time); }

  client::Scheduler scheduler{client::Time{} + 1h};
  Desk desk;
  client::Connection connection;
  std::vector<std::string> resets;
  std::string closed;
};

Json welcome(const std::string& carrier, std::uint64_t turn, bool active) {
  return {{"control", "welcome"}, {"server", "one"},  {"peer", "me"}, {"carrier", carrier},
          {"turn", turn},         {"active", active}, {"up", 0},      {"next", 1},
          {"heartbeat", 25'000},  {"resume", 30'000}};
}

}  // namespace

TEST_CASE("an attach whose turn was too low takes another once it is proved, and not before") {
  Caller caller(Transport::websocket);
  caller.desk.socket.open();
  CHECK(caller.desk.last().at("turn") == 1);
  const auto count = caller.desk.requests.size();
  caller.desk.socket.text(welcome("w1", 9, false).dump());
  CHECK(caller.desk.requests.size() == count);
  caller.desk.socket.text(R"({"control":"pong","ping":1})");
  REQUIRE(caller.desk.requests.size() > count);
  CHECK(caller.desk.requests[count].body.at("turn") == 10);
  caller.desk.socket.text(R"({"control":"activated","next":1})");
  CHECK(caller.connection.state() == ClientState::open);
}

TEST_CASE("an upload hears that the session is gone, and the carrier is about to say why") {
  const Json gone{
      {"error",
       {{"code", "gone"}, {"message", "The session has ended."}, {"hint", "Open another one."}}}};
  for (const bool says_why : {true, false}) {
    CAPTURE(says_why);
    Caller caller(Transport::sse);
    caller.desk.streaming.open({.status = 200, .content_type = "text/event-stream"});
    caller.desk.control(welcome("s1", 1, true));
    caller.connection.say({1, R"("type":"n")"});
    caller.pass(1ms);
    REQUIRE(caller.desk.last().contains("messages"));
    caller.desk.requests.back().done({.status = 410, .body = gone.dump()});
    caller.pass(490ms);
    CHECK(caller.resets.empty());
    CHECK(caller.desk.last().contains("messages"));
    if (says_why) {
      caller.desk.control({{"control", "end"}, {"code", "replaced"}, {"message", "By another."}});
      CHECK(caller.closed == "replaced");
    } else {
      caller.pass(10ms);
      CHECK(caller.closed.empty());
      caller.pass(1s);
      CHECK(caller.desk.last().contains("open"));  // another session
    }
  }
}
