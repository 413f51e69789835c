#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <variant>

#include "socketio/fault.h"

/// What a decoder gave, or the test's end.
namespace sigway::dialects::socketio {

template <typename Value>
Value good(const Result<Value>& result) {
  if (const auto* fault = std::get_if<Fault>(&result))
    FAIL(phrase(fault->kind) << " at " << fault->offset);
  return std::get<Value>(result);
}

template <typename Value>
Fault bad(const Result<Value>& result) {
  REQUIRE(std::holds_alternative<Fault>(result));
  return std::get<Fault>(result);
}

/// Bytes with NULs.
template <std::size_t size>
std::string bytes(const char (&text)[size]) {
  return {text, size - 1};
}

inline doctest::String toString(const Fault& fault) {
  const std::string text = std::string(phrase(fault.kind)) + " at " + std::to_string(fault.offset);
  return text.c_str();
}

}  // namespace sigway::dialects::socketio
