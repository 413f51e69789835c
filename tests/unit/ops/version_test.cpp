#include "ops/version.h"

#include <doctest/doctest.h>

TEST_CASE("the version is the project's") { CHECK(sigway::ops::version() == "0.1.0"); }
