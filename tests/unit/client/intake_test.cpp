#include "client/intake.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using namespace sigway;

namespace {

constexpr std::size_t kPart = 131'072;
constexpr int kParts = 1000;

/// Brings parts on a thread of its own.
struct Reader {
  ~Reader() {
    intake.close();
    thread.join();
  }
  client::Intake intake;
  std::atomic<int> brought = 0;
  std::thread thread{[this] {
    for (int i = 0; i < kParts; ++i) {
      intake.bring(kPart);
      ++brought;
    }
  }};
};

}  // namespace

TEST_CASE("intake: who brings more than 8 MiB waits until some is taken") {
  Reader reader;
  int taken = 0;
  while (taken < kParts) {
    while (reader.brought == taken) std::this_thread::yield();
    const auto waiting = static_cast<std::size_t>(reader.brought - taken);
    CHECK(waiting * kPart <= client::Intake::kMost + kPart);
    reader.intake.take(kPart);
    ++taken;
  }
  CHECK(reader.brought == kParts);
}

TEST_CASE("intake: nobody waits once it is closed") {
  Reader reader;
  while (static_cast<std::size_t>(reader.brought) * kPart < client::Intake::kMost - 2 * kPart)
    std::this_thread::yield();
  reader.intake.close();
  while (reader.brought < kParts) std::this_thread::yield();
}
