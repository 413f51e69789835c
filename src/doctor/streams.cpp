#include "doctor/streams.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "doctor/diagnose.h"

namespace sigway::doctor {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

ordered_json whole(std::int64_t bytes) {
  return {{"id", "stream-buffered-whole"}, {"bytes", bytes}};
}

/// How much later than the fastest of its stream each line came.
std::vector<double> lags_of(const json& lines) {
  std::vector<double> delays;
  for (const auto& line : lines)
    delays.push_back(line.at(2).get<double>() - line.at(1).get<double>());
  if (delays.empty()) return delays;
  const double base = *std::min_element(delays.begin(), delays.end());
  for (auto& delay : delays) delay -= base;
  return delays;
}

ordered_json by_time(const std::vector<double>& lags) {
  return {{"id", "stream-buffered-time"},
          {"ms", std::llround(*std::max_element(lags.begin(), lags.end()))}};
}

/// Deliveries of one size, but for the last, which the end brings out.
std::optional<ordered_json> blocks(const json& stream) {
  std::vector<double> sizes;
  double before = 0;
  for (const auto& read : stream.at("reads")) {
    const double up_to = read.at(1);
    sizes.push_back(up_to - before);
    before = up_to;
  }
  if (sizes.size() < 2) return std::nullopt;
  sizes.pop_back();
  double block = *std::min_element(sizes.begin(), sizes.end());
  // Several at once count as several.
  const bool uneven = std::any_of(sizes.begin(), sizes.end(), [block](double size) {
    const double rest = std::fmod(size, block);
    return rest > block / 16 && rest < block - block / 16;
  });
  if (uneven) block = *quantile(sizes, 0.5);
  return ordered_json{{"id", "stream-buffered-blocks"},
                      {"bytes", static_cast<std::int64_t>(block)},
                      {"of", stream.at("bytes")}};
}

}  // namespace

std::optional<double> quantile(std::vector<double> values, double part) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(static_cast<double>(values.size()) * part)];
}

bool is_one_delivery(const json& stream) {
  const auto& reads = stream.at("reads");
  if (reads.empty()) return false;
  const auto& lines = stream.at("lines");
  const double written = lines.empty() ? 0 : lines.back().at(1).get<double>();
  return reads.back().at(0).get<double>() - reads.front().at(0).get<double>() < written / 4;
}

std::optional<bool> is_held(const json& silent, double cap, double trip) {
  if (!silent.is_object()) return std::nullopt;
  const auto kind = silent.at("kind").get<std::string>();
  if (kind == "failed" || kind == "foreign" || kind == "refused") return std::nullopt;
  const double patience = 2 * trip + 1500;
  if (!silent.contains("first") || silent.at("first").is_null()) {
    if (silent.at("ms").get<double>() > patience) return true;
    return std::nullopt;
  }
  return silent.at("first").get<double>() > std::max(patience, cap / 2);
}

std::optional<ordered_json> buffering(const json& small, const json& large,
                                      std::optional<bool> held, double trip) {
  const double interval = small.at("asked").at("interval");
  const auto& lines = small.at("lines");
  const auto bytes = small.at("bytes").get<std::int64_t>();
  if (lines.empty()) {
    if (held == true || small.at("kind") == "timeout") return whole(bytes);
    return std::nullopt;
  }
  const auto lags = lags_of(lines);
  const auto reads = small.at("reads").size();
  if (lines.size() > 4 && is_one_delivery(small)) {
    if (held == false) return by_time(lags);
    if (large.is_null() || is_one_delivery(large)) {
      return whole(std::max(bytes, large.is_null() ? 0 : large.at("bytes").get<std::int64_t>()));
    }
    if (auto found = blocks(large)) return found;
    return whole(bytes);
  }
  if (held == true) {
    if (*quantile(lags, 0.5) > interval / 2 && reads * 2 > lines.size())
      return ordered_json{{"id", "stream-one-behind"}};
    const auto early = lags.size() < 3
                           ? std::nullopt
                           : quantile(std::vector<double>(lags.begin() + 1, lags.end() - 1), 0.5);
    if (early.value_or(0) < interval / 2) return ordered_json{{"id", "stream-first-held"}};
    if (auto found = blocks(small)) return found;
    return whole(bytes);
  }
  const bool bunched = reads * 3 <= lines.size();
  if (!held && bunched) return blocks(small);
  // Bunched, but nothing stays behind; jitter of the line itself does that too.
  if (held == false && bunched && *quantile(lags, 0.5) > 2 * interval + trip) return by_time(lags);
  return std::nullopt;
}

}  // namespace sigway::doctor
