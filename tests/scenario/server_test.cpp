// The server as a whole: drain, reload of the certificate (docs/protocol.md, "Ends").
#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "scenario/client.h"

using namespace sigway::testing;
using std::chrono::milliseconds;

namespace {

struct Crowd {
  Crowd(Site& site, Transport transport, int size) {
    for (int i = 0; i < size; ++i) {
      clients.push_back(std::make_unique<Client>(site, transport));
      clients.back()->open();
    }
  }
  // When each was told, in the order of the telling; each goes when it is told.
  std::vector<Clock::time_point> wait_for_ends() {
    std::vector<Clock::time_point> times;
    const auto deadline = Clock::now() + kPatience;
    while (!clients.empty() && Clock::now() < deadline) {
      for (std::size_t i = 0; i < clients.size(); ++i) {
        auto& carrier = clients[i]->carrier();
        carrier.pump(Clock::now() + milliseconds(1));
        if (!carrier.has_ended()) continue;
        const auto end = carrier.end();
        CHECK(end.code == "draining");
        if (clients[i]->transport == Transport::websocket) CHECK(end.close_code == 4012);
        if (clients[i]->transport != Transport::poll) CHECK(end.body.at("retry").get<int>() > 0);
        times.push_back(Clock::now());
        clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(i--));
      }
    }
    CHECK(clients.empty());
    return times;
  }
  std::vector<std::unique_ptr<Client>> clients;
};

std::string make_certificate(const std::filesystem::path& folder, const std::string& name) {
  const auto base = (folder / name).string();
  const auto command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
      "-days 2 -subj /CN=" +
      name + " -keyout " + base + ".key -out " + base + ".crt 2>/dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
  return base;
}

}  // namespace

TEST_CASE_TEMPLATE("drain: on SIGTERM everybody is told to come back, spread over the time, exit 0",
                   T, WebSocket, Sse, Poll) {
  Site site({"--drain-time", "4s"});
  Crowd crowd(site, T::kTransport, 40);
  site.server().send_signal(SIGTERM);
  const auto times = crowd.wait_for_ends();
  REQUIRE(times.size() == 40);
  // Forty in steps of 100 ms: even on three shards not all at once.
  CHECK(times.back() - times.front() >= milliseconds(500));
  CHECK(site.server().wait(kPatience) == 0);
}

TEST_CASE_TEMPLATE("drain: SIGINT does the same, faster", T, WebSocket, Sse, Poll) {
  Site site({"--drain-time", "60s"});
  Crowd crowd(site, T::kTransport, 3);
  const auto began = Clock::now();
  site.server().send_signal(SIGINT);
  CHECK(crowd.wait_for_ends().size() == 3);
  CHECK(site.server().wait(kPatience) == 0);
  CHECK(Clock::now() - began < std::chrono::seconds(35));
}

TEST_CASE_TEMPLATE("drain: no new sessions", T, WebSocket, Sse, Poll) {
  Site site({"--drain-time", "2s"});
  Crowd crowd(site, T::kTransport, 4);
  Site::Uploader uploader(site);
  CHECK(uploader.get("/readyz").status == 200);
  site.server().send_signal(SIGTERM);
  // On a connection that it had; the listener is closed.
  const auto deadline = Clock::now() + kPatience;
  bool refused = false;
  while (!refused && Clock::now() < deadline) {
    const Json open{{"key", new_key()}, {"open", Json::object()}, {"n", 1}};
    const auto answer = uploader.post("/v1/poll", open.dump());
    if (answer.status == 0) break;  // its connection has been closed meanwhile
    refused = answer.status == 503;
    if (refused) CHECK(answer.body.at("error").at("code") == "draining");
  }
  crowd.wait_for_ends();
  CHECK(site.server().wait(kPatience) == 0);
}

TEST_CASE("tls: SIGHUP reads the certificate again, and nobody notices") {
  if (!Site::is_tls()) return;
  const auto folder =
      std::filesystem::temp_directory_path() / ("sigway-tls-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const auto first = make_certificate(folder, "first");
  const auto second = make_certificate(folder, "second");
  const auto use = [&](const std::string& base) {
    for (const auto* end : {".crt", ".key"}) {
      std::filesystem::copy_file(base + end, folder / ("used" + std::string(end)),
                                 std::filesystem::copy_options::overwrite_existing);
    }
  };
  use(first);
  {
    Site site({"--tls-cert", folder / "used.crt", "--tls-key", folder / "used.key"});
    Client a(site, Transport::websocket);
    a.open({{"room", "r"}});
    a.expect("created");
    const auto before = site.connect()->certificate();
    const auto reload_until = [&](const std::string& said) {
      site.server().send_signal(SIGHUP);
      const auto deadline = Clock::now() + kPatience;
      while (site.server().log().find(said) == std::string::npos) {
        REQUIRE(Clock::now() < deadline);
        a.carrier().pump(Clock::now() + milliseconds(20));
      }
    };
    use(second);
    reload_until("has been reloaded");
    CHECK(site.connect()->certificate() != before);
    // One that cannot be read changes nothing.
    std::ofstream(folder / "used.crt") << "nonsense";
    reload_until("was not reloaded");
    CHECK(site.connect()->certificate() != before);
    a.say("m");
    CHECK(a.expect("error").at("code") == "nobody_there");
  }
  std::filesystem::remove_all(folder);
}
