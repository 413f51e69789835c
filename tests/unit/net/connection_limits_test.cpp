#include "net/connection_limits.h"

#include <doctest/doctest.h>

#include <memory>

using namespace sigway::net;  // NOLINT(google-build-using-namespace)

TEST_CASE("a connection is its address's, a trusted proxy's is nobody's") {
  const auto proxy = *Address::parse("10.0.0.1");
  const auto limits = std::make_shared<ConnectionLimits>(ConnectionLimits::Options{
      .per_address = 1, .exempt = [proxy](const Address& peer) { return peer == proxy; }});
  const auto client = *Address::parse("10.0.0.2");
  const auto first = limits->count(client);
  CHECK(first->client() == client.key());
  CHECK_FALSE(limits->is_address_exceeded(client));
  auto second = limits->count(client);
  CHECK(limits->is_address_exceeded(client));
  second.reset();
  CHECK_FALSE(limits->is_address_exceeded(client));

  const auto of_proxy = limits->count(proxy);
  const auto another = limits->count(proxy);
  CHECK_FALSE(of_proxy->client());
  CHECK_FALSE(limits->is_address_exceeded(proxy));
  CHECK(limits->total() == 3);
}

TEST_CASE("whose a connection is is known without a limit for addresses, too") {
  const auto limits = std::make_shared<ConnectionLimits>(ConnectionLimits::Options{});
  const auto client = *Address::parse("10.0.0.2");
  const auto permit = limits->count(client);
  CHECK(permit->client() == client.key());
  CHECK_FALSE(limits->is_address_exceeded(client));
}
