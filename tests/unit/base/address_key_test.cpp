#include "base/address_key.h"

#include <doctest/doctest.h>

using sigway::base::AddressKey;

TEST_CASE("limits count an IPv4 address, and of IPv6 the /64") {
  const auto key = [](const char* text) { return AddressKey::parse(text); };
  CHECK(key("10.0.0.1") == key("10.0.0.1"));
  CHECK(key("10.0.0.1") != key("10.0.0.2"));
  CHECK(key("::ffff:10.0.0.1") == key("10.0.0.1"));
  CHECK(key("::ffff:10.0.0.1") != key("::ffff:10.0.0.2"));
  CHECK(key("2001:db8:1:2::1") == key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  CHECK(key("2001:db8:1:2::1") != key("2001:db8:1:3::1"));
  CHECK(key("::1") != key("::ffff:0.0.0.1"));
  CHECK(key("not an address") == key("not an address"));
  CHECK(key("not an address"));
  CHECK_FALSE(key(""));
}
