#include "server/refusal_log.h"

#include <algorithm>
#include <utility>

#include "base/keyed_hash.h"
#include "base/text.h"

namespace sigway::server {

void RefusalLog::refused(const http::Problem& problem, const std::string& client,
                         base::TimePoint now) {
  const auto what = base::keyed_hash(problem.message);
  const std::lock_guard lock(mutex_);
  const auto is_told = std::any_of(told_.begin(), told_.end(), [&](const Told& told) {
    return told.what == what && now < told.until;
  });
  if (is_told || !gate_.take(kRate, 1, now)) {
    ++left_out_;
    return;
  }
  *std::min_element(told_.begin(), told_.end(), [](const Told& one, const Told& other) {
    return one.until < other.until;
  }) = {what, now + kRepeat};
  auto line = base::shortened(problem.message, kMostBytes);
  line += " Hint: " + base::shortened(problem.hint, kMostBytes) + " (" + problem.code +
          ", client " + client;
  if (const auto left_out = std::exchange(left_out_, 0); left_out != 0)
    line += "; " + std::to_string(left_out) + " earlier refusals were not logged";
  write_(line + ")");
}

}  // namespace sigway::server
