#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "probe/limits.h"
#include "probe/nonces.h"
#include "probe/report.h"
#include "probe/stream.h"

using namespace sigway;
using namespace std::chrono_literals;

namespace {
const base::TimePoint kStart{std::chrono::hours(100)};
base::AddressKey address(std::string_view ip) { return base::AddressKey::parse(ip); }
}  // namespace

TEST_CASE("nonces: counted, forgotten after two minutes, bounded") {
  probe::Nonces nonces(3, 10);
  CHECK(nonces.seen("a") == 0);
  CHECK(nonces.count("a", address("10.0.0.1"), kStart) == 1);
  CHECK(nonces.count("a", address("10.0.0.1"), kStart + 119s) == 2);
  CHECK(nonces.count("b", address("10.0.0.1"), kStart + 119s) == 1);
  CHECK(nonces.count("c", address("10.0.0.1"), kStart + 120s) == 1);  // and `a` goes
  CHECK(nonces.seen("a") == 0);
  nonces.count("d", address("10.0.0.1"), kStart + 121s);
  nonces.count("e", address("10.0.0.1"), kStart + 121s);  // one more than there may be
  CHECK(nonces.seen("b") == 0);
  CHECK(nonces.seen("c") == 1);
  CHECK(nonces.seen("e") == 1);
}

