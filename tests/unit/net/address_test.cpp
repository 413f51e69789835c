#include "net/address.h"

#include <doctest/doctest.h>

#include <string>

using namespace sigway::net;

TEST_CASE("addresses are parsed and printed") {
  CHECK(Address::parse("127.0.0.1", 80)->to_string() == "127.0.0.1:80");
  CHECK(Address::parse("[::1]", 80)->to_string() == "[::1]:80");
  CHECK(Address::parse("2001:0db8::0:1")->ip() == "2001:db8::1");
  for (const char* bad :
       {"", "localhost", "1.2.3", "1.2.3.4:80", "[1.2.3.4", "::1%lo", "1.2.3.4 "}) {
    CAPTURE(bad);
    CHECK_FALSE(Address::parse(bad).has_value());
  }
  CHECK(Address::parse("::ffff:10.0.0.1") == Address::parse("10.0.0.1"));
  CHECK(Address::parse("10.0.0.1")->is_v4());
  CHECK_FALSE(Address::parse("::1")->is_v4());
}

TEST_CASE("loopback and unspecified") {
  CHECK(Address::parse("127.9.8.7")->is_loopback());
  CHECK(Address::parse("::1")->is_loopback());
  CHECK_FALSE(Address::parse("128.0.0.1")->is_loopback());
  CHECK_FALSE(Address::parse("::2")->is_loopback());
  CHECK_FALSE(Address::parse("::")->is_loopback());
  CHECK(Address::parse("0.0.0.0")->is_unspecified());
  CHECK(Address::parse("::")->is_unspecified());
  CHECK_FALSE(Address::parse("0.0.0.1")->is_unspecified());
}

TEST_CASE("ranges") {
  const auto contains = [](const char* range, const char* address) {
    return AddressRange::parse(range)->contains(*Address::parse(address, 99));
  };
  CHECK(contains("10.0.0.0/8", "10.255.1.2"));
  CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  CHECK(contains("192.168.4.0/22", "192.168.7.255"));
  CHECK_FALSE(contains("192.168.4.0/22", "192.168.8.0"));
  CHECK(contains("0.0.0.0/0", "1.2.3.4"));
  CHECK_FALSE(contains("0.0.0.0/0", "::1"));
  CHECK(contains("::/0", "1.2.3.4"));
  CHECK(contains("fd00::/7", "fc12::1"));
  CHECK(contains("1.2.3.4", "1.2.3.4"));
  CHECK_FALSE(contains("1.2.3.4", "1.2.3.5"));
  for (const char* bad :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "a/8", "10.0.0.0/8x"}) {
    CAPTURE(bad);
    CHECK_FALSE(AddressRange::parse(bad).has_value());
  }
}
