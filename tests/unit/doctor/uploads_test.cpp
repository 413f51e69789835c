#include "doctor/uploads.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

using namespace sigway::doctor;
using nlohmann::json;

namespace {

json answered(std::size_t size, double ms) {
  return {{"kind", "answered"}, {"ms", ms}, {"status", 200}, {"report", {{"length", size}}}};
}
json foreign(int status) { return {{"kind", "foreign"}, {"ms", 1.0}, {"status", status}}; }

/// As large as `answer` lets pass, asked for so many looks at the time.
template <typename Answer>
json largest(Answer answer, bool passes_one_byte = true, int looks = 1000) {
  return find_largest_upload({.insist = answer,
                              .passes_one_byte = [passes_one_byte] { return passes_one_byte; },
                              .is_over = [looks]() mutable { return looks-- <= 0; },
                              .request = std::chrono::milliseconds(6000)});
}

}  // namespace

TEST_CASE("uploads: all of them pass") {
  const auto found = largest([](std::size_t size) { return answered(size, 3); });
  CHECK(found.at("largest") == 256 * 1024);
  CHECK(found.at("refused").is_null());
  CHECK(found.at("reason").is_null());
}

TEST_CASE("uploads: the limit is found between what passes and what is refused") {
  const auto found =
      largest([](std::size_t size) { return size <= 5000 ? answered(size, 3) : foreign(413); });
  const auto size = found.at("largest").get<int>();
  CHECK(size <= 5000);
  CHECK(size > 5000 - 100);
  CHECK(found.at("status") == 413);
}

TEST_CASE("uploads: a refusal that every body gets for a while is no limit") {
  const auto found = largest(
      [](std::size_t size) { return size <= 2048 ? answered(size, 3) : foreign(403); }, false, 6);
  CHECK(found.at("largest") == 2048);
  CHECK(found.at("refused").is_null());
  CHECK(found.at("reason") == "foreign");
}

TEST_CASE("uploads: where no body ever passed, the first size is refused") {
  const auto found = largest([](std::size_t) { return foreign(403); }, false, 4);
  CHECK(found.at("largest") == 0);
  CHECK(found.at("refused") == 1024);
}

TEST_CASE("uploads: what would take too long is not tried") {
  std::size_t most = 0;
  const auto found = largest([&most](std::size_t size) {
    most = std::max(most, size);
    return answered(size, static_cast<double>(size) / 4);
  });
  CHECK(most == 16384);
  CHECK(found.at("largest") == 16384);
  CHECK(found.at("refused") == 32768);
  CHECK(found.at("reason") == "timeout");
}
