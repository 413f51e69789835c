// What a network teaches: the shared lessons, by the C++ client's Cadence.
// tests/client/lessons.test.mjs has the same.

#include <doctest/doctest.h>

#include <fstream>
#include <optional>
#include <string>

#include "client/cadence.h"
#include "client/failure.h"
#include "client/json.h"

using namespace sigway;
using namespace std::chrono_literals;
using sigway::client::Json;

namespace {

client::Duration ms(const Json& number) { return client::Duration(number.get<std::int64_t>()); }

void take(client::Cadence& cadence, const std::string& what, const Json& value) {
  const auto transport = [&] {
    return transport_named(value.at(0).get<std::string>()).value_or(Transport::automatic);
  };
  if (what == "serves")
    cadence.server_says(ms(value[0]), ms(value[1]));
  else if (what == "cut")
    cadence.stream_cut(transport(), ms(value[1]), ms(value[2]));
  else if (what == "pollCut")
    cadence.poll_cut(ms(value));
  else if (what == "pollHeld")
    cadence.poll_was_held(ms(value));
  else if (what == "swallowed")
    cadence.swallowed();
  else if (what == "heldBack")
    cadence.stream_held_back();
  else if (what == "refused")
    cadence.body_refused(value[0].get<std::size_t>(), value[1].get<std::size_t>());
  else if (what == "passed")
    cadence.body_passed(value.get<std::size_t>());
  else if (what == "single")
    cadence.served_singly();
  else if (what == "forget")
    cadence.forget();
  else if (what == "relax")
    cadence.relax();
  else if (what == "recall")
    cadence.recall(value);
  else if (what == "hold")
    CHECK(cadence.hold() == ms(value));
  else if (what == "is")
    CHECK(nlohmann::json(cadence.learnt()) == nlohmann::json(value));  // in any order
  else
    FAIL("no such step: ", what);
}

}  // namespace

TEST_CASE("lessons: what each disturbance teaches, and when it is taken back") {
  std::size_t count = 0;
  for (const auto& lesson :
       Json::parse(std::ifstream(std::string(SIGWAY_CLIENT_LESSONS) + "/lessons.json"))) {
    CAPTURE(lesson.at("name").get<std::string>());
    client::Scheduler scheduler{client::Time{} + 1s};
    client::Cadence cadence(scheduler);
    for (const auto& step : lesson.at("steps")) {
      CAPTURE(step.dump());
      const auto& what = step.begin().key();
      if (what == "pass")
        scheduler.advance(scheduler.now() + ms(step.begin().value()));
      else
        take(cadence, what, step.begin().value());
    }
    ++count;
  }
  CHECK(count >= 25);
}

TEST_CASE("lessons: what a code means for the session, and whether something on the way did it") {
  using client::Verdict;
  const auto meanings =
      Json::parse(std::ifstream(std::string(SIGWAY_CLIENT_LESSONS) + "/codes.json"));
  for (const auto& meaning : meanings.items()) {
    const auto expected = meaning.key() == "reset"   ? Verdict::reset
                          : meaning.key() == "close" ? Verdict::close
                                                     : Verdict::retry;
    for (const auto& code : meaning.value()) {
      CAPTURE(code.dump());
      const client::Failure failure{.code = code.get<std::string>()};
      CHECK(client::verdict(failure) == expected);
      CHECK(client::is_unclean(failure) == (meaning.key() == "cut"));
    }
  }
}
