#include "socketio/socket_packet.h"

#include <vector>

#include "support.h"

namespace sigway::dialects::socketio::socket_packet_test {
namespace {

constexpr auto k4 = Revision::r4;
constexpr auto k5 = Revision::r5;
using Kind = Fault::Kind;

SocketPacket decode(Revision revision, std::string_view text) {
  CAPTURE(text);
  return good(decode_socket_packet(revision, text));
}

Fault fault(Revision revision, std::string_view text) {
  CAPTURE(text);
  return bad(decode_socket_packet(revision, text));
}

std::string again(const SocketPacket& packet) {
  std::string out;
  append_socket_packet(out, packet);
  return out;
}

template <typename... Arguments>
std::string written(void (*append)(std::string&, Arguments...),
                    std::type_identity_t<Arguments>... arguments) {
  std::string out;
  append(out, arguments...);
  return out;
}

}  // namespace

TEST_CASE("packets of both revisions, as in the protocol documents") {
  struct Row {
    std::string_view text;
    SocketPacket packet;
  };
  const std::vector<Row> rows = {
      {"0", {SocketType::connect, 0, "/"}},
      {"1", {SocketType::disconnect, 0, "/"}},
      {"1/admin,", {SocketType::disconnect, 0, "/admin"}},
      {R"(0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"})",
       {SocketType::connect, 0, "/admin", {}, {}, R"({"sid":"oSO0OpakMV_3jnilAAAA"})"}},
      {R"(4{"message":"Not authorized"})",
       {SocketType::connect_error, 0, "/", {}, {}, R"({"message":"Not authorized"})"}},
      {R"(4/admin,"Not authorized")",
       {SocketType::connect_error, 0, "/admin", {}, {}, R"("Not authorized")"}},
      {R"(2["hello",1])", {SocketType::event, 0, "/", {}, {}, R"(["hello",1])"}},
      {R"(2/admin,456["project:delete",123])",
       {SocketType::event, 0, "/admin", {}, 456, R"(["project:delete",123])"}},
      {R"(212["foo"])", {SocketType::event, 0, "/", {}, 12, R"(["foo"])"}},
      {"3/admin,456[]", {SocketType::ack, 0, "/admin", {}, 456, "[]"}},
      {R"(3/chan,7["é😀"])", {SocketType::ack, 0, "/chan", {}, 7, R"(["é😀"])"}},
      {R"(51-["baz",{"_placeholder":true,"num":0}])",
       {SocketType::binary_event, 1, "/", {}, {}, R"(["baz",{"_placeholder":true,"num":0}])"}},
      {R"(52-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}])",
       {SocketType::binary_event,
        2,
        "/admin",
        {},
        {},
        R"(["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}])"}},
      {R"(61-/admin,456[{"_placeholder":true,"num":0}])",
       {SocketType::binary_ack, 1, "/admin", {}, 456, R"([{"_placeholder":true,"num":0}])"}},
      {"2[1]", {SocketType::event, 0, "/", {}, {}, "[1]"}},
      {"3", {SocketType::ack, 0, "/"}},
  };
  for (const Row& row : rows) {
    for (const auto revision : {k4, k5}) {
      CHECK(decode(revision, row.text) == row.packet);
      CHECK(again(row.packet) == row.text);
    }
  }
}

TEST_CASE("the same packet in other words") {
  CHECK(decode(k5, "0/admin") == SocketPacket{SocketType::connect, 0, "/admin"});
  CHECK(decode(k5, "2/,[\"a\"]").space == "/");
  CHECK(decode(k5, "2007[\"a\"]").id == 7);
  CHECK(decode(k5, "2[ \"a\" ] \n").json == "[ \"a\" ]");
  CHECK(decode(k5, "29007199254740991[\"a\"]").id == 9007199254740991);
}

TEST_CASE("a namespace's query belongs to revision 4") {
  const auto packet = decode(k4, "0/admin?token=1234&uid=abcd,");
  CHECK(packet == SocketPacket{SocketType::connect, 0, "/admin", "token=1234&uid=abcd"});
  CHECK(again(packet) == "0/admin?token=1234&uid=abcd,");
  CHECK(decode(k4, "0/?a=1,") == SocketPacket{SocketType::connect, 0, "/", "a=1"});
  CHECK(again(decode(k4, "0/?a=1,")) == "0/?a=1,");
  CHECK(decode(k5, "0/admin?token=1,").space == "/admin?token=1");
}

