#include "socketio/arguments.h"

#include "support.h"

namespace sigway::dialects::socketio::arguments_test {
namespace {

using Kind = Fault::Kind;
using Texts = std::vector<std::string>;

Texts texts(const std::vector<JsonValue>& values) {
  Texts result;
  for (const auto& value : values) result.emplace_back(value.bytes);
  return result;
}

std::string many(std::size_t count) {
  std::string out = "[\"a\"";
  for (std::size_t i = 0; i < count; ++i) out += ",0";
  return out + "]";
}

}  // namespace

TEST_CASE("an event is its name and its arguments") {
  const auto event = good(split_event(R"([ "create or join" , "foo",{"a":[1,2]} , null,-1e3 ])"));
  CHECK(event.name == "create or join");
  CHECK(texts(event.arguments) == Texts{R"("foo")", R"({"a":[1,2]})", "null", "-1e3"});
  CHECK(good(split_event(R"(["bye"])")).arguments.empty());
  CHECK(good(split_event(R"(["\u00e9\ud83d\ude00\n"])")).name == "é😀\n");
  CHECK(good(split_event("[12,1]")).name == "12");
  CHECK(good(split_event(many(kMaxArguments))).arguments.size() == kMaxArguments);
}

TEST_CASE("arrays that are no events") {
  CHECK(bad(split_event("{}")) == Fault{Kind::bad_payload, 0});
  CHECK(bad(split_event("")) == Fault{Kind::bad_payload, 0});
  CHECK(bad(split_event("[]")) == Fault{Kind::bad_name, 0});
  CHECK(bad(split_event("[]]")) == Fault{Kind::bad_json, 2});
  CHECK(bad(split_event("[ null]")) == Fault{Kind::bad_name, 2});
  CHECK(bad(split_event(R"(["\ud800"])")) == Fault{Kind::bad_name, 1});
  CHECK(bad(split_event(R"(["a",)")) == Fault{Kind::bad_json, 5});
  CHECK(bad(split_event(R"(["a" 1])")) == Fault{Kind::bad_json, 5});
  CHECK(bad(split_event(many(kMaxArguments + 1))) ==
        Fault{Kind::too_many_arguments, 4 + 2 * kMaxArguments + 1});
}

TEST_CASE("an acknowledgement is its arguments") {
  CHECK(texts(good(split_arguments(R"(["got","x"])"))) == Texts{R"("got")", R"("x")"});
  CHECK(good(split_arguments("[]")).empty());
  CHECK(good(split_arguments("")).empty());
  CHECK(bad(split_arguments("1")) == Fault{Kind::bad_payload, 0});
  CHECK(bad(split_arguments("[1")) == Fault{Kind::bad_json, 2});
  CHECK(bad(split_arguments(many(kMaxArguments))).kind == Kind::too_many_arguments);
}

TEST_CASE("an event of 0.9 is an object") {
  const auto event = good(split_legacy_event(R"({"name":"edwald","args":[{"a": "b"},2,"3"]})"));
  CHECK(event.name == "edwald");
  CHECK(texts(event.arguments) == Texts{R"({"a": "b"})", "2", R"("3")"});
  CHECK(good(split_legacy_event(R"({"args":[1],"x":{},"n\u0061me":"\u00e9"})")).name == "é");
  CHECK(good(split_legacy_event(R"({"name":"woot"})")).arguments.empty());
  CHECK(good(split_legacy_event(R"({"name":"woot","args":null})")).arguments.empty());
  CHECK(good(split_legacy_event(R"({"name":"a","name":"b"})")).name == "b");

  CHECK(bad(split_legacy_event("[]")) == Fault{Kind::bad_payload, 0});
  CHECK(bad(split_legacy_event("{}")) == Fault{Kind::bad_name, 0});
  CHECK(bad(split_legacy_event(R"({"name":1})")) == Fault{Kind::bad_name, 8});
  CHECK(bad(split_legacy_event(R"({"name":"\udc00"})")) == Fault{Kind::bad_name, 8});
  CHECK(bad(split_legacy_event(R"({"name":"a","args":{}})")) == Fault{Kind::bad_payload, 19});
  CHECK(bad(split_legacy_event(R"({"name":"a",)")) == Fault{Kind::bad_json, 12});
  CHECK(bad(split_legacy_event(R"({"name":"a","args":)" + many(kMaxArguments) + "}")).kind ==
        Kind::too_many_arguments);
}

}  // namespace sigway::dialects::socketio::arguments_test
