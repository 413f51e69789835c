#include "doctor/diagnose.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "doctor/certificate.h"
#include "doctor/words.h"

using namespace sigway::doctor;
using nlohmann::json;

namespace {

json read(const std::filesystem::path& path) { return json::parse(std::ifstream(path)); }

}  // namespace

// What was measured in the networks of the bed; tests/doctor/diagnose.test.mjs runs the same.
TEST_CASE("diagnosis: every case as the page has it") {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SIGWAY_DOCTOR_CASES)) {
    CAPTURE(entry.path().filename().string());
    const auto one = read(entry.path());
    const auto diagnosis = diagnose(one.at("measurements"));
    const auto told = json::parse(diagnosis.to_json().dump());
    CHECK_MESSAGE(told == one.at("expected"), told.dump(), " instead of ",
                  one.at("expected").dump());
    const auto text = as_text(one.at("measurements"), diagnosis);
    CHECK(text.find_first_of("{}") == std::string::npos);
    CHECK(text.find("unknown") == std::string::npos);
    CHECK(text.find("\nsigway ") != std::string::npos);
    ++count;
  }
  CHECK(count >= 30);
}

TEST_CASE("diagnosis: parts may be missing") {
  for (const auto& entry : std::filesystem::directory_iterator(SIGWAY_DOCTOR_CASES)) {
    const auto whole = read(entry.path()).at("measurements");
    for (const auto& item : whole.items()) {
      const auto& name = item.key();
      if (name == "reach" || name == "times") continue;
      CAPTURE(entry.path().filename().string());
      CAPTURE(name);
      auto rest = whole;
      rest.erase(name);
      CHECK_NOTHROW(diagnose(rest));
    }
  }
}

TEST_CASE("words: times and sizes as people write them") {
  CHECK(duration(4) == "4 ms");
  CHECK(duration(999) == "999 ms");
  CHECK(duration(1240) == "1.2 s");
  CHECK(duration(9999) == "10 s");
  CHECK(duration(35000) == "35 s");
  CHECK(size(1023) == "1023 bytes");
  CHECK(size(1536) == "1.5 KiB");
  CHECK(size(65536) == "64 KiB");
  CHECK(size(1048576) == "1 MiB");
}

TEST_CASE("certificate: trusted or not, and by whom") {
  CHECK_FALSE(finding_of_certificate(nullptr).has_value());
  const json good{{"issuer", "Example CA"},
                  {"subject", "call.example.org"},
                  {"until", "2027-01-01"},
                  {"protocol", "TLSv1.3"},
                  {"problem", ""}};
  CHECK(finding_of_certificate(good)->at("id") == "certificate");
  auto bad = good;
  bad["problem"] = "self-signed certificate";
  CHECK(finding_of_certificate(bad)->at("id") == "certificate-unknown");
  json measurements{{"url", "https://call.example.org"},
                    {"at", "now"},
                    {"times", {{"cap", 1}}},
                    {"reach", {{"kind", "failed"}, {"before", json::array()}}},
                    {"certificate", bad}};
  const auto text = as_text(measurements, diagnose(measurements));
  CHECK(text.find("The certificate is not trusted. Issued by Example CA for call.example.org: "
                  "self-signed") != std::string::npos);
}
