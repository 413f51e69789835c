#include "native_binding/poll_answer.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using sigway::dialects::EncodedEvent;
using sigway::dialects::Frame;
using sigway::dialects::native::encode_answer;
using sigway::longpoll::PollAnswer;

TEST_CASE("a poll's answer") {
  CHECK(encode_answer({}) == R"({"first":1,"events":[],"up":0})");

  const std::vector<EncodedEvent> events = {
      std::make_shared<const Frame>(Frame{R"({"type":"ready"})"}),
      std::make_shared<const Frame>(Frame{R"({"type":"bye"})"})};
  PollAnswer answer;
  answer.first = 3;
  answer.events = events;
  answer.up = 4;
  CHECK(encode_answer(answer) ==
        R"({"first":3,"events":[{"type":"ready"},{"type":"bye"}],"up":4})");

  answer.events = std::span(events).first(1);
  answer.welcome = R"({"peer":"p"})";
  answer.activated = 2;
  CHECK(
      encode_answer(answer) ==
      R"({"welcome":{"peer":"p"},"activated":{"turn":2},"first":3,"events":[{"type":"ready"}],"up":4})");
}

TEST_CASE("standing by, probed, ended") {
  PollAnswer answer;
  answer.standby = 7;
  answer.probe = true;
  answer.ended = PollAnswer::Ended{"moved", "The session has \"moved\"."};
  CHECK(encode_answer(answer) ==
        R"({"standby":{"turn":7},"first":1,"events":[],"up":0,"probe":true,)"
        R"("ended":{"code":"moved","message":"The session has \"moved\"."}})");
}
