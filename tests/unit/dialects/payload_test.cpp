#include "dialects/payload.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "dialects/dialect.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using std::string_literals::operator""s;

namespace {

std::string as_json(Payload::Kind kind, std::string bytes) {
  std::string out = "x";  // what stands there already stays
  append_json(out, {kind, std::move(bytes)});
  REQUIRE(out.front() == 'x');
  return out.substr(1);
}

std::string one_line(std::string_view text) {
  JsonCursor cursor(text);
  JsonValue value;
  REQUIRE(cursor.read_value(value));
  REQUIRE(cursor.at_end());
  return on_one_line(value);
}

}  // namespace

TEST_CASE("a payload as a JSON value") {
  using Kind = Payload::Kind;
  CHECK(as_json(Kind::none, "") == "null");
  CHECK(as_json(Kind::json, R"({"a":[1, 2]})") == R"({"a":[1, 2]})");
  CHECK(as_json(Kind::text, "") == R"("")");
  CHECK(as_json(Kind::text, "a\"b\\c\nd\0e"s) == "\"a\\\"b\\\\c\\nd\\u0000e\"");
  CHECK(as_json(Kind::text, "ä€😀") == "\"ä€😀\"");
  CHECK(as_json(Kind::text, "{}") == "\"{}\"");
}

TEST_CASE("binary is shown in base64 of every length") {
  // RFC 4648, section 10, and the two characters beyond letters and digits.
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\xfb\xff\xfe", "+//+"},
      {std::string(4, '\0'), "AAAAAA=="},
  };
  for (const auto& [bytes, base64] : rows) {
    const auto& shown = base64;  // clang 14 lets no lambda capture a structured binding
    CAPTURE(shown);
    CHECK(as_json(Payload::Kind::binary, bytes) == R"({"base64":")" + base64 + "\"}");
  }
  const auto large = as_json(Payload::Kind::binary, std::string(65536, '\xff'));
  CHECK(nlohmann::json::parse(large)["base64"].get<std::string>().size() == 87384);
  CHECK_MESSAGE(large.find('\n') == std::string::npos, "no line breaks every 64 characters");
}

TEST_CASE("JSON on one line means the same") {
  CHECK(one_line("[1,\n2]") == "[1, 2]");
  CHECK(one_line("{\"a\"\r\n:\t1}") == "{\"a\"  :\t1}");
  CHECK(one_line(" \n{ }\r") == "{ }");
  CHECK_MESSAGE(one_line("[\"\\n\\r\",\n\"x\"]") == "[\"\\n\\r\", \"x\"]", "escapes stay");
  CHECK(one_line("\"plain\"") == "\"plain\"");
  for (const auto* text : {"{\n\"a\"\r:\n[\r1\n,\r2\n]\r}", "[\n\n]", "\n\"a\""}) {
    CAPTURE(text);
    const auto line = one_line(text);
    CHECK(line.find_first_of("\r\n") == std::string::npos);
    CHECK(nlohmann::json::parse(line) == nlohmann::json::parse(text));
  }
}

TEST_CASE("the size of an event is that of all its frames") {
  CHECK(Frame{}.size() == 0);
  CHECK(Frame{.bytes = "abc"}.size() == 3);
  std::unique_ptr<const Frame> more;
  for (const auto* bytes : {"1", "22", "", "4444"})
    more = std::make_unique<const Frame>(Frame{.bytes = bytes, .more = std::move(more)});
  CHECK(more->size() == 7);
  CHECK(Frame{.bytes = "abc", .more = std::move(more)}.size() == 10);
}

TEST_CASE("a dialect has no messages in pieces unless it says so") {
  struct Mute final : Dialect {
    std::string_view name() const noexcept override { return "mute"; }
    EncodedEvent encode(const Event&) const override { return nullptr; }
  };
  const auto decoded = Mute().decode_message("{}");
  REQUIRE(std::holds_alternative<Error>(decoded));
  CHECK(std::get<Error>(decoded).code == ErrorCode::bad_request);
  CHECK_MESSAGE(Mute().takes_mail_before_answer(), "the usual");
}

TEST_CASE("a name that a client chose is one name of the object, whatever is in it") {
  for (const auto& name : {""s, "a"s, R"(x":1,"id":"forged)"s, "\\"s, "\n\t\0"s, "ä"s}) {
    std::string out;
    JsonWriter writer(out);
    writer.number("a1", 1).text_key(name).out() += "2";
    writer.raw_key(nlohmann::json(name + '2').dump()).out() += "3";
    writer.close();
    CHECK(nlohmann::json::parse(out) == nlohmann::json{{"a1", 1}, {name, 2}, {name + '2', 3}});
  }
}
