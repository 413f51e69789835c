#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "client/json.h"
#include "client/requests.h"

using namespace sigway;
using namespace std::chrono_literals;

namespace {

struct Asker {
  client::Scheduler scheduler{client::Time{}};
  std::vector<std::string> said, reports;
  bool behind = false;
  client::Requests requests{scheduler,
                            "ours",
                            {.answer =
                                 [this](const ClientEvent&, const std::string& data) {
                                   if (data.size() > 100)
                                     throw ClientError("too_large", "too large");
                                   said.push_back(data);
                                 },
                             .report = [this](const std::string& what) { reports.push_back(what); },
                             .is_behind = [this] { return behind; }}};
  std::vector<ClientAnswer> answers;

  std::string ask(std::uint64_t number, client::Duration deadline = 10s) {
    const auto id = requests.id(std::to_string(number));
    requests.expect(id, number, "ask", deadline,
                    [this](const ClientAnswer& answer) { answers.push_back(answer); });
    return id;
  }
  std::string codes() const {
    std::string all;
    for (const auto& answer : answers) all += answer.code + ' ';
    return all;
  }
};

ClientEvent message(const std::string& type, const std::string& data) {
  ClientEvent event;
  event.type = type;
  event.from = "peer";
  event.room = "room";
  event.data = data;
  return event;
}

}  // namespace

TEST_CASE(
    "An answer comes once, and one that is late, of another type or somebody else's does not") {
  Asker asker;
  const auto id = asker.ask(1);
  const auto response = [&](const std::string& quoted) {
    return R"({"sigway.response":")" + quoted + R"(","data":[1]})";
  };
  CHECK(asker.requests.takes(message("other", response(id))));
  CHECK_FALSE(asker.requests.takes(message("ask", response("theirs1"))));
  CHECK(asker.answers.empty());
  CHECK(asker.requests.takes(message("ask", response(id))));
  CHECK(asker.requests.takes(message("ask", response(id))));
  CHECK(asker.requests.takes(message("ask", response("ours77"))));
  REQUIRE(asker.answers.size() == 1);
  CHECK(asker.answers[0].code.empty());
  CHECK(asker.answers[0].data == "[1]");
  CHECK(asker.answers[0].from == "peer");
}

TEST_CASE("A request ends by its deadline, a refusal, a reset of the session, and the end") {
  Asker asker;
  asker.ask(1, 100ms);
  asker.ask(2, 0ms);
  asker.ask(3, 0ms);
  asker.ask(4, 0ms);
  asker.scheduler.advance(client::Time{} + 99ms);
  CHECK(asker.answers.empty());
  asker.scheduler.advance(client::Time{} + 100ms);
  CHECK(asker.codes() == "deadline ");
  asker.scheduler.advance(client::Time{} + 100h);
  ClientEvent refusal;
  refusal.type = "error";
  refusal.code = "no_such_peer";
  refusal.re = 3;
  refusal.json = R"({"type":"error","message":"not there"})";
  asker.requests.refused(refusal);
  CHECK(asker.codes() == "deadline no_such_peer ");
  CHECK(asker.answers[1].message == "not there");
  asker.requests.reset(4);
  CHECK(asker.codes() == "deadline no_such_peer reset ");
  asker.requests.end({"left", "closed by the application"});
  CHECK(asker.codes() == "deadline no_such_peer reset closed ");
}

TEST_CASE("An error of the other side is told, and one that makes no sense is `failed`") {
  for (const auto& [error, code, text] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {R"({"code":"no_quota","message":"tomorrow"})", "no_quota", "tomorrow"},
           {R"({"code":"No Quota"})", "failed", "the other side could not answer"},
           {"7", "failed", "the other side could not answer"}}) {
    Asker asker;
    asker.requests.takes(
        message("ask", R"({"sigway.response":")" + asker.ask(1) + R"(","error":)" + error + '}'));
    REQUIRE(asker.answers.size() == 1);
    CHECK(asker.answers[0].code == code);
    CHECK(asker.answers[0].message == text);
  }
}

TEST_CASE("A request is answered by its handler, and nothing else is taken for one") {
  Asker asker;
  const std::string envelope = R"({"sigway.request":"theirs","data":21})";
  CHECK_FALSE(asker.requests.takes(message("double", envelope)));
  asker.requests.respond("double", [](const ClientEvent& event) {
    return event.data.empty() ? std::string{} : std::to_string(2 * std::stoi(event.data));
  });
  for (const auto* own :
       {"21", R"("text")", "[]", "{}", R"({"sigway.request":7})", R"({"sigway.request":""})",
        R"({"sigway.request":"a b"})", R"({"sigway.request":"theirs","more":1})"})
    CHECK_FALSE(asker.requests.takes(message("double", own)));
  CHECK_FALSE(asker.requests.takes(message("treble", envelope)));
  CHECK(asker.requests.takes(message("double", envelope)));
  CHECK(asker.requests.takes(message("double", R"({"sigway.request":"theirs"})")));
  CHECK(asker.said == std::vector<std::string>{R"({"sigway.response":"theirs","data":42})",
                                               R"({"sigway.response":"theirs"})"});
  asker.requests.respond("double", {});
  CHECK_FALSE(asker.requests.takes(message("double", envelope)));
}

TEST_CASE("While too much waits to be sent a request is dropped, and not the application's") {
  Asker asker;
  int handled = 0;
  asker.requests.respond("ask", [&](const ClientEvent&) { return std::to_string(++handled); });
  const auto request = message("ask", R"({"sigway.request":"theirs"})");
  asker.behind = true;
  CHECK(asker.requests.takes(request));
  const auto id = asker.ask(1);
  CHECK(asker.requests.takes(message("ask", R"({"sigway.response":")" + id + R"("})")));
  CHECK(asker.codes() == " ");
  CHECK(handled == 0);
  asker.behind = false;
  CHECK(asker.requests.takes(request));
  CHECK(asker.said == std::vector<std::string>{R"({"sigway.response":"theirs","data":1})"});
}

TEST_CASE("Of what a handler throws only a ClientError is told") {
  Asker asker;
  const auto answered = [&](client::Requests::Handler handler) {
    asker.requests.respond("ask", std::move(handler));
    CHECK(asker.requests.takes(message("ask", R"({"sigway.request":"theirs"})")));
    const auto said = client::parse_object(asker.said.back());
    return client::text_of(said->at("error"), "code") + ": " +
           client::text_of(said->at("error"), "message");
  };
  CHECK(answered([](const ClientEvent&) -> std::string {
          throw ClientError("no_quota", "tomorrow");
        }) == "no_quota: tomorrow");
  CHECK(asker.reports.empty());
  CHECK(answered([](const ClientEvent&) -> std::string {
          throw std::runtime_error("password 1234");
        }) == "failed: the handler of the request failed");
  CHECK(asker.reports.size() == 1);
  CHECK(answered([](const ClientEvent&) { return '"' + std::string(200, 'x') + '"'; }) ==
        "too_large: too large");
}
