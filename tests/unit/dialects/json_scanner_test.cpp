#include "dialects/json_scanner.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using std::string_literals::operator""s;

namespace {

std::string nested(std::size_t levels, const std::string& inside = "") {
  return std::string(levels, '[') + inside + std::string(levels, ']');
}

JsonFault::Kind kind_of(std::string_view text) {
  const auto fault = find_json_fault(text);
  REQUIRE(fault);
  return fault->kind;
}

}  // namespace

TEST_CASE("valid texts pass, here and in nlohmann/json") {
  const std::vector<std::string> texts = {"null",
                                          "true",
                                          "false",
                                          "0",
                                          "-0",
                                          "12",
                                          "-1.5",
                                          "1e5",
                                          "1E+5",
                                          "0.0e-9",
                                          R"("")",
                                          R"("a")",
                                          R"("\"\\\/\b\f\n\r\t\u0041\ud83d\ude00")",
                                          "\"ä€😀\u2028\"",
                                          "[]",
                                          "{}",
                                          "[1,2]",
                                          R"({"a":1})",
                                          R"({"a":{"b":[{"c":[]},{}]},"d":""})",
                                          " \t\r\n[ 1 , 2 ]\n",
                                          "{ \"a\" : [ ] , \"b\" : { } }",
                                          R"({"":0})",
                                          R"({"a":1,"a":2})",
                                          "\"\x7f\"",
                                          "[[[[]]],[[]]]",
                                          "\"12345678901234567890\"",
                                          "\"1234567\\\"90\"",
                                          "\"\xEF\xBF\xBF\"",
                                          "\"\xF4\x8F\xBF\xBF\""};
  for (const auto& text : texts) {
    CAPTURE(text);
    CHECK_FALSE(find_json_fault(text));
    CHECK(nlohmann::json::accept(text));
  }
}

TEST_CASE("what is not JSON is refused, here and in nlohmann/json") {
  const std::vector<std::string> texts = {"",
                                          " ",
                                          "nul",
                                          "nulL",
                                          "truee",
                                          "+1",
                                          "01",
                                          "-",
                                          "-a",
                                          "1.",
                                          ".5",
                                          "1e",
                                          "1e+",
                                          "0x1",
                                          "1 2",
                                          "NaN",
                                          "Infinity",
                                          "'a'",
                                          "\"",
                                          "\"a",
                                          "\"\\\"",
                                          "\"\\",
                                          "\"\\x\"",
                                          "\"\\u12\"",
                                          "\"\\u12g4\"",
                                          "\"\\u",
                                          "\"a\nb\"",
                                          "\"a\tb\"",
                                          "\"\x01\"",
                                          "\"1234567\n\"",
                                          "[",
                                          "]",
                                          "[1",
                                          "[1,",
                                          "[1,]",
                                          "[,1]",
                                          "[1 2]",
                                          "[1}",
                                          "{",
                                          "}",
                                          "{1:2}",
                                          "{a:1}",
                                          R"({"a"})",
                                          R"({"a":})",
                                          R"({"a":1,})",
                                          R"({"a":1)",
                                          R"({"a" 1})",
                                          R"({"a":1]})",
                                          R"({"a":1 "b":2})",
                                          R"({"a":1}})",
                                          "// x\n1",
                                          "1 /* */",
                                          "[1];"};
  for (const auto& text : texts) {
    CAPTURE(text);
    CHECK(find_json_fault(text));
    CHECK_FALSE(nlohmann::json::accept(text));
  }
}

TEST_CASE("bytes that are not UTF-8 are told from other faults") {
  const std::vector<std::string> texts = {"\"\x80\"",
                                          "\"\xC0\x80\"",
                                          "\"\xC1\xBF\"",
                                          "\"\xC3\"",
                                          "\"\xE0\x80\x80\"",
                                          "\"\xE0\x9F\xBF\"",
                                          "\"\xE2\x82\"",
                                          "\"\xED\xA0\x80\"",
                                          "\"\xED\xBF\xBF\"",
                                          "\"\xF0\x80\x80\x80\"",
                                          "\"\xF0\x8F\xBF\xBF\"",
                                          "\"\xF4\x90\x80\x80\"",
                                          "\"\xF5\x80\x80\x80\"",
                                          "\"\xFF\"",
                                          "\"\xE2\x28\xA1\"",
                                          "\"\xF0\x9F\x98",
                                          "\xFF",
                                          "[\x80]",
                                          "{\"a\"\xC0:1}",
                                          "\"12345678\x80\""};
  for (const auto& text : texts) {
    CAPTURE(text);
    CHECK(kind_of(text) == JsonFault::Kind::utf8);
    CHECK_FALSE(nlohmann::json::accept(text));
  }
  CHECK(kind_of("[\u00e4]") == JsonFault::Kind::syntax);
}

