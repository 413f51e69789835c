#include "base/utf8.h"

#include <doctest/doctest.h>

#include <string>

using sigway::base::ascii_prefix;
using sigway::base::is_utf8;
using std::string_literals::operator""s;

TEST_CASE("UTF-8 is told from other bytes, wherever they stand") {
  // Words of 32 bytes are looked at as one: each place within them, and both sides of their edge.
  for (std::size_t before = 0; before < 40; ++before) {
    const std::string ahead(before, 'x');
    CAPTURE(before);
    for (const auto& text : {""s, "a"s, "\0"s, "\n"s, "\x7f"s, "ä"s, "€"s, "😀"s, "\xEF\xBF\xBF"s,
                             "\xF4\x8F\xBF\xBF"s, "\xED\x9F\xBF"s, "aä€😀z"s}) {
      CAPTURE(text);
      CHECK(is_utf8(ahead + text));
      CHECK(is_utf8(ahead + text + ahead));
    }
    // A lone continuation, overlong forms, surrogates, beyond U+10FFFF, cut.
    for (const auto& bytes :
         {"\x80"s, "\xC0\x80"s, "\xC0\xAF"s, "\xC1\xBF"s, "\xE0\x80\x80"s, "\xED\xA0\x80"s,
          "\xED\xBF\xBF"s, "\xF0\x80\x80\x80"s, "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s, "\xFF"s,
          "\xC3"s, "\xE2\x82"s, "\xF0\x9F\x98"s}) {
      CAPTURE(bytes);
      CHECK_FALSE(is_utf8(ahead + bytes));
      CHECK_FALSE(is_utf8(ahead + bytes + "abc" + ahead));
    }
    CHECK(ascii_prefix(ahead) == before);
    CHECK(ascii_prefix(ahead + "ä" + ahead) == before);
  }
}
