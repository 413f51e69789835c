#include "base/text.h"

#include <doctest/doctest.h>

using sigway::base::beginning_of;
using sigway::base::shortened;

TEST_CASE("the beginning of a text ends between two characters") {
  CHECK(beginning_of("abc", 3) == "abc");
  CHECK(beginning_of("abc", 2) == "ab");
  CHECK(beginning_of("aäb", 3) == "aä");
  CHECK(beginning_of("aäb", 2) == "a");
  CHECK(beginning_of("😀", 3).empty());
  CHECK(beginning_of("", 0).empty());
  CHECK(shortened("äöü", 6) == "äöü");
  CHECK(shortened("äöü", 5) == "äö…");
}
