#include "socketio/legacy_packet.h"

#include <vector>

#include "support.h"

namespace sigway::dialects::socketio::legacy_packet_test {
namespace {

using Kind = Fault::Kind;
using Texts = std::vector<std::string>;

LegacyPacket decode(std::string_view text) {
  CAPTURE(text);
  return good(decode_legacy_packet(text));
}

Fault fault(std::string_view text) {
  CAPTURE(text);
  return bad(decode_legacy_packet(text));
}

std::string again(const LegacyPacket& packet) {
  std::string out;
  append_legacy_packet(out, packet);
  return out;
}

Texts read(std::string_view body, std::optional<Fault> expected = {}, LegacyLimits limits = {}) {
  Texts packets;
  LegacyReader reader(body, limits);
  for (std::string_view packet; reader.next(packet);) packets.emplace_back(packet);
  std::string_view after;
  CHECK_FALSE(reader.next(after));
  CAPTURE(body);
  CHECK(reader.fault() == expected);
  return packets;
}

std::string payload(const Texts& packets) {
  std::string out;
  append_legacy_payload(out, packets);
  return out;
}

}  // namespace

TEST_CASE("packets of 0.9, as in the tests of its client") {
  struct Row {
    std::string_view text;
    LegacyPacket packet;
  };
  const std::vector<Row> rows = {
      {"7::", {LegacyType::error}},
      {"7:::0", {LegacyType::error, {}, false, "", "", 0, LegacyReason::transport_not_supported}},
      {"7:::1+0", {LegacyType::error, {}, false, "", "", 0, LegacyReason::not_handshaken, true}},
      {"7:::2+0", {LegacyType::error, {}, false, "", "", 0, LegacyReason::unauthorized, true}},
      {"7::/woot", {LegacyType::error, {}, false, "/woot"}},
      {"6:::140", {LegacyType::ack, {}, false, "", "", 140}},
      {R"(6:::12+["woot","wa"])", {LegacyType::ack, {}, false, "", R"(["woot","wa"])", 12}},
      {R"(4:::"2")", {LegacyType::json, {}, false, "", R"("2")"}},
      {R"(4:1+::{"a":"b"})", {LegacyType::json, 1, true, "", R"({"a":"b"})"}},
      {R"(5:::{"name":"woot"})", {LegacyType::event, {}, false, "", R"({"name":"woot"})"}},
      {R"(5:1+::{"name":"tobi"})", {LegacyType::event, 1, true, "", R"({"name":"tobi"})"}},
      {R"(5::/chan1:{"name":"é","args":["😀"]})",
       {LegacyType::event, {}, false, "/chan1", R"({"name":"é","args":["😀"]})"}},
      {"3:::woot", {LegacyType::message, {}, false, "", "woot"}},
      {"3:::a:b\n\xEF\xBF\xBD", {LegacyType::message, {}, false, "", "a:b\n\xEF\xBF\xBD"}},
      {"3:5:/tobi", {LegacyType::message, 5, false, "/tobi"}},
      {"2::", {LegacyType::heartbeat}},
      {"1::", {LegacyType::connect}},
      {"1::/tobi", {LegacyType::connect, {}, false, "/tobi"}},
      {"1::/test:?test=1", {LegacyType::connect, {}, false, "/test", "?test=1"}},
      {"0::/woot", {LegacyType::disconnect, {}, false, "/woot"}},
      {"8::", {LegacyType::noop}},
  };
  for (const Row& row : rows) {
    CHECK(decode(row.text) == row.packet);
    CHECK(again(row.packet) == row.text);
  }
}

TEST_CASE("the same packet in other words") {
  CHECK(decode("2:::") == LegacyPacket{LegacyType::heartbeat});
  CHECK(decode("7:::") == LegacyPacket{LegacyType::error});
  CHECK(decode("7:::x+y") == LegacyPacket{LegacyType::error});
  CHECK(decode("0:::ignored") == LegacyPacket{LegacyType::disconnect});
  CHECK(decode("3:+::a") == LegacyPacket{LegacyType::message, {}, false, "", "a"});
  CHECK(decode(R"(5::: {"name":"a"} )").data == R"({"name":"a"})");
  CHECK(decode(R"(6:::1+{"++])") == LegacyPacket{LegacyType::ack, {}, false, "", "", 1});
  CHECK(decode(R"(6:::1+{})") == LegacyPacket{LegacyType::ack, {}, false, "", "", 1});
  CHECK(decode(R"(6:::1["a"])").data == R"(["a"])");
}

TEST_CASE("what is no packet of 0.9") {
  CHECK(fault("") == Fault{Kind::empty, 0});
  CHECK(fault("9::") == Fault{Kind::bad_type, 0});
  CHECK(fault("12::") == Fault{Kind::bad_type, 0});
  CHECK(fault("2") == Fault{Kind::bad_type, 0});
  CHECK(fault(":::") == Fault{Kind::bad_type, 0});
  CHECK(fault("2:") == Fault{Kind::bad_id, 2});
  CHECK(fault("3:x::a") == Fault{Kind::bad_id, 2});
  CHECK(fault("3:1x::a") == Fault{Kind::bad_id, 3});
  CHECK(fault("3:9007199254740992::a") == Fault{Kind::bad_id, 2});
  CHECK(fault("6::") == Fault{Kind::bad_id, 3});
  CHECK(fault("6:::") == Fault{Kind::bad_id, 4});
  CHECK(fault("6:::+[]") == Fault{Kind::bad_id, 4});
  CHECK(fault("6:::9007199254740992") == Fault{Kind::bad_id, 4});
  CHECK(fault("3:::\xFF") == Fault{Kind::not_utf8, 4});
  CHECK(fault("5:::") == Fault{Kind::bad_json, 4});
  CHECK(fault("5:::{") == Fault{Kind::bad_json, 5});
  CHECK(fault("4:::{}x") == Fault{Kind::bad_json, 6});
  CHECK(fault("4:::" + std::string(129, '[') + std::string(129, ']')).kind == Kind::too_deep);
}

TEST_CASE("several packets are framed, one is not") {
  CHECK(payload({"3:::5", "3:::53d"}) == "\uFFFD5\uFFFD3:::5\uFFFD7\uFFFD3:::53d");
  CHECK(payload({"1::"}) == "1::");
  CHECK(payload({}).empty());
  CHECK(payload({"3:::é€😀", "8::"}) == "\uFFFD8\uFFFD3:::é€😀\uFFFD3\uFFFD8::");
  for (const Texts& packets : {Texts{"3:::5", "3:::53d"}, Texts{"1::"}, Texts{"3:::é€😀", "8::"},
                               Texts{"3:::\uFFFD", "2::", "3:::\uFFFD2\uFFFD"}}) {
    CHECK(read(payload(packets)) == packets);
  }
  CHECK(read("\uFFFD3\uFFFD1::") == Texts{"1::"});
  CHECK(read("\uFFFD0\uFFFD\uFFFD3\uFFFD1::") == Texts{"", "1::"});
}

TEST_CASE("what is no payload of 0.9") {
  CHECK(read("", Fault{Kind::empty, 0}).empty());
  CHECK(read("\uFFFD", Fault{Kind::bad_length, 3}).empty());
  CHECK(read("\uFFFDx\uFFFD1::", Fault{Kind::bad_length, 3}).empty());
  CHECK(read("\uFFFD3:1::", Fault{Kind::bad_length, 4}).empty());
  CHECK(read("\uFFFD12345678901\uFFFD", Fault{Kind::bad_length, 3}).empty());
  CHECK(read("\uFFFD4\uFFFD1::", Fault{Kind::cut_short, 10}).empty());
  CHECK(read("\uFFFD5\uFFFD3:::😀", Fault{Kind::cut_short, 11}).empty());
  CHECK(read("\uFFFD5\uFFFD3:::\xFF", Fault{Kind::not_utf8, 11}).empty());
  CHECK(read("\uFFFD3\uFFFD1::2::", Fault{Kind::bad_length, 10}) == Texts{"1::"});
  const std::string two = payload({"1::", "2::"});
  CHECK(read(two, {}, {two.size(), 2}).size() == 2);
  CHECK(read(two, Fault{Kind::too_large, 19}, {two.size() - 1, 2}).empty());
  CHECK(read(two, Fault{Kind::too_many_packets, 10}, {two.size(), 1}).size() == 1);
}

TEST_CASE("events and acknowledgements of a 0.9 server") {
  const std::vector<std::string_view> arguments = {R"("foo")", R"("<sid>")"};
  std::string out;
  append_legacy_event(out, "", "created", arguments);
  CHECK(out == R"(5:::{"name":"created","args":["foo","<sid>"]})");
  out.clear();
  append_legacy_event(out, "/chan1", "a\"b", {}, 7);
  CHECK(out == R"(5:7+:/chan1:{"name":"a\"b"})");
  out.clear();
  append_legacy_ack(out, "", 1, arguments);
  CHECK(out == R"(6:::1+["foo","<sid>"])");
  out.clear();
  append_legacy_ack(out, "/chan1", 140, {});
  CHECK(out == "6::/chan1:140");
}

}  // namespace sigway::dialects::socketio::legacy_packet_test