TEST_CASE("nonces: who brings many loses the oldest of its own, and nobody else's") {
  probe::Nonces nonces;
  nonces.count("innocent", address("10.0.0.2"), kStart);
  for (int i = 0; i < 200'000; ++i)
    nonces.count(std::to_string(i), address("10.0.0.1"), kStart + 1s);
  CHECK(nonces.seen("innocent") == 1);
  CHECK(nonces.count("innocent", address("10.0.0.1"), kStart + 2s) == 2);
  CHECK(nonces.seen("198999") == 0);
  CHECK(nonces.seen("199000") == 1);
  CHECK(nonces.seen("199999") == 1);
  CHECK_MESSAGE(nonces.count("later", address("10.0.0.3"), kStart + 121s) == 1,
                "what is too old goes, of each address");
  CHECK(nonces.seen("innocent") == 0);
  CHECK(nonces.seen("199999") == 0);
}

TEST_CASE("limits: probes at once, of one address and in all") {
  const auto limits = std::make_shared<probe::Limits>(
      probe::Limits::Options{.total = 3, .per_address = 2, .rate = 0, .burst = 0});
  using Permit = std::unique_ptr<probe::Limits::Permit>;
  const auto status = [](auto& result) {
    const auto* refusal = std::get_if<http::Response>(&result);
    return refusal == nullptr ? 200 : refusal->status();
  };
  auto first = limits->admit(address("10.0.0.1"), 0, kStart);
  auto second = limits->admit(address("10.0.0.1"), 0, kStart);
  auto third = limits->admit(address("10.0.0.1"), 0, kStart);
  CHECK(status(second) == 200);
  REQUIRE(status(third) == 429);
  CHECK(std::get<http::Response>(third).body().view().find("too_many_probes") !=
        std::string_view::npos);
  CHECK(*std::get<http::Response>(third).header("retry-after") == "5");
  auto other = limits->admit(address("10.0.0.2"), 0, kStart);
  CHECK(status(other) == 200);
  auto fourth = limits->admit(address("10.0.0.3"), 0, kStart);
  CHECK(status(fourth) == 503);
  // A place that is given back can be had again, also by the address that was refused.
  std::get<Permit>(first).reset();
  auto again = limits->admit(address("10.0.0.1"), 0, kStart);
  CHECK(status(again) == 200);
}

TEST_CASE("limits: requests a second of one address") {
  probe::Limits limits({.total = 1, .per_address = 1, .rate = 2, .burst = 4});
  for (int i = 0; i < 4; ++i) CHECK_FALSE(limits.check_rate(address("10.0.0.1"), kStart));
  const auto refusal = limits.check_rate(address("10.0.0.1"), kStart);
  REQUIRE(refusal);
  CHECK(refusal->status() == 429);
  CHECK_FALSE(limits.check_rate(address("10.0.0.2"), kStart));
  CHECK_FALSE(limits.check_rate(address("10.0.0.1"), kStart + 1s));
}

TEST_CASE("limits: bytes a second of one address, charged for what a probe may cost") {
  const auto limits = std::make_shared<probe::Limits>(probe::Limits::Options{
      .total = 2, .per_address = 2, .rate = 0, .burst = 0, .bytes_rate = 100, .bytes_burst = 1000});
  const auto admit = [&](const std::string& from, std::size_t bytes, base::TimePoint now) {
    auto result = limits->admit(address(from), bytes, now);
    const auto* refusal = std::get_if<http::Response>(&result);
    return std::string(refusal == nullptr ? "admitted" : *refusal->header("retry-after"));
  };
  CHECK(admit("10.0.0.1", 600, kStart) == "admitted");
  CHECK(admit("10.0.0.1", 600, kStart) == "7");  // 600 bytes come in 6 seconds
  CHECK(admit("10.0.0.1", 400, kStart) == "admitted");
  CHECK(admit("10.0.0.1", 0, kStart) == "admitted");  // a hold, a socket
  CHECK(admit("10.0.0.2", 1000, kStart) == "admitted");
  CHECK(admit("10.0.0.1", 600, kStart + 5s) == "7");
  CHECK(admit("10.0.0.1", 600, kStart + 7s) == "admitted");

  // A probe that is refused for want of a place costs nothing, and one that is refused for its
  // bytes keeps no place.
  auto one = limits->admit(address("10.0.0.3"), 0, kStart);
  auto two = limits->admit(address("10.0.0.3"), 0, kStart);
  CHECK(admit("10.0.0.3", 1000, kStart) == "5");
  CHECK(admit("10.0.0.4", 1000, kStart) == "5");
  std::get<std::unique_ptr<probe::Limits::Permit>>(two).reset();
  CHECK(admit("10.0.0.3", 1000, kStart) == "admitted");
  for (int i = 0; i < 5; ++i) CHECK(admit("10.0.0.3", 1000, kStart) == "11");
  CHECK(admit("10.0.0.4", 1000, kStart) == "admitted");
}

TEST_CASE("limits: an IPv6 address counts by its /64, an IPv4 address by itself") {
  probe::Limits limits({.total = 1, .per_address = 1, .rate = 1, .burst = 2});
  CHECK_FALSE(limits.check_rate(address("2001:db8::1"), kStart));
  CHECK_FALSE(limits.check_rate(address("2001:db8::ffff:2"), kStart));
  CHECK(limits.check_rate(address("2001:db8::3"), kStart));
  CHECK_FALSE(limits.check_rate(address("2001:db8:0:1::3"), kStart));
  CHECK_FALSE(limits.check_rate(address("10.0.0.1"), kStart));
  CHECK_FALSE(limits.check_rate(address("10.0.0.1"), kStart));
  CHECK(limits.check_rate(address("10.0.0.1"), kStart));
  CHECK_FALSE(limits.check_rate(address("10.0.0.2"), kStart));
}

TEST_CASE("report: header names are told, values only of those that hold no secret") {
  http::Request request;
  request.method_name = "POST";
  request.body = "foobar";
  request.headers = {{"via", "1.1 one"},
                     {"cookie", "session=secret"},
                     {"authorization", "Bearer x"},
                     {"via", "1.1 \"two\""},
                     {"x-gateway-token", "secret"},
                     {"user-agent", std::string(5000, 'a')}};
  std::string text;
  dialects::JsonWriter writer(text);
  probe::describe(request, writer);
  writer.close();
  const auto json = nlohmann::json::parse(text);
  CHECK(json["method"] == "POST");
  CHECK(json["http"] == "1.1");
  CHECK(json["length"] == 6);
  CHECK(json["checksum"] == "bf9cf968");  // FNV-1a's own test vector
  CHECK(json["headers"]["via"] == "1.1 one, 1.1 \"two\"");
  CHECK(json["headers"]["cookie"].is_null());
  CHECK(json["headers"]["authorization"].is_null());
  CHECK(json["headers"]["x-gateway-token"].is_null());
  CHECK(json["headers"]["user-agent"].get<std::string>().size() == 256);
}

TEST_CASE("stream: a chunk has the size asked for and says when it was written") {
  for (const std::size_t size : {64U, 65U, 1000U, 65536U}) {
    const auto line = probe::chunk(probe::StreamType::text, 1999, 40000ms, size);
    CHECK(line.size() == size);
    CHECK(line.find('\n') == size - 1);
    const auto json = nlohmann::json::parse(line);
    CHECK(json["n"] == 1999);
    CHECK(json["at"] == 40000);
    const auto event = probe::chunk(probe::StreamType::events, 1999, 40000ms, size);
    CHECK(event.size() == size);
    CHECK(event.starts_with("data: {"));
    CHECK(event.ends_with("}\n\n"));
    CHECK(nlohmann::json::parse(event.substr(6))["n"] == 1999);
  }
  CHECK(*probe::stream_head(probe::StreamType::events).header("content-type") ==
        "text/event-stream");
}
