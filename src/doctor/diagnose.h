#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace sigway::doctor {

/// What a network lets through.
struct Diagnosis {
  nlohmann::ordered_json findings;  ///< array of {"id", data…}; what they mean: words.h
  bool websocket = false;
  bool sse = false;
  bool poll = false;

  /// The transport that sigway will use: "websocket", "sse", "poll", or empty.
  std::string transport() const;
  /// {"findings","works","transport"}, as the page's report has it.
  nlohmann::ordered_json to_json() const;
};

/// From measurements (examine.h; the schema "sigway-doctor/1") to findings: the same rules as
/// web/doctor/diagnose.js, and the cases in tests/doctor/cases/ hold both to it. Parts that are
/// missing, because the time was up, are left out of the findings. Pure. Throws nothing for what
/// examine() makes; for JSON of another shape, nlohmann::json's exceptions.
Diagnosis diagnose(const nlohmann::json& measurements);

/// As many connections at a time are few. A session needs no more, but a doctor and a page do.
constexpr int kFew = 2;

/// Whether probes wait for each other where so many connections are served at a time; 0: not known.
inline bool is_few(int served) { return served > 0 && served <= kFew; }

/// All of a stream within a moment, while it was written over a longer time. `stream` is one of the
/// measurements.
bool is_one_delivery(const nlohmann::json& stream);

}  // namespace sigway::doctor
