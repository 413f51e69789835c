#include "socketio/assembly.h"

#include <utility>

#include "support.h"

namespace sigway::dialects::socketio::assembly_test {
namespace {

using Kind = Fault::Kind;
using List = std::vector<Placeholder>;

SocketPacket decode(std::string_view text) {
  return good(decode_socket_packet(Revision::r5, text));
}

constexpr std::string_view kTwo =
    R"(52-/chan,7["e",{"_placeholder":true,"num":1},{"a":{"num":0,"_placeholder":true}}])";

}  // namespace

TEST_CASE("placeholders are found where they stand") {
  const std::string_view json =
      R"(["e",{"_placeholder":true,"num":0},[ {"x": { "num" : 1 , "_placeholder" : true } } ]])";
  const List found = good(find_placeholders(json, 2));
  REQUIRE(found.size() == 2);
  CHECK(json.substr(found[0].offset, found[0].size) == R"({"_placeholder":true,"num":0})");
  CHECK(found[0].number == 0);
  CHECK(json.substr(found[1].offset, found[1].size) == R"({ "num" : 1 , "_placeholder" : true })");
  CHECK(found[1].number == 1);
  CHECK(good(find_placeholders(R"([{"\u005fplaceholder":true,"num":0}])", 1)).size() == 1);
  CHECK(good(find_placeholders(R"([{"_placeholder":true,"num":15}])", 16)).size() == 1);
}

TEST_CASE("text that only looks like a placeholder") {
  for (const std::string_view json :
       {R"(["_placeholder"])", R"([{"a":"_placeholder"}])",
        R"(["{\"_placeholder\":true,\"num\":9}"])", R"([{"_placeholders":true,"num":9}])",
        R"([{"num":9}])", R"([])", R"(["\\",":"])"}) {
    CAPTURE(json);
    CHECK(good(find_placeholders(json, 1)).empty());
  }
}

TEST_CASE("placeholders that no receiver may see") {
  for (const std::string_view json : {
           R"([{"_placeholder":true,"num":1}])",
           R"([{"_placeholder":true,"num":-1}])",
           R"([{"_placeholder":true,"num":0.5}])",
           R"([{"_placeholder":true,"num":0e0}])",
           R"([{"_placeholder":true,"num":"0"}])",
           R"([{"_placeholder":true,"num":100}])",
           R"([{"_placeholder":true}])",
           R"([{"_placeholder":false,"num":0}])",
           R"([{"_placeholder":1,"num":0}])",
           R"([{"_placeholder":true,"num":0,"x":1}])",
           R"([{"_placeholder":true,"num":0,"num":0}])",
           R"([{"_placeholder":true,"_placeholder":true}])",
           R"([{"x":[],"_placeholder":true,"num":0}])",
           R"([{"x":{},"_placeholder":true,"num":0}])",
       }) {
    CAPTURE(json);
    CHECK(bad(find_placeholders(json, 1)).kind == Kind::bad_placeholder);
  }
  const std::string_view twice = R"([{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}])";
  CHECK(bad(find_placeholders(twice, 2)) == Fault{Kind::bad_placeholder, 31});
  CHECK(bad(find_placeholders(R"([{"_placeholder":true,"num":16}])", 99)).kind ==
        Kind::bad_placeholder);
}

TEST_CASE("a packet is complete with its last attachment") {
  Assembly assembly;
  CHECK_FALSE(assembly.pending());
  CHECK_FALSE(assembly.complete());
  {
    const std::string text(kTwo);  // gone before the attachments arrive
    CHECK_FALSE(assembly.begin(decode(text)));
  }
  CHECK(assembly.pending());
  CHECK_FALSE(assembly.add(bytes("\0\1")));
  CHECK(assembly.pending());
  CHECK_FALSE(assembly.complete());
  CHECK_FALSE(assembly.add(""));
  CHECK_FALSE(assembly.pending());
  REQUIRE(assembly.complete());

  const Assembly moved = std::move(assembly);
  CHECK(moved.packet() == decode(kTwo));
  CHECK(moved.attachments() == std::vector<std::string>{bytes("\0\1"), ""});
  REQUIRE(moved.placeholders().size() == 2);
  CHECK(moved.placeholders()[0].number == 1);
  CHECK(moved.placeholders()[1].number == 0);
}

TEST_CASE("an assembly is used again") {
  Assembly assembly;
  for (int i = 0; i < 2; ++i) {
    CHECK_FALSE(assembly.begin(decode(R"(51-["e",{"_placeholder":true,"num":0}])")));
    CHECK_FALSE(assembly.add("x"));
    CHECK(assembly.complete());
    CHECK(assembly.packet().space == "/");
    CHECK(assembly.attachments().size() == 1);
  }
  const auto none = good(decode_socket_packet(Revision::r4, R"(50-["e"])"));
  CHECK_FALSE(assembly.begin(none));
  CHECK(assembly.complete());
  CHECK(assembly.packet() == none);
}

TEST_CASE("attachments out of order, and bounds") {
  const auto one = decode(R"(51-["e",{"_placeholder":true,"num":0}])");
  Assembly assembly(one.json.size() + 3);
  CHECK(assembly.add("x") == Fault{Kind::unexpected_binary, 0});

  CHECK_FALSE(assembly.begin(one));
  CHECK(assembly.begin(one) == Fault{Kind::unexpected_text, 0});
  CHECK_FALSE(assembly.pending());

  CHECK_FALSE(assembly.begin(one));
  CHECK_FALSE(assembly.add("123"));
  CHECK(assembly.add("x") == Fault{Kind::unexpected_binary, 0});
  CHECK_FALSE(assembly.complete());

  CHECK_FALSE(assembly.begin(one));
  CHECK(assembly.add("1234") == Fault{Kind::too_large, 0});
  CHECK_FALSE(assembly.pending());

  CHECK(assembly.begin(decode(kTwo)) == Fault{Kind::too_large, 0});
  CHECK(assembly.begin(decode(R"(51-["e",{"_placeholder":1}])")) ==
        Fault{Kind::bad_placeholder, 5});
  CHECK_FALSE(assembly.pending());
}

TEST_CASE("what waits is counted as a whole") {
  const std::string name = '/' + std::string(1000, 'n');
  const auto text = "51-" + name + R"(,["e",{"_placeholder":true,"num":0}])";
  const auto one = decode(text);
  Assembly assembly;
  CHECK(assembly.held() == 0);
  CHECK_FALSE(assembly.begin(one));
  CHECK(assembly.held() == name.size() + one.json.size());
  CHECK_FALSE(assembly.add("123"));
  CHECK(assembly.held() == name.size() + one.json.size() + 3);
  assembly.clear();
  CHECK(assembly.held() == 0);
}

TEST_CASE("attachments in the JSON, for those who have no binary") {
  const std::vector<std::string_view> bytes{"\1", "\2"};
  CHECK(with_inline_attachments(
            R"(["e",{"_placeholder":true,"num":1},[{"num":0,"_placeholder":true}]])", bytes) ==
        R"(["e",{"base64":"Ag=="},[{"base64":"AQ=="}]])");
  CHECK(with_inline_attachments("[1]", bytes) == "[1]");
  const std::string_view bad = R"([{"_placeholder":true,"num":2}])";
  CHECK(with_inline_attachments(bad, bytes) == bad);
}

}  // namespace sigway::dialects::socketio::assembly_test
