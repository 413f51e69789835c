#include "socketio/engine_payload.h"

#include <vector>

#include "socketio/text.h"
#include "support.h"

namespace sigway::dialects::socketio::engine_payload_test {
namespace {

constexpr auto kText3 = PayloadFormat::eio3_text;
constexpr auto kBinary3 = PayloadFormat::eio3_binary;
constexpr auto kText4 = PayloadFormat::eio4;

// A packet that owns its data.
struct Packet {
  EngineType type;
  bool binary;
  std::string data;
  bool operator==(const Packet&) const = default;
};
using Packets = std::vector<Packet>;

struct Read {
  Packets packets;
  std::optional<Fault> fault;
};

Read read(PayloadFormat format, std::string_view body, PayloadLimits limits = {}) {
  Read result;
  PayloadReader reader(format, body, limits);
  for (EnginePacket packet; reader.next(packet);)
    result.packets.push_back({packet.type, packet.binary, std::string(packet.data)});
  EnginePacket after;
  CHECK_FALSE(reader.next(after));
  result.fault = reader.fault();
  return result;
}

Packets packets(PayloadFormat format, std::string_view body) {
  const Read result = read(format, body);
  CAPTURE(body);
  CHECK_FALSE(result.fault);
  return result.packets;
}

Fault fault(PayloadFormat format, std::string_view body, PayloadLimits limits = {}) {
  const Read result = read(format, body, limits);
  CAPTURE(body);
  REQUIRE(result.fault);
  return *result.fault;
}

Packet message(std::string data) { return {EngineType::message, false, std::move(data)}; }
Packet blob(std::string data) { return {EngineType::message, true, std::move(data)}; }

std::string written(PayloadFormat format, const Packets& list) {
  std::string body;
  for (const Packet& packet : list)
    append_to_payload(body, format, {packet.type, packet.binary, packet.data});
  return body;
}

const Packets kMixed = {message("€"), blob("\1\2\3\4")};

}  // namespace

TEST_CASE("EIO 4: the protocol document's payloads, both ways") {
  const Packets three = {message("hello"), {EngineType::ping, false, ""}, message("world")};
  CHECK(packets(kText4,
                "4hello\x1E"
                "2\x1E"
                "4world") == three);
  CHECK(written(kText4, three) ==
        "4hello\x1E"
        "2\x1E"
        "4world");
  const Packets two = {message("hello"), blob("\1\2\3\4")};
  CHECK(packets(kText4,
                "4hello\x1E"
                "bAQIDBA==") == two);
  CHECK(written(kText4, two) ==
        "4hello\x1E"
        "bAQIDBA==");
}

TEST_CASE("EIO 4: captured bodies") {
  CHECK(packets(kText4, "40") == Packets{message("0")});
  CHECK(packets(kText4, R"(42["create or join","foo"])") ==
        Packets{message(R"(2["create or join","foo"])")});
  CHECK(packets(kText4,
                "42[\"echo\"]\x1E"
                "430[\"got\",\"x\"]") ==
        Packets{message(R"(2["echo"])"), message(R"(30["got","x"])")});
  CHECK(packets(kText4, "1") == Packets{{EngineType::close, false, ""}});
  CHECK(packets(kText4, "4é€😀") == Packets{message("é€😀")});
}

TEST_CASE("EIO 4: packets before a fault are handed out") {
  using Kind = Fault::Kind;
  CHECK(fault(kText4, "") == Fault{Kind::empty, 0});
  CHECK(fault(kText4, "4a\x1E") == Fault{Kind::empty, 3});
  CHECK(fault(kText4,
              "4a\x1E\x1E"
              "4b") == Fault{Kind::empty, 3});
  CHECK(fault(kText4,
              "4a\x1E"
              "9\x1E"
              "4b") == Fault{Kind::bad_type, 3});
  CHECK(fault(kText4,
              "4a\x1E"
              "4b\xFF") == Fault{Kind::not_utf8, 5});
  CHECK(read(kText4,
             "4a\x1E"
             "9\x1E"
             "4b")
            .packets == Packets{message("a")});
  CHECK(read(kText4, "4a\x1E").packets == Packets{message("a")});
}

TEST_CASE("EIO 3: the protocol document's payloads, both ways") {
  const Packets two = {message("hello"), message("€")};
  CHECK(packets(kText3, "6:4hello2:4€") == two);
  CHECK(written(kText3, two) == "6:4hello2:4€");
  CHECK(packets(kText3, "2:4€10:b4AQIDBA==") == kMixed);
  CHECK(written(kText3, kMixed) == "2:4€10:b4AQIDBA==");
  const std::string binary = bytes("\x00\x04\xFF\x34\xE2\x82\xAC\x01\x05\xFF\x04\x01\x02\x03\x04");
  CHECK(packets(kBinary3, binary) == kMixed);
  CHECK(written(kBinary3, kMixed) == binary);
}

TEST_CASE("EIO 3: captured bodies") {
  const std::string open =
      R"(0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000})";
  CHECK(packets(kText3, "96:" + open + "2:40") ==
        Packets{{EngineType::open, false, open.substr(1)}, message("0")});
  CHECK(packets(kText3, R"(26:42["create or join","foo"])") ==
        Packets{message(R"(2["create or join","foo"])")});
  CHECK(packets(kText3, "1:1") == Packets{{EngineType::close, false, ""}});
}

TEST_CASE("EIO 3: lengths are UTF-16 units in text, bytes in binary") {
  const Packets list = {message("é€😀"), message("x")};
  CHECK(written(kText3, list) == "5:4é€😀2:4x");
  CHECK(packets(kText3, "5:4é€😀2:4x") == list);
  const std::string binary = written(kBinary3, list);
  CHECK(binary.substr(0, 5) == bytes("\x00\x01\x00\xFF\x34"));  // 10 bytes
  CHECK(packets(kBinary3, binary) == list);
  CHECK(fault(kText3, "4:4😀") == Fault{Fault::Kind::cut_short, 7});
  CHECK(fault(kText3, "2:4😀") == Fault{Fault::Kind::cut_short, 3});  // half a pair
}

TEST_CASE("EIO 3: text that is no payload") {
  using Kind = Fault::Kind;
  CHECK(fault(kText3, "") == Fault{Kind::empty, 0});
  CHECK(fault(kText3, "6") == Fault{Kind::bad_length, 1});
  CHECK(fault(kText3, ":4a") == Fault{Kind::bad_length, 0});
  CHECK(fault(kText3, "a:4") == Fault{Kind::bad_length, 0});
  CHECK(fault(kText3, "-1:4") == Fault{Kind::bad_length, 0});
  CHECK(fault(kText3, "12345678901:4") == Fault{Kind::bad_length, 10});
  CHECK(fault(kText3, "2:4a\n") == Fault{Kind::bad_length, 4});
  CHECK(fault(kText3, "3:4a") == Fault{Kind::cut_short, 4});
  CHECK(fault(kText3, "9999999999:4a") == Fault{Kind::cut_short, 13});
  CHECK(fault(kText3, "1:8") == Fault{Kind::bad_type, 2});
  CHECK(fault(kText3, "3:4a\xFF") == Fault{Kind::not_utf8, 4});
  CHECK(read(kText3, "2:4a1:8").packets == Packets{message("a")});
  // A packet without a byte is skipped, and leading zeros are a number.
  CHECK(packets(kText3, "0:").empty());
  CHECK(packets(kText3, kNoPackets).empty());
  CHECK(packets(kText3, "0:02:4a0:") == Packets{message("a")});
}

TEST_CASE("EIO 3: bytes that are no payload") {
  using Kind = Fault::Kind;
  CHECK(packets(kBinary3, "").empty());
  CHECK(fault(kBinary3, bytes("\2\1\xFF"
                              "4")) == Fault{Kind::bad_type, 0});
  CHECK(fault(kBinary3, bytes("\0")) == Fault{Kind::bad_length, 1});
  CHECK(fault(kBinary3, bytes("\0\xFF"
                              "4")) == Fault{Kind::bad_length, 1});
  CHECK(fault(kBinary3, bytes("\0\1\12\xFF"
                              "4")) == Fault{Kind::bad_length, 2});
  CHECK(fault(kBinary3, bytes("\0\1")) == Fault{Kind::bad_length, 2});
  CHECK(fault(kBinary3, bytes("\0\3\xFF"
                              "4a")) == Fault{Kind::cut_short, 5});
  CHECK(fault(kBinary3, bytes("\0\0\xFF")) == Fault{Kind::empty, 3});
  CHECK(fault(kBinary3, bytes("\1\0\xFF")) == Fault{Kind::empty, 3});
  CHECK(fault(kBinary3, bytes("\1\1\xFF\7")) == Fault{Kind::bad_type, 3});
  CHECK(fault(kBinary3, bytes("\0\3\xFF"
                              "4\xC3(")) == Fault{Kind::not_utf8, 4});
}

TEST_CASE("limits on bytes and packets") {
  using Kind = Fault::Kind;
  for (const auto format : {kText3, kText4, kBinary3}) {
    CAPTURE(static_cast<int>(format));
    const Packets list(3, message("a"));
    const std::string body = written(format, list);
    CHECK(read(format, body, {body.size(), 3}).packets == list);
    CHECK(fault(format, body, {body.size() - 1, 3}) == Fault{Kind::too_large, body.size() - 1});
    CHECK(read(format, body, {body.size() - 1, 3}).packets.empty());
    CHECK(fault(format, body, {body.size(), 2}).kind == Kind::too_many_packets);
    CHECK(read(format, body, {body.size(), 2}).packets.size() == 2);
  }
}

}  // namespace sigway::dialects::socketio::engine_payload_test