TEST_CASE("NUL and a byte order mark are faults, though nlohmann/json passes them") {
  CHECK(find_json_fault("1\0"s)->offset == 1);
  CHECK(find_json_fault("\0"s));
  CHECK(find_json_fault("\"a\0b\""s)->offset == 2);
  CHECK(find_json_fault("\xEF\xBB\xBF{}")->offset == 0);
}

TEST_CASE("a lone surrogate's escape is JSON, but no text") {
  for (const std::string text :
       {R"("\ud800")", R"("\udc00")", R"("\ud800\u0041")", R"("\ud800x")", R"("\udbff\ud800")"}) {
    CAPTURE(text);
    CHECK_FALSE(find_json_fault(text));
    JsonValue value;
    JsonCursor cursor(text);
    REQUIRE(cursor.read_value(value));
    CHECK_FALSE(unescape(value));
  }
}

TEST_CASE("a text without the lone surrogates of its escapes") {
  for (const auto& [text, wanted] : std::vector<std::pair<std::string, std::string>>{
           {R"("a\ud800b")",
            "a\xEF\xBF\xBD"
            "b"},
           {R"("\udc00")", "\xEF\xBF\xBD"},
           {R"("\ud800\u0041")",
            "\xEF\xBF\xBD"
            "A"},
           {R"("\udbff\ud83d\ude00")", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
           {R"("\"plain\"")", R"("plain")"}}) {
    const auto& shown = text;  // clang 14 lets no lambda capture a structured binding
    INFO(shown);
    JsonValue value;
    JsonCursor cursor(text);
    REQUIRE(cursor.read_value(value));
    CHECK(unescape_replacing(value) == wanted);
  }
}

TEST_CASE("unescape yields what nlohmann/json does") {
  for (const std::string text :
       {R"("")", R"("plain")", R"("\"\\\/\b\f\n\r\t")", R"("\u0000\u007f\u0080\u07ff\u0800\uffff")",
        R"("a\ud83d\ude00b\udbff\udfff")", R"("\u00E4ä\u20aC")"}) {
    CAPTURE(text);
    JsonValue value;
    JsonCursor cursor(text);
    REQUIRE(cursor.read_value(value));
    CHECK(unescape(value) == nlohmann::json::parse(text).get<std::string>());
  }
}

TEST_CASE("faults say where they are") {
  CHECK(find_json_fault("")->offset == 0);
  CHECK(find_json_fault("[1,]")->offset == 3);
  CHECK(find_json_fault("{\"a\":tru}")->offset == 8);
  CHECK(find_json_fault("[1] x")->offset == 4);
  CHECK(find_json_fault("\"abc")->offset == 4);
  CHECK(find_json_fault("\"abc")->reason == "the text ends too early");
  CHECK(find_json_fault("01")->reason == "a number with a leading zero");
}

TEST_CASE("levels are counted and limited") {
  CHECK_FALSE(find_json_fault(nested(kMaxJsonDepth)));
  CHECK(kind_of(nested(kMaxJsonDepth + 1)) == JsonFault::Kind::depth);
  CHECK(find_json_fault(std::string(100000, '['))->kind == JsonFault::Kind::depth);
  CHECK_FALSE(find_json_fault("1", 0));
  CHECK(find_json_fault("[]", 0));
  CHECK_FALSE(find_json_fault("[{}]", 2));
  CHECK(find_json_fault("[{\"a\":[]}]", 2)->offset == 6);

  // Brackets of both kinds across the words of the bit stack.
  std::string open;
  std::string close;
  for (int i = 0; i < 500; ++i) {
    open += i % 3 == 0 ? "[" : "{\"k\":";
    close.insert(close.begin(), i % 3 == 0 ? ']' : '}');
  }
  CHECK_FALSE(find_json_fault(open + "1" + close));
  close[250] = close[250] == ']' ? '}' : ']';
  CHECK(find_json_fault(open + "1" + close));

  JsonValue value;
  JsonCursor cursor("[[1,[[]]],[]]");
  REQUIRE(cursor.read_value(value));
  CHECK(value.depth == 4);
}

TEST_CASE("values know their bytes, kind, escapes and line breaks") {
  const auto read = [](std::string_view text) {
    JsonCursor cursor(text);
    JsonValue value;
    REQUIRE(cursor.read_value(value));
    REQUIRE(cursor.at_end());
    return value;
  };
  CHECK(read(" \n [1] \n").bytes == "[1]");
  CHECK_FALSE(read(" \n [1] \n").line_breaks);
  CHECK(read("[1,\n2]").line_breaks);
  CHECK(read("{\"a\"\r:1}").line_breaks);
  CHECK_FALSE(read("[\"\\n\"]").line_breaks);
  CHECK(read("[1]").kind == JsonValue::Kind::array);
  CHECK(read("{}").kind == JsonValue::Kind::object);
  CHECK(read("-1").kind == JsonValue::Kind::number);
  CHECK(read("-1").depth == 0);
  CHECK(read("true").kind == JsonValue::Kind::boolean);
  CHECK(read("null").kind == JsonValue::Kind::null);
  CHECK(read("\"a\"").kind == JsonValue::Kind::string);
  CHECK_FALSE(read("\"a\"").escaped);
  CHECK(read("\"\\u0061\"").escaped);
}

TEST_CASE("a cursor walks objects and arrays") {
  JsonCursor cursor(R"( { "a" : [ 1 , {"x":2} ] , "b\n" : "c" , "d" : {} } )");
  JsonValue key;
  JsonValue value;
  REQUIRE(cursor.begin_object());
  REQUIRE(cursor.next_member(key));
  CHECK(key.bytes == "\"a\"");
  CHECK(cursor.peek() == '[');
  CHECK_FALSE(cursor.begin_object());
  REQUIRE(cursor.begin_array());
  REQUIRE(cursor.next_element());
  REQUIRE(cursor.read_value(value));
  CHECK(value.bytes == "1");
  REQUIRE(cursor.next_element());
  REQUIRE(cursor.read_value(value));
  CHECK(value.bytes == R"({"x":2})");
  CHECK_FALSE(cursor.next_element());
  REQUIRE(cursor.next_member(key));
  CHECK(key.escaped);
  CHECK(unescape(key) == "b\n");
  REQUIRE(cursor.read_value(value));
  CHECK(value.bytes == "\"c\"");
  REQUIRE(cursor.next_member(key));
  REQUIRE(cursor.begin_object());
  CHECK_FALSE(cursor.next_member(key));
  CHECK_FALSE(cursor.next_member(key));
  CHECK(cursor.at_end());
  CHECK_FALSE(cursor.fault());
}

TEST_CASE("a walk meets the same faults as a scan") {
  const auto walk = [](std::string_view text) {
    JsonCursor cursor(text);
    JsonValue key;
    JsonValue value;
    if (cursor.begin_object()) {
      while (cursor.next_member(key) && cursor.read_value(value)) {
      }
    } else if (cursor.begin_array()) {
      while (cursor.next_element() && cursor.read_value(value)) {
      }
    }
    cursor.at_end();
    return cursor.fault();
  };
  for (const std::string_view text :
       {"{", "{}", "{,}", "{\"a\"}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{\"a\":1}x", "{\"a\":1]",
        "[", "[]", "[,]", "[1,]", "[1 2]", "[1}", "[1]]", "{a:1}", "{\"a\":1,\"b\":[1,2]}",
        "[[],[]]", "{\"\\q\":1}"}) {
    CAPTURE(text);
    const auto walked = walk(text);
    const auto scanned = find_json_fault(text);
    REQUIRE(walked.has_value() == scanned.has_value());
    if (!walked) continue;
    CHECK(walked->offset == scanned->offset);
    CHECK(walked->reason == scanned->reason);
  }
}

TEST_CASE("what ends a run of plain bytes is found wherever it stands, and whatever follows it") {
  for (std::size_t before = 0; before < 36; ++before) {
    for (const std::string& after : {std::string(), std::string(36, '~'),
                                     std::string("!!\"\\ \x1f"), std::string("  \xc3\xa4")}) {
      CAPTURE(before);
      CAPTURE(after);
      const std::string head = '"' + std::string(before, '~');
      for (const std::string& wrong : {"\x1f"s, "\x01"s, "\n"s, "\x80"s, "\xff"s, "\xc3("s}) {
        const auto fault = find_json_fault(head + wrong + after);
        REQUIRE(fault);
        CHECK(fault->offset == head.size());
      }
      const auto escape = find_json_fault(head + "\\x" + after);
      REQUIRE(escape);
      CHECK(escape->offset == head.size());
      for (const std::string& right :
           {"\\n"s, "\\\\"s, "\\\""s, "\\\\\\\""s, "\\r\\n\\r\\n"s, "\\u00e4"s, " "s, "!"s, "#"s,
            "["s, "]"s, "\x7f"s, "ä"s, "😀"s}) {
        for (const auto* const tail : {"", "~~~~~~~~~~~~~~~~~~~~"}) {
          const auto text = head + right + tail + '"';
          JsonCursor cursor(text);
          JsonValue value;
          REQUIRE(cursor.read_value(value));
          CHECK(cursor.at_end());
          CHECK(value.bytes == text);
          CHECK(value.escaped == (right[0] == '\\'));
        }
      }
      const auto closed = find_json_fault(head + '"' + after);
      CHECK(closed.has_value() == !after.empty());
      if (closed && after[0] != ' ') CHECK(closed->offset == before + 2);
    }
  }
}
