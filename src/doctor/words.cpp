#include "doctor/words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "web/embedded.h"

namespace sigway::doctor {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

struct Mark {
  std::string_view level;
  std::string_view sign;
};
constexpr std::array<Mark, 4> kMarks = {
    {{"bad", "✗"}, {"warn", "!"}, {"note", "·"}, {"good", "✓"}}};

std::size_t rank_of(const std::string& level) {
  const auto found = std::find_if(kMarks.begin(), kMarks.end(),
                                  [&](const Mark& mark) { return mark.level == level; });
  return static_cast<std::size_t>(found - kMarks.begin());
}

/// "1.5", "2"
std::string tenths(double value) {
  const auto whole = static_cast<std::int64_t>(std::floor(value * 10 + 0.5));
  std::string out = std::to_string(whole / 10);
  if (whole % 10 != 0) out += "." + std::to_string(whole % 10);
  return out;
}

std::string value_of(const ordered_json& finding, const std::string& name) {
  const auto found = finding.find(name);
  if (found == finding.end() || found->is_null()) return "unknown";
  if (name == "ms")
    return (finding.value("least", false) ? "at least " : "") + duration(found->get<double>());
  if (name == "bytes") return size(found->get<double>());
  return found->is_string() ? found->get<std::string>() : found->dump();
}

/// The text with each {name} exchanged for the finding's value.
std::string filled(const std::string& text, const ordered_json& finding) {
  std::string out;
  std::size_t at = 0;
  for (auto open = text.find('{'); open != std::string::npos; open = text.find('{', at)) {
    const auto close = text.find('}', open);
    out += text.substr(at, open - at) + value_of(finding, text.substr(open + 1, close - open - 1));
    at = close + 1;
  }
  return out + text.substr(at);
}

struct Said {
  std::string topic, level, title, text, advice;
};

std::vector<Said> in_words(const ordered_json& findings) {
  std::vector<Said> said;
  for (const auto& finding : findings) {
    const auto& row = words().at("findings").at(finding.at("id").get<std::string>());
    const auto of = [&](const char* name) { return filled(row.value(name, ""), finding); };
    said.push_back({of("topic"), of("level"), of("title"), of("text"), of("advice")});
  }
  return said;
}

/// What an administrator can do, the worst first, each once.
std::string advice(std::vector<Said> said) {
  std::stable_sort(said.begin(), said.end(), [](const Said& a, const Said& b) {
    return rank_of(a.level) < rank_of(b.level);
  });
  std::string out;
  std::vector<std::string> given;
  for (const auto& one : said) {
    if (one.advice.empty() || std::find(given.begin(), given.end(), one.advice) != given.end())
      continue;
    given.push_back(one.advice);
    out += "  - " + one.title + ": " + one.advice + "\n";
  }
  return out;
}

}  // namespace

const ordered_json& words() {
  static const auto kWords = [] {
    for (const auto& file : web::files()) {
      if (file.path == "doctor/words.json") return ordered_json::parse(file.bytes);
    }
    throw std::logic_error("web/doctor/words.json is not part of this binary");
  }();
  return kWords;
}

std::string duration(double ms) {
  if (ms < 1000) return std::to_string(std::llround(ms)) + " ms";
  if (ms < 9950) return tenths(ms / 1000) + " s";
  return std::to_string(std::llround(ms / 1000)) + " s";
}

std::string size(double bytes) {
  if (bytes < 1024) return std::to_string(std::llround(bytes)) + " bytes";
  const double kib = bytes / 1024;
  if (kib < 10) return tenths(kib) + " KiB";
  if (kib < 1024) return std::to_string(std::llround(kib)) + " KiB";
  return tenths(kib / 1024) + " MiB";
}

std::string as_text(const json& measurements, const Diagnosis& diagnosis) {
  const auto best = diagnosis.transport();
  const auto& verdict = words().at("verdict").at(best.empty() ? "none" : best);
  const auto of = [](const ordered_json& row, const char* name) {
    return row.at(name).get<std::string>();
  };
  std::string out = "sigway doctor, " + measurements.at("url").get<std::string>() + ", " +
                    measurements.at("at").get<std::string>() + "\n\n" + of(verdict, "title") +
                    "\n" + of(verdict, "text") + "\n";
  const auto said = in_words(diagnosis.findings);
  for (const auto& [topic, name] : words().at("topics").items()) {
    std::string lines;
    for (const auto& one : said) {
      if (one.topic != topic) continue;
      lines.append("  ").append(kMarks.at(rank_of(one.level)).sign);
      lines += " " + one.title + ". " + one.text + "\n";
    }
    if (!lines.empty()) out += "\n" + name.get<std::string>() + "\n" + lines;
  }
  if (const auto todo = advice(said); !todo.empty()) out += "\nFor the administrator\n" + todo;
  return out;
}

}  // namespace sigway::doctor