TEST_CASE("what is no packet in either revision") {
  for (const auto revision : {k4, k5}) {
    CHECK(fault(revision, "") == Fault{Kind::empty, 0});
    CHECK(fault(revision, "7") == Fault{Kind::bad_type, 0});
    CHECK(fault(revision, "é") == Fault{Kind::bad_type, 0});
    CHECK(fault(revision, "2") == Fault{Kind::missing_payload, 1});
    CHECK(fault(revision, "2/chan,7") == Fault{Kind::missing_payload, 8});
    CHECK(fault(revision, "51-") == Fault{Kind::missing_payload, 3});
    CHECK(fault(revision, "5-[\"a\"]") == Fault{Kind::bad_attachments, 1});
    CHECK(fault(revision, "5") == Fault{Kind::bad_attachments, 1});
    CHECK(fault(revision, "51[\"a\"]") == Fault{Kind::bad_attachments, 2});
    CHECK(fault(revision, "5a-[\"a\"]") == Fault{Kind::bad_attachments, 1});
    CHECK(fault(revision, "517-[\"a\"]") == Fault{Kind::too_many_attachments, 1});
    CHECK(fault(revision, "599999999999999999999999-[]") == Fault{Kind::too_many_attachments, 1});
    CHECK(decode(revision, "516-[\"a\"]").attachments == 16);
    CHECK(fault(revision, "29007199254740992[\"a\"]") == Fault{Kind::bad_id, 1});
    CHECK(fault(revision, "299999999999999999999999[\"a\"]") == Fault{Kind::bad_id, 1});
    CHECK(fault(revision, "2/a\xFF,[\"a\"]") == Fault{Kind::not_utf8, 3});
    CHECK(fault(revision, "2[\"a\xFF\"]") == Fault{Kind::not_utf8, 4});
    CHECK(fault(revision, "2[\"a\"") == Fault{Kind::bad_json, 5});
    CHECK(fault(revision, "2[\"a\"]]") == Fault{Kind::bad_json, 6});
    CHECK(fault(revision, "2[]]") == Fault{Kind::bad_json, 3});
    CHECK(fault(revision, "2[\"a\",]") == Fault{Kind::bad_json, 6});
    CHECK(fault(revision, "2 [\"a\"]") == Fault{Kind::bad_json, 1});
    CHECK(fault(revision, "0\t0") == Fault{Kind::bad_json, 1});
    CHECK(fault(revision, "3[") == Fault{Kind::bad_json, 2});
    CHECK(fault(revision, "2[]") == Fault{Kind::bad_name, 1});
    CHECK(fault(revision, "2[null]") == Fault{Kind::bad_name, 2});
    CHECK(fault(revision, "2[{\"a\":1}]") == Fault{Kind::bad_name, 2});
    CHECK(fault(revision, "2{\"a\":1}") == Fault{Kind::bad_payload, 1});
    CHECK(fault(revision, "2\"a\"") == Fault{Kind::bad_payload, 1});
    CHECK(fault(revision, "3{}") == Fault{Kind::bad_payload, 1});
    CHECK(fault(revision, "61-7{}") == Fault{Kind::bad_payload, 4});
    const std::string deep = std::string(127, '[') + std::string(127, ']');
    CHECK(decode(revision, "2[\"a\"," + deep + "]").json.size() == 260);
    CHECK(fault(revision, "2[\"a\",[" + deep + "]]").kind == Kind::too_deep);
  }
}

TEST_CASE("what only one revision takes") {
  CHECK(decode(k4, "50-[\"a\"]").attachments == 0);
  CHECK(fault(k5, "50-[\"a\"]") == Fault{Kind::bad_attachments, 1});
  CHECK(decode(k4, "0\"a\"").json == "\"a\"");
  CHECK(fault(k5, "0\"a\"") == Fault{Kind::bad_payload, 1});
  CHECK(fault(k5, "0[]") == Fault{Kind::bad_payload, 1});
  CHECK(fault(k5, "0null") == Fault{Kind::bad_payload, 1});
  CHECK(decode(k4, "1{}").json == "{}");
  CHECK(fault(k5, "1{}") == Fault{Kind::bad_payload, 1});
  CHECK(decode(k4, "4[1]").json == "[1]");
  CHECK(fault(k5, "4[1]") == Fault{Kind::bad_payload, 1});
  for (const std::string name : {"connect", "connect_error", "disconnect", "disconnecting",
                                 "newListener", "removeListener", "connec\\u0074"}) {
    CHECK(decode(k4, "2[\"" + name + "\"]").type == SocketType::event);
    CHECK(fault(k5, "2[\"" + name + "\"]") == Fault{Kind::reserved_name, 2});
  }
  CHECK(decode(k5, "2[\"connected\"]").type == SocketType::event);
}

TEST_CASE("packets of a server") {
  const std::vector<std::string_view> one = {R"("x")"};
  const std::vector<std::string_view> none;
  CHECK(written(append_event, "/", {}, "created", one, 0) == R"(2["created","x"])");
  CHECK(written(append_event, "/chan", 7, "a\"é", none, 0) == R"(2/chan,7["a\"é"])");
  CHECK(written(append_event, "/", {}, "e", one, 1) == R"(51-["e","x"])");
  CHECK(written(append_ack, "/", 0, std::vector<std::string_view>{"\"got\"", "1"}, 0) ==
        R"(30["got",1])");
  CHECK(written(append_ack, "/chan", 7, none, 0) == "3/chan,7[]");
  CHECK(written(append_ack, "/", 7, one, 2) == R"(62-7["x"])");
  CHECK(written(append_connect, k5, "/", "WRQx", "") == R"(0{"sid":"WRQx"})");
  CHECK(written(append_connect, k5, "/chan", "a", "b") == R"(0/chan,{"sid":"a","pid":"b"})");
  CHECK(written(append_connect, k4, "/", "WRQx", "") == "0");
  CHECK(written(append_connect, k4, "/chan", "WRQx", "") == "0/chan,");
  CHECK(written(append_connect_error, k5, "/nope", "Invalid namespace", "") ==
        R"(4/nope,{"message":"Invalid namespace"})");
  CHECK(written(append_connect_error, k5, "/", "no", "[1]") == R"(4{"message":"no","data":[1]})");
  CHECK(written(append_connect_error, k4, "/nope", "Invalid namespace", "") ==
        R"(4/nope,"Invalid namespace")");
  CHECK(written(append_connect_error, k4, "/", "no", "[1]") == "4[1]");
  CHECK(written(append_disconnect, "/") == "1");
  CHECK(written(append_disconnect, "/chan") == "1/chan,");
  CHECK(written(append_placeholder, 3) == R"({"_placeholder":true,"num":3})");
}

}  // namespace sigway::dialects::socketio::socket_packet_test
