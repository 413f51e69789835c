#include "doctor/uploads.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <thread>

namespace sigway::doctor {
namespace {

using nlohmann::json;

constexpr std::size_t kLargestUpload = std::size_t{256} * 1024;
constexpr std::chrono::milliseconds kPause{300};

class Search {
 public:
  explicit Search(const UploadProbe& probe) : probe_(probe) {}

  json run() {
    for (std::size_t size = 1024; size <= kLargestUpload && bad_ == 0 && !probe_.is_over();
         size *= 2) {
      look(size);
      // What takes too long fills a thin line for everything that comes after it: no need to try.
      if (bad_ != 0 || 2 * latest_ - quickest_ <= static_cast<double>(probe_.request.count()))
        continue;
      bad_ = size * 2;
      slow_ = true;
    }
    while (bad_ != 0 && bad_ - good_ > std::max<std::size_t>(64, good_ / 64) && !slow_ &&
           !probe_.is_over())
      look((good_ + bad_ + 1) / 2);
    json found{{"largest", good_},
               {"refused", nullptr},
               {"status", status_},
               {"reason", reason_},
               {"steps", std::move(steps_)}};
    if (bad_ != 0 && !(blocked_ && good_ > 0)) found["refused"] = bad_;
    if (slow_) found["reason"] = "timeout";
    return found;
  }

 private:
  void look(std::size_t size) {
    const auto result = passes(size);
    blocked_ = blocked_ || !result;
    (result.value_or(false) ? good_ : bad_) = size;
  }

  /// Whether a body of that size passes; nothing if no body at all does just now.
  std::optional<bool> passes(std::size_t size) {
    for (;;) {
      const auto result = probe_.insist(size);
      const auto kind = result.at("kind").get<std::string>();
      const auto status = result.value("status", 0);
      latest_ = result.at("ms");
      quickest_ = std::min(quickest_, latest_);
      json row{{"size", size}, {"kind", kind}, {"ms", latest_}};
      if (status != 0) row["status"] = status;
      steps_.push_back(std::move(row));
      const bool answered = kind == "answered";
      if (answered && result.at("report").value("length", 0U) == size) return true;
      reason_ = kind;
      if (status != 0) status_ = status;
      slow_ = kind == "timeout";
      if (answered || slow_ || status == 413) return false;
      // It is not the size for which somebody refuses everything for a while.
      if (probe_.passes_one_byte()) return false;
      if (probe_.is_over()) return std::nullopt;
      std::this_thread::sleep_for(kPause);
    }
  }

  const UploadProbe& probe_;
  json steps_ = json::array(), status_, reason_;
  std::size_t good_ = 0, bad_ = 0;
  double quickest_ = std::numeric_limits<double>::infinity(), latest_ = 0;
  bool blocked_ = false;  // no body at all passed, for a while
  bool slow_ = false;     // the last one was, or the next would be
};

}  // namespace

json find_largest_upload(const UploadProbe& probe) { return Search(probe).run(); }

}  // namespace sigway::doctor
