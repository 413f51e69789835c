#include "socketio/text.h"

#include <doctest/doctest.h>

#include <string>

#include "socketio/base64.h"

namespace sigway::dialects::socketio::text_test {
namespace {

std::string decoded(std::string_view text) {
  std::string out = "old";
  decode_base64(text, out);
  return out;
}

}  // namespace

TEST_CASE("characters count as in JavaScript") {
  CHECK(utf16_length("") == 0);
  CHECK(utf16_length("abc") == 3);
  CHECK(utf16_length("é") == 1);
  CHECK(utf16_length("€") == 1);
  CHECK(utf16_length("😀") == 2);
  CHECK(utf16_length("a😀€é!") == 6);
}

TEST_CASE("a prefix of so many characters") {
  const auto prefix = [](std::string_view text, std::size_t units) {
    return utf16_prefix(text, units);
  };
  CHECK(prefix("hello world, hello", 11).bytes == 11);
  CHECK(prefix("4€6:", 2).bytes == 4);
  CHECK(prefix("4€6:", 2).complete);
  CHECK(prefix("", 0).complete);
  CHECK(prefix("😀x", 2).bytes == 4);
  CHECK(prefix("aaaaaaaaa😀x", 11).bytes == 13);

  CHECK_FALSE(prefix("abc", 4).complete);
  CHECK(prefix("abc", 4).bytes == 3);
  CHECK_FALSE(prefix("a😀", 2).complete);  // half a pair
  CHECK(prefix("a😀", 2).bytes == 1);
  CHECK_FALSE(prefix("ab\xFF", 3).complete);
  CHECK(prefix("ab\xFF", 3).bytes == 2);
}

TEST_CASE("where UTF-8 ends") {
  CHECK(utf8_prefix("") == 0);
  CHECK(utf8_prefix("0123456789é€😀0123456789") == 29);
  CHECK(utf8_prefix("0123456789\xC3") == 10);
  CHECK(utf8_prefix("é\xED\xA0\x80") == 2);  // a surrogate
  CHECK(utf8_prefix("\xC0\xAF") == 0);
}

namespace {
// As the clients of 1.x do.
std::string encode_twice(std::string_view utf8) {
  std::string out;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0 | (byte >> 6));
      out += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return out;
}
}  // namespace

TEST_CASE("JSON in ASCII") {
  const auto ascii = [](std::string_view json) {
    std::string out = ">";
    append_ascii_json(out, json);
    return out;
  };
  CHECK(ascii("42[\"plain\",{\"a\":1}]") == ">42[\"plain\",{\"a\":1}]");
  CHECK(ascii("[\"é€😀\"]") == ">[\"\\u00e9\\u20ac\\ud83d\\ude00\"]");
  CHECK(ascii("\"\\\\é\"") == ">\"\\\\\\u00e9\"");
  CHECK(is_ascii(ascii("߿ࠀ￿\xF4\x8F\xBF\xBF")));
}

TEST_CASE("the double UTF-8 of 1.x") {
  CHECK(decode_twice("\xC3\x83\xC2\xA9\xC3\xA2\xC2\x82\xC2\xAC") == "é€");
  for (const char* text : {"é", "€", "😀", "42[\"é€😀\"]", "12345678é", "ÿ"}) {
    CAPTURE(text);
    const std::string twice = encode_twice(text);
    CHECK(looks_double_encoded(twice));
    CHECK(decode_twice(twice) == text);
    CHECK_FALSE(looks_double_encoded(text));
  }
  CHECK_FALSE(looks_double_encoded(""));
  CHECK_FALSE(looks_double_encoded("plain ASCII, and longer than a word of eight bytes"));
  CHECK_FALSE(looks_double_encoded("café"));  // é alone is no UTF-8
  CHECK_FALSE(looks_double_encoded("Ã©€"));   // a character beyond U+00FF
  CHECK_FALSE(looks_double_encoded("\xC3"));  // not UTF-8
  CHECK_FALSE(looks_double_encoded("\xC3\x28"));
  CHECK(looks_double_encoded("Ã©"));  // the price of guessing
}

TEST_CASE("base64 is as lenient as the reference") {
  std::string out = ">";
  append_base64(out, std::string("\1\2\3\4"));
  CHECK(out == ">AQIDBA==");
  append_base64(out, "");
  CHECK(out == ">AQIDBA==");

  CHECK(decoded("AQID") == "\1\2\3");
  CHECK(decoded("AQI=") == "\1\2");
  CHECK(decoded("AQ") == "\1");
  CHECK(decoded("A").empty());
  CHECK(decoded("A*Q\nI D") == "\1\2\3");
  CHECK(decoded("AQ=AQID") == "\1");
  CHECK(decoded("-_-_") == "\xFB\xFF\xBF");
  CHECK(decoded("+/+/") == "\xFB\xFF\xBF");
  CHECK(decoded("").empty());
}

}  // namespace sigway::dialects::socketio::text_test
