// Units of work and bytes that a reader of frames reports, so that both can be bounded.
#include "websocket/frame_reader.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sigway;

namespace opcode = websocketpp::frame::opcode;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// A client's frame, under a mask of zeros.
Bytes frame(opcode::value code, const std::string& payload, bool fin = true) {
  const websocketpp::frame::basic_header basic(code, payload.size(), fin, true);
  const websocketpp::frame::extended_header extended(payload.size(), 0);
  const auto text = websocketpp::frame::prepare_header(basic, extended) + payload;
  return {text.begin(), text.end()};
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

constexpr std::size_t kMost = 4096;

}  // namespace

TEST_CASE("one call reads one frame: a fragment, a control frame between fragments, the last") {
  websocket::FrameReader reader(kMost);
  auto bytes = frame(opcode::text, "ab", false) + frame(opcode::continuation, "", false) +
               frame(opcode::ping, "p") + frame(opcode::continuation, "cd", false) +
               frame(opcode::continuation, "", true) + frame(opcode::text, "", false);
  std::span<std::uint8_t> rest(bytes);
  CHECK_FALSE(reader.read(rest));
  CHECK_FALSE(reader.has_empty_fragment());
  CHECK(reader.held_bytes() == 2);
  CHECK_FALSE(reader.read(rest));
  CHECK(reader.has_empty_fragment());
  const auto ping = reader.read(rest);
  REQUIRE(ping);
  CHECK(ping->get_payload() == "p");
  CHECK_FALSE(reader.has_empty_fragment());
  CHECK_FALSE(reader.read(rest));
  CHECK_FALSE(reader.has_empty_fragment());
  CHECK(reader.held_bytes() == 4);
  const auto text = reader.read(rest);
  REQUIRE(text);
  CHECK(text->get_payload() == "abcd");
  CHECK(reader.held_bytes() == 0);
  CHECK_FALSE(reader.read(rest));
  CHECK_MESSAGE(reader.has_empty_fragment(), "the first one, too");
  CHECK(rest.empty());
}

TEST_CASE("what is held of a message is its payload, however many fragments brought it") {
  websocket::FrameReader reader(kMost);
  auto begin = frame(opcode::text, std::string(100, 'x'), false);
  std::span<std::uint8_t> rest(begin);
  CHECK_FALSE(reader.read(rest));
  int fragments = 0;
  for (int i = 0; i < 10'000; ++i) {
    auto bytes = frame(opcode::continuation, "", false);
    // Cut within the head, so that a fragment takes two calls.
    const auto cut = static_cast<std::size_t>(i) % (bytes.size() + 1);
    for (auto part : {std::span(bytes).first(cut), std::span(bytes).subspan(cut)}) {
      CHECK_FALSE(reader.read(part));
      REQUIRE(part.empty());
      fragments += reader.has_empty_fragment() ? 1 : 0;
    }
    REQUIRE(reader.held_bytes() == 100);
  }
  CHECK(fragments == 10'000);
  CHECK_FALSE(reader.fault());
}

TEST_CASE("a frame of which a part has come is held") {
  websocket::FrameReader reader(kMost);
  auto whole = frame(opcode::text, std::string(3000, 'x'));
  auto part = std::span(whole).first(1008);  // with the head of 8 bytes
  CHECK_FALSE(reader.read(part));
  CHECK(reader.held_bytes() == 1000);
  CHECK_FALSE(reader.has_empty_fragment());
  auto rest = std::span(whole).subspan(1008);
  CHECK(reader.read(rest));
  CHECK(reader.held_bytes() == 0);
}

TEST_CASE("fragments of too many bytes in all are a fault") {
  websocket::FrameReader reader(kMost);
  auto bytes = frame(opcode::text, std::string(kMost, 'x'), false) +
               frame(opcode::continuation, "", false) + frame(opcode::continuation, "y", false);
  std::span<std::uint8_t> rest(bytes);
  CHECK_FALSE(reader.read(rest));
  CHECK_FALSE(reader.read(rest));
  CHECK_FALSE(reader.fault());
  CHECK_FALSE(reader.read(rest));
  REQUIRE(reader.fault());
  CHECK(reader.fault()->close_code == 1009);
}

TEST_CASE("a fragment that would make the sum of all lengths run over is a fault at its head") {
  for (const std::uint8_t last : {std::uint8_t{0xff}, std::uint8_t{0xfb}}) {
    websocket::FrameReader reader(kMost);
    auto bytes = frame(opcode::text, "12345", false);
    bytes = bytes + Bytes{0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, last} +
            Bytes(4 + kMost);  // mask and payload
    std::span<std::uint8_t> rest(bytes);
    CHECK_FALSE(reader.read(rest));
    CHECK_FALSE(reader.read(rest));
    REQUIRE(reader.fault());
    CHECK(reader.fault()->close_code == 1009);
    CHECK(reader.held_bytes() == 5);
  }
}
