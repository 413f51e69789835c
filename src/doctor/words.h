#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "doctor/diagnose.h"

namespace sigway::doctor {

/// The content of web/doctor/words.json, which the page has too. The file is part of the binary.
const nlohmann::ordered_json& words();

/// "350 ms", "1.2 s", "35 s"
std::string duration(double ms);
/// "1023 bytes", "1.5 KiB", "1 MiB"
std::string size(double bytes);

/// The report as text: the verdict, what was found by topics, and advice for the administrator.
std::string as_text(const nlohmann::json& measurements, const Diagnosis& diagnosis);

}  // namespace sigway::doctor
