// How often the server allocates for one relayed message over WebSocket, in each dialect. The
// bounds are what was measured, and a half: a change that allocates once more a message is seen.
#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>
#include <string>

#include "allocation/client.h"
#include "allocation/failing_new.h"
#include "allocation/frames.h"
#include "allocation/server.h"

namespace sigway::testing {
namespace {

constexpr int kWarmUp = 20;
/// With the warm-up fewer than a session may say at once, for its clock stands still. An offer of
/// the login dialect counts twice.
constexpr int kMessages = 150;

/// A client's WebSocket.
class Peer {
 public:
  Peer(Server& server, const std::string& path) : line_(server.port(), false) {
    line_.send(upgrade_request(path));
    REQUIRE(line_.head().starts_with("HTTP/1.1 101"));
  }

  void send(const std::string& text) { line_.send(frame_of(text)); }
  /// Reads up to a frame that has `mark` in it.
  void wait_for(const std::string& mark) {
    CAPTURE(mark);
    for (;;) {
      auto frame = take_frame(line_.in);
      if (!frame) {
        REQUIRE(line_.read());
      } else if (frame->payload == "2") {
        send("3");  // the ping of Engine.IO
      } else if (frame->payload.find(mark) != std::string::npos) {
        return;
      }
    }
  }

 private:
  Line line_;
};

struct Kept {
  std::string path;
  /// Brings both into one room, or to each other's names.
  std::function<void(Peer& a, Peer& b)> meet;
  /// Says message `number`, and returns when it has arrived and `a` has heard what it is told.
  std::function<void(Peer& a, Peer& b, int number, const std::string& text)> say;
};

/// 1,200 bytes, none of which is escaped in JSON.
std::string text_of(int number) {
  auto text = "message " + std::to_string(number) + ' ';
  return text.append(1200 - text.size(), '.');
}

void check_cost(const Kept& dialect, double most) {
  spare_this_thread();
  Server server(1, false);
  Peer a(server, dialect.path);
  Peer b(server, dialect.path);
  dialect.meet(a, b);
  for (int i = 1; i <= kWarmUp; ++i) dialect.say(a, b, i, text_of(i));
  server.settle();
  arm(0);
  for (int i = kWarmUp + 1; i <= kWarmUp + kMessages; ++i) dialect.say(a, b, i, text_of(i));
  server.settle();
  const auto each = static_cast<double>(disarm().allocations) / kMessages;
  MESSAGE(each << " allocations a message");
  // A sanitizer's compiler leaves out other allocations than the release's.
  if (std::getenv("SIGWAY_SANITIZED") == nullptr) CHECK(each <= most);
}

std::string mark_of(const std::string& text) { return text.substr(0, text.find('.')); }

}  // namespace

TEST_CASE("allocation: a message over WebSocket: native") {
  const auto open = [](const std::string& key) {
    return R"({"key":"the-key-of-)" + key +
           R"(-0123456789","open":{"room":"cost"},"carrier":"c","turn":1})";
  };
  int received = 2;  // joined, ready
  check_cost({.path = "/v1/ws",
              .meet =
                  [&](Peer& a, Peer& b) {
                    a.send(open("a"));
                    a.wait_for("created");
                    b.send(open("b"));
                    b.wait_for("ready");
                    a.wait_for("peer-joined");
                    a.send(R"({"ack":2})");
                    b.send(R"({"ack":2})");
                  },
              .say =
                  [&](Peer& a, Peer& b, int number, const std::string& text) {
                    a.send(R"({"messages":[{"n":)" + std::to_string(number) +
                           R"(,"type":"offer","data":")" + text + R"("}]})");
                    a.wait_for(R"("control":"up")");
                    b.wait_for(mark_of(text));
                    b.send(R"({"ack":)" + std::to_string(++received) + '}');
                  }},
             17.5);
}

TEST_CASE("allocation: a message over WebSocket: raw") {
  check_cost({.path = "/raw/cost?echo=0",
              .meet =
                  [](Peer& a, Peer& b) {
                    // An open WebSocket does not say that its session is in the room.
                    b.send("in");
                    a.send("in");
                    b.wait_for("in");
                  },
              .say =
                  [](Peer& a, Peer& b, int /*number*/, const std::string& text) {
                    a.send(text);
                    b.wait_for(mark_of(text));
                  }},
             12.5);
}

TEST_CASE("allocation: a message over WebSocket: login") {
  check_cost({.path = "/login",
              .meet =
                  [](Peer& a, Peer& b) {
                    a.send(R"({"type":"login","name":"a"})");
                    a.wait_for("true");
                    b.send(R"({"type":"login","name":"b"})");
                    b.wait_for("true");
                  },
              .say =
                  [](Peer& a, Peer& b, int /*number*/, const std::string& text) {
                    a.send(R"({"type":"offer","name":"b","offer":")" + text + R"("})");
                    b.wait_for(mark_of(text));
                  }},
             21.5);
}

TEST_CASE("allocation: a message over WebSocket: socketio") {
  // The sender hears the log of what it has said.
  check_cost({.path = "/socket.io/?EIO=4&transport=websocket",
              .meet =
                  [](Peer& a, Peer& b) {
                    for (auto* const peer : {&a, &b}) {
                      peer->send("40");
                      peer->wait_for("40{");
                      peer->send(R"(42["create or join","cost"])");
                      peer->wait_for(peer == &a ? R"(["created")" : R"(["joined")");
                    }
                    a.wait_for(R"(["ready")");
                    b.wait_for(R"(["ready")");
                  },
              .say =
                  [](Peer& a, Peer& b, int /*number*/, const std::string& text) {
                    a.send(R"(42["message",")" + text + R"("])");
                    a.wait_for(mark_of(text));
                    b.wait_for(mark_of(text));
                  }},
             31.6);
}

}  // namespace sigway::testing
