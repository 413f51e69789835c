#include "dialects/grammar.h"

#include <doctest/doctest.h>

#include <string>

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using std::string_literals::operator""s;

namespace {

/// Bytes that are not UTF-8: a lone continuation, overlong forms, surrogates, beyond U+10FFFF, cut.
const std::string kNotUtf8[] = {
    "\x80",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x80\x80",     "\xED\xA0\x80",
    "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
    "\xC3",         "\xE2\x82",         "\xF0\x9F\x98"};

}  // namespace

TEST_CASE("a key is 22 to 128 letters, digits, - and _") {
  CHECK(valid_key("ABCXYZabcxyz0123456789-_"));
  CHECK(valid_key(std::string(22, 'a')));
  CHECK(valid_key(std::string(128, 'a')));
  CHECK_FALSE(valid_key(std::string(21, 'a')));
  CHECK_FALSE(valid_key(std::string(129, 'a')));
  CHECK_FALSE(valid_key(""));
  for (const auto& bad :
       {"."s, "/"s, ":"s, "@"s, "["s, "`"s, "{"s, " "s, "\0"s, "ä"s, "="s, "+"s}) {
    CAPTURE(bad);
    CHECK_FALSE(valid_key(std::string(22, 'a') + bad));
    CHECK_FALSE(valid_key(bad + std::string(22, 'a')));
  }
}

TEST_CASE("a token has its length between two bounds, both included") {
  CHECK(is_token("ab", 2, 3));
  CHECK(is_token("abc", 2, 3));
  CHECK_FALSE(is_token("a", 2, 3));
  CHECK_FALSE(is_token("abcd", 2, 3));
  CHECK(is_token("", 0, 3));
}

TEST_CASE("a room is 1 to 128 bytes of UTF-8 without control characters") {
  for (const auto& room : {"a"s, "@a"s, "a b/c?d#e"s, "ä€😀"s, "__proto__"s, "\u00a0"s, "~"s})
    CHECK_MESSAGE(valid_room(room), room);
  CHECK(valid_room(std::string(128, 'a')));
  CHECK_FALSE(valid_room(std::string(129, 'a')));
  std::string euros;
  for (int i = 0; i < 42; ++i) euros += "€";
  CHECK_MESSAGE(valid_room(euros + "ab"), "128 bytes");
  CHECK_MESSAGE(!valid_room(euros + "abc"), "129 bytes, although fewer characters");
}

TEST_CASE("a name is 1 to 64 characters, of up to four bytes, and begins with no @") {
  for (const auto& name : {"a"s, "a@b"s, "a b"s, "__proto__"s, "constructor"s, "ä€😀"s, "\u00a0"s})
    CHECK_MESSAGE(valid_name(name), name);
  CHECK_FALSE(valid_name("@a"));
  CHECK(valid_name(std::string(64, 'a')));
  CHECK_FALSE(valid_name(std::string(65, 'a')));
  std::string smiles;
  for (int i = 0; i < 64; ++i) smiles += "😀";
  CHECK(valid_name(smiles));
  CHECK_FALSE(valid_name(smiles + "a"));
  CHECK_FALSE(valid_name("a" + smiles));
}

TEST_CASE("neither rooms nor names are empty, not UTF-8, or have control characters") {
  const auto both_refuse = [](const std::string& text) {
    CAPTURE(text);
    CHECK_FALSE(valid_room(text));
    CHECK_FALSE(valid_name(text));
  };
  both_refuse("");
  for (const auto& bytes : kNotUtf8) {
    both_refuse(bytes);
    both_refuse("a" + bytes);
    both_refuse(bytes + "a");
  }
  for (int control = 0; control < 0x20; ++control)
    both_refuse("a" + std::string(1, static_cast<char>(control)));
  both_refuse("\x7f");
  both_refuse("\u0080");
  both_refuse("a\u0085b");
  both_refuse("\u009f");
}
