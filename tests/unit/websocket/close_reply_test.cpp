#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "websocket/frames.h"

using namespace sigway;

namespace {

std::string close_payload(std::uint16_t code, const std::string& reason = "") {
  return std::string{static_cast<char>(code >> 8U), static_cast<char>(code & 0xffU)} + reason;
}

// The code of the answer; none when the answer is empty. An answer has no reason.
std::optional<std::uint16_t> reply_to(const std::string& payload) {
  const auto frame = websocket::close_reply(payload);
  REQUIRE(frame.size() >= 2);
  CHECK(static_cast<unsigned char>(frame[0]) == 0x88);  // final, close
  CHECK(static_cast<unsigned char>(frame[1]) == frame.size() - 2);
  if (frame.size() == 2) return std::nullopt;
  REQUIRE(frame.size() == 4);
  return static_cast<std::uint16_t>(static_cast<unsigned char>(frame[2]) << 8U |
                                    static_cast<unsigned char>(frame[3]));
}

bool may_be_sent(unsigned code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

}  // namespace

TEST_CASE("a close frame is answered with its code, and one that may not be sent with 1002") {
  for (unsigned code = 0; code <= 0xffff; ++code) {
    CAPTURE(code);
    const auto sent = static_cast<std::uint16_t>(code);
    const auto expected = may_be_sent(code) ? sent : std::uint16_t{1002};
    REQUIRE(reply_to(close_payload(sent)) == expected);
    REQUIRE(reply_to(close_payload(sent, "bye")) == expected);
  }
}

TEST_CASE("a close frame without a code is answered without one, one byte with 1002") {
  CHECK(reply_to("") == std::nullopt);
  for (const char* byte : {"x", "\x03", "\xff"}) CHECK(reply_to(byte) == 1002);
}

TEST_CASE("a reason that is not UTF-8 is answered with 1007") {
  for (const char* reason : {"\xff", "ok\xc3", "\xed\xa0\x80", "\xc0\xaf"}) {
    CHECK(reply_to(close_payload(1000, reason)) == 1007);
    CHECK(reply_to(close_payload(1005, reason)) == 1002);
  }
  CHECK(reply_to(close_payload(1000, "caf\xc3\xa9")) == 1000);
}

TEST_CASE("a close frame of the server's own: with a code and a reason, or without") {
  CHECK(websocket::close_frame(4012, "draining") ==
        "\x88\x0a\x0f\xac"
        "draining");
  CHECK(websocket::close_frame(1005, "") == std::string("\x88\x00", 2));
}
