#include "socketio/engine_packet.h"

#include "support.h"

namespace sigway::dialects::socketio::engine_packet_test {
namespace {

constexpr auto k3 = EngineVersion::eio3;
constexpr auto k4 = EngineVersion::eio4;

EnginePacket text(EngineVersion version, std::string_view frame) {
  static std::string scratch;
  return good(decode_text_packet(version, frame, scratch));
}

Fault text_fault(EngineVersion version, std::string_view frame) {
  std::string scratch;
  return bad(decode_text_packet(version, frame, scratch));
}

}  // namespace

TEST_CASE("text frames of both versions") {
  for (const auto version : {k3, k4}) {
    CHECK(text(version, "2probe") == EnginePacket{EngineType::ping, false, "probe"});
    CHECK(text(version, "3probe") == EnginePacket{EngineType::pong, false, "probe"});
    CHECK(text(version, "0{}") == EnginePacket{EngineType::open, false, "{}"});
    CHECK(text(version, "1") == EnginePacket{EngineType::close, false, ""});
    CHECK(text(version, "5") == EnginePacket{EngineType::upgrade, false, ""});
    CHECK(text(version, "6") == EnginePacket{EngineType::noop, false, ""});
    CHECK(text(version, "42[\"é😀\"]") == EnginePacket{EngineType::message, false, "2[\"é😀\"]"});
  }
}

TEST_CASE("binary in text") {
  CHECK(text(k4, "bAQIDBA==") == EnginePacket{EngineType::message, true, "\1\2\3\4"});
  CHECK(text(k4, "b") == EnginePacket{EngineType::message, true, ""});
  CHECK(text(k3, "b4AQIDBA==") == EnginePacket{EngineType::message, true, "\1\2\3\4"});
  CHECK(text(k3, "b2AQ==") == EnginePacket{EngineType::ping, true, "\1"});
}

TEST_CASE("binary frames") {
  CHECK(good(decode_binary_packet(k4, "\4\1")) == EnginePacket{EngineType::message, true, "\4\1"});
  CHECK(good(decode_binary_packet(k4, "")) == EnginePacket{EngineType::message, true, ""});
  CHECK(good(decode_binary_packet(k3, "\4\1\2")) ==
        EnginePacket{EngineType::message, true, "\1\2"});
  CHECK(good(decode_binary_packet(k3, "\2")) == EnginePacket{EngineType::ping, true, ""});
}

TEST_CASE("frames that are no packets") {
  using Kind = Fault::Kind;
  for (const auto version : {k3, k4}) {
    CHECK(text_fault(version, "") == Fault{Kind::empty, 0});
    CHECK(text_fault(version, "7") == Fault{Kind::bad_type, 0});
    CHECK(text_fault(version, "/") == Fault{Kind::bad_type, 0});
    CHECK(text_fault(version, "é") == Fault{Kind::bad_type, 0});
    CHECK(text_fault(version, "4ab\xFF") == Fault{Kind::not_utf8, 3});
    CHECK(text_fault(version, "4\xC3") == Fault{Kind::not_utf8, 1});
  }
  CHECK(text_fault(k3, "b") == Fault{Kind::bad_type, 1});
  CHECK(text_fault(k3, "b7AQ==") == Fault{Kind::bad_type, 1});
  CHECK(bad(decode_binary_packet(k3, "")) == Fault{Kind::empty, 0});
  CHECK(bad(decode_binary_packet(k3, "\7")) == Fault{Kind::bad_type, 0});
  CHECK(bad(decode_binary_packet(k3, "\xFF")) == Fault{Kind::bad_type, 0});
}

TEST_CASE("packets are written as the protocol documents do") {
  std::string out;
  append_text_packet(out, EngineType::message, "hello");
  CHECK(out == "4hello");
  out.clear();
  append_base64_packet(out, k4, EngineType::message, "\1\2\3\4");
  CHECK(out == "bAQIDBA==");
  out.clear();
  append_base64_packet(out, k3, EngineType::message, "\1\2\3\4");
  CHECK(out == "b4AQIDBA==");
  out.clear();
  append_binary_packet(out, k4, EngineType::message, "\1\2");
  CHECK(out == "\1\2");
  out.clear();
  append_binary_packet(out, k3, EngineType::message, "\1\2");
  CHECK(out == "\4\1\2");
}

TEST_CASE("every fault has its phrase") {
  for (int i = 0; i <= static_cast<int>(Fault::Kind::unexpected_binary); ++i)
    CHECK_FALSE(phrase(static_cast<Fault::Kind>(i)).empty());
}

}  // namespace sigway::dialects::socketio::engine_packet_test
