#include "doctor/requests.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "doctor/measured.h"

namespace sigway::doctor {

using nlohmann::json;
using nlohmann::ordered_json;

bool is_balancer(const json& one) {
  const auto status = number(one, "status");
  return kind_of(one) == "foreign" && status && *status >= 502 && *status <= 504;
}

bool is_other(const json& one) { return kind_of(one) == "foreign" || kind_of(one) == "redirected"; }

ordered_json findings_of_requests(const json& measurements) {
  auto findings = ordered_json::array();
  const auto add = [&findings](const char* id, ordered_json data = ordered_json::object()) {
    ordered_json finding{{"id", id}};
    finding.update(data);
    findings.push_back(std::move(finding));
  };
  std::vector<const json*> echo;
  for (const auto& one : part(measurements, "requests")) {
    const auto method = text(one, "method");
    if (number(one, "status") != 413 && (method == "GET" || method == "POST")) echo.push_back(&one);
  }
  const auto count = [&echo](auto&& test) {
    return std::count_if(echo.begin(), echo.end(), [&](const json* one) { return test(*one); });
  };
  const auto some = [&](const char* id, std::int64_t how_many) {
    if (how_many > 0) add(id, {{"count", how_many}, {"of", echo.size()}});
  };
  const auto seen = [](const json& one) { return number(one, "seen").value_or(-1); };
  some("requests-lost", count([&](const json& one) {
         return (kind_of(one) == "failed" || kind_of(one) == "timeout") && seen(one) == 0;
       }));
  some("answers-lost",
       count([&](const json& one) { return kind_of(one) == "failed" && seen(one) > 0; }));
  some("stalled",
       count([&](const json& one) { return kind_of(one) == "timeout" && seen(one) > 0; }));
  some("balancer-errors", count(is_balancer));
  // Where an answer is lost, browsers and libcurl send the request again by themselves: some of
  // them.
  const bool lossy =
      count([&](const json& one) { return kind_of(one) == "failed" && seen(one) > 0; }) > 0;
  const auto find_repeated = [&](const char* method, const char* id) {
    const auto is_of = [method](const json& one) { return text(one, "method") == method; };
    const auto repeated = count([&](const json& one) { return is_of(one) && seen(one) > 1; });
    if (!lossy || 2 * repeated > count(is_of)) some(id, repeated);
  };
  find_repeated("POST", "posts-repeated");
  find_repeated("GET", "gets-repeated");
  const auto& before = part(measurements.at("reach"), "before");
  const auto since = [&](const char* id, const auto& test) {
    some(id, count(test) - std::count_if(before.begin(), before.end(), test));
  };
  const auto is_foreign = [](int status) {
    return [status](const json& one) {
      return kind_of(one) == "foreign" && number(one, "status") == status;
    };
  };
  since("requests-blocked", is_foreign(403));
  since("requests-limited", is_foreign(429));
  since("strangers", [](const json& one) {
    const auto status = number(one, "status");
    return is_other(one) && !is_balancer(one) && status != 403 && status != 429;
  });
  std::set<std::string> servers;
  for (const auto* one : echo) {
    if (auto server = text(*one, "server"); !server.empty()) servers.insert(std::move(server));
  }
  if (servers.size() > 1) add("several-servers", {{"count", servers.size()}});
  if (const auto altered = number(part(measurements, "repeats"), "altered").value_or(0);
      altered > 0)
    add("altered", {{"count", rounded(altered)}});
  if (const auto& cache = part(measurements, "cache"); cache.is_object()) {
    const auto counts = cache.at("counts").get<std::vector<int>>();
    const std::set<int> different(counts.begin(), counts.end());
    if (number(cache, "foreign").value_or(0) > 0 || different.size() < counts.size()) add("cached");
  }
  const auto& methods = part(measurements, "methods");
  if (part(methods, "options") == false) add("options-refused");
  if (part(methods, "put") == false) add("only-get-and-post");
  // On this side of a proxy, or on the other.
  std::int64_t connections = 0, first = 0, closes = 0;
  for (const auto* one : echo) {
    const auto request = number(*one, "request").value_or(0);
    if (request <= 0) continue;
    ++connections;
    if (request == 1) ++first;
    if (part(*one, "closes") == true) ++closes;
  }
  if (connections >= 8 && (first == connections || closes == connections)) add("no-keep-alive");
  return findings;
}

}  // namespace sigway::doctor
