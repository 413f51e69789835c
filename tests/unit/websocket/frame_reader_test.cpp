// Units of work and bytes that a reader of frames reports, so that both can be bounded.
#include "websocket/frame_reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

using namespace sigway;

namespace opcode = websocketpp::frame::opcode;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::array<std::uint8_t, 4> kMask{0x37, 0xfa, 0x21, 0x3d};

/// A client's frame, masked.
Bytes frame(opcode::value code, const std::string& payload, bool fin = true) {
  const std::uint32_t key = kMask[0] | kMask[1] << 8U | kMask[2] << 16U | kMask[3] << 24U;
  const websocketpp::frame::basic_header basic(code, payload.size(), fin, true);
  const websocketpp::frame::extended_header extended(payload.size(), key);
  const auto head = websocketpp::frame::prepare_header(basic, extended);
  Bytes bytes(head.begin(), head.end());
  for (std::size_t i = 0; i < payload.size(); ++i)
    bytes.push_back(static_cast<std::uint8_t>(payload[i]) ^ kMask[i % 4]);
  return bytes;
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

constexpr std::size_t kMost = 4096;

/// The close code of the fault that ends these bytes, read in pieces of that size; 0: there is
/// none.
int fault_of(Bytes bytes, std::size_t piece = 1) {
  websocket::FrameReader reader(kMost);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    auto rest = std::span(bytes).subspan(at, std::min(piece, bytes.size() - at));
    while (!rest.empty() && !reader.fault()) reader.read(rest);
  }
  return reader.fault() ? reader.fault()->close_code : 0;
}

}  // namespace

TEST_CASE("a message that has come whole lies in the bytes that brought it") {
  websocket::FrameReader reader(kMost);
  for (const std::size_t size : {0U, 1U, 7U, 8U, 125U, 126U, 1200U, 4096U}) {
    CAPTURE(size);
    const std::string text(size, 'x');
    auto bytes = frame(opcode::text, text);
    std::span<std::uint8_t> rest(bytes);
    const auto message = reader.read(rest);
    REQUIRE(message);
    CHECK(message->opcode == opcode::text);
    CHECK(message->payload() == text);
    CHECK(message->joined.empty());
    CHECK(rest.empty());
  }
}

TEST_CASE("wherever a frame is cut, the same message comes out") {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "ä€😀" + std::to_string(i);
  const auto whole = frame(opcode::binary, text);
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    for (const std::size_t second : {cut, std::min(cut + 5, whole.size() - 1)}) {
      websocket::FrameReader reader(kMost);
      auto bytes = whole;
      const std::span<std::uint8_t> all(bytes);
      for (auto part : {all.first(cut), all.subspan(cut, second - cut)}) {
        REQUIRE_FALSE(reader.read(part));
        REQUIRE(part.empty());
      }
      auto last = all.subspan(second);
      const auto message = reader.read(last);
      REQUIRE(message);
      REQUIRE(message->opcode == opcode::binary);
      REQUIRE(message->payload() == text);
      REQUIRE(reader.held_bytes() == 0);
    }
  }
}

TEST_CASE("what breaks RFC 6455 is a fault, however the bytes are cut") {
  const auto masked = [](Bytes head) { return std::move(head) + Bytes(4); };
  const auto first = frame(opcode::text, "a", false);
  struct Row {
    const char* what;
    Bytes bytes;
    int close_code;
  };
  const Row rows[] = {
      {"a reserved bit", masked({0xc1, 0x80}), 1002},
      {"the second reserved bit", masked({0xa1, 0x80}), 1002},
      {"the third", masked({0x91, 0x80}), 1002},
      {"no mask", {0x81, 0x01, 'x'}, 1002},
      {"a reserved opcode", masked({0x83, 0x80}), 1002},
      {"a reserved opcode of a control frame", masked({0x8b, 0x80}), 1002},
      {"a fragmented ping", masked({0x09, 0x80}), 1002},
      {"a ping of 126 bytes", masked({0x89, 0xfe, 0, 126}) + Bytes(126), 1002},
      {"a continuation of nothing", frame(opcode::continuation, "x"), 1002},
      {"a continuation after the last",
       first + frame(opcode::continuation, "b") + frame(opcode::continuation, "c"), 1002},
      {"a message within another", first + frame(opcode::text, "b"), 1002},
      {"125 in two bytes", masked({0x81, 0xfe, 0, 125}) + Bytes(125), 1002},
      {"65535 in eight bytes", masked({0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff}), 1002},
      {"one byte too many", frame(opcode::text, std::string(kMost + 1, 'x')), 1009},
      {"the largest length", masked({0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
       1009},
      {"a text that is not UTF-8", frame(opcode::text, "caf\xe9"), 1007},
      {"a text with half a character", frame(opcode::text, "caf\xc3"), 1007},
      {"fragments that are not UTF-8 together",
       frame(opcode::text, "caf\xc3", false) + frame(opcode::continuation, "x"), 1007},
      {"fragments that cut a character",
       frame(opcode::text, "caf\xc3", false) + frame(opcode::continuation, "\xa9"), 0},
      {"bytes in a binary message", frame(opcode::binary, "caf\xe9"), 0},
      {"a ping within fragments",
       first + frame(opcode::ping, "\xff") + frame(opcode::continuation, "b"), 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    for (const std::size_t piece : {1U, 2U, 3U, 100'000U})
      CHECK(fault_of(row.bytes, piece) == row.close_code);
  }
}

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
  CHECK(ping->payload() == "p");
  CHECK_FALSE(reader.has_empty_fragment());
  CHECK_FALSE(reader.read(rest));
  CHECK_FALSE(reader.has_empty_fragment());
  CHECK(reader.held_bytes() == 4);
  const auto text = reader.read(rest);
  REQUIRE(text);
  CHECK(text->payload() == "abcd");
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
