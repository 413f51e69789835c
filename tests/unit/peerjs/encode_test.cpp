#include <doctest/doctest.h>

#include <string>

#include "peerjs/peerjs.h"

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)

namespace {

std::string encoded(const Event& event) {
  const auto frame = peerjs::dialect().encode(event);
  if (frame == nullptr) return "";
  CHECK(frame->kind == Frame::Kind::text);
  CHECK(frame->more == nullptr);
  return frame->bytes;
}

std::string refused(ErrorCode code, const std::string& to = "@peerjs\nbob") {
  return encoded(event::Refused{{.code = code, .to = to}, 7, "peerjs\nalice"});
}

}  // namespace

TEST_CASE("peerjs: a client is told that it has its id, then what has waited") {
  CHECK(peerjs::dialect().name() == "peerjs");
  CHECK_FALSE(peerjs::dialect().takes_mail_before_answer());
  CHECK(encoded(event::LoggedIn{"peerjs\nalice", 1}) == R"({"type":"OPEN"})");
  CHECK(peerjs::dialect().encode(event::LoggedIn{"peerjs\nalice", 1}) == peerjs::opened());
}

TEST_CASE("peerjs: what others say comes as it was decoded") {
  const std::string text = R"({"type":"OFFER","src":"alice","dst":"bob","payload":1})";
  CHECK(encoded(event::Said{"OFFER", "", "p", "peerjs\nalice", {Payload::Kind::json, text}}) ==
        text);
}

TEST_CASE("peerjs: mail that nobody has read") {
  CHECK(encoded(event::Expired{"@peerjs\nbob", "peerjs\nalice"}) ==
        R"({"type":"EXPIRE","src":"bob","dst":"alice"})");
  CHECK(encoded(event::Expired{"@peerjs\n\"b\"", "peerjs\nalice"}) ==
        R"({"type":"EXPIRE","src":"\"b\"","dst":"alice"})");
  CHECK_MESSAGE(encoded(event::Expired{"@peerjs\nbob", ""}) == R"({"type":"EXPIRE","src":"bob"})",
                "of whoever has given its id back meanwhile");
}

TEST_CASE("peerjs: messages that did not arrive") {
  CHECK(refused(ErrorCode::busy) == R"({"type":"LEAVE","src":"bob","dst":"alice"})");
  CHECK(refused(ErrorCode::mailbox_full) == R"({"type":"EXPIRE","src":"bob","dst":"alice"})");
  CHECK(refused(ErrorCode::bad_name) == R"({"type":"EXPIRE","src":"bob","dst":"alice"})");
  CHECK(refused(ErrorCode::nobody_there).empty());
  CHECK(refused(ErrorCode::name_taken).empty());
  CHECK(refused(ErrorCode::no_name, "").empty());
  const event::Refused often{{.code = ErrorCode::rate_limited}, 7, "peerjs\nalice"};
  CHECK_MESSAGE(peerjs::dialect().encode(often) == peerjs::too_often(), "of a login or logout");
  CHECK(refused(ErrorCode::busy, "").starts_with(R"({"type":"ERROR","payload":{"msg":")"));
}

TEST_CASE("peerjs: events without a word for them") {
  for (const Event& event : std::vector<Event>{
           event::Created{"r", "p", 1, 2, 3}, event::Ready{"r"}, event::PeerLeft{"r", "p", "left"},
           event::LoggedOut{"n", 1}, event::NameLost{"n"}, event::Stored{"@n", 5, 1}})
    CHECK(encoded(event).empty());
}

TEST_CASE("peerjs: last messages") {
  CHECK(peerjs::id_taken() == R"({"type":"ID-TAKEN","payload":{"msg":"ID is taken"}})");
  CHECK(peerjs::error("Invalid key provided") ==
        R"({"type":"ERROR","payload":{"msg":"Invalid key provided"}})");
}
