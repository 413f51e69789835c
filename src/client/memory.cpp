#include "client/memory.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "client/json.h"

namespace sigway::client {
namespace {

constexpr std::chrono::minutes kLifetime{30};
constexpr std::size_t kMostBytes = std::size_t{1} << 20U;  // what is larger is not ours

std::uint64_t milliseconds(std::chrono::system_clock::duration time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

// A name that nobody else writes to, neither another process nor another client of this one.
std::filesystem::path draft_of(std::filesystem::path file) {
  static std::atomic<unsigned> count{0};
  return file += '.' + std::to_string(getpid()) + '.' + std::to_string(++count);
}

// The entries that count. After a clock was set back those from the future say nothing.
Json read(const std::filesystem::path& file, std::chrono::system_clock::time_point now) {
  std::error_code error;
  if (std::filesystem::file_size(file, error) > kMostBytes || error) return Json::object();
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  Json fresh = Json::object();
  const auto kept = parse_object(text);
  if (!kept) return fresh;
  const auto present = milliseconds(now.time_since_epoch());
  for (const auto& [address, entry] : kept->items()) {
    const auto at = entry.is_object() ? number_of(entry, "at") : std::nullopt;
    if (at && *at <= present && present - *at < milliseconds(kLifetime)) fresh[address] = entry;
  }
  return fresh;
}

}  // namespace

Memory::Memory(std::filesystem::path file, std::string address, WallClock now)
    : file_(std::move(file)), address_(std::move(address)), now_(std::move(now)) {}

std::string Memory::recall() const {
  const auto entries = read(file_, now_());
  const auto entry = entries.find(address_);
  return entry == entries.end() ? std::string{} : dump(*entry);
}

std::string Memory::keep(const std::string& what) const {
  auto entry = parse_object(what).value_or(Json::object());
  const auto now = now_();
  entry["at"] = milliseconds(now.time_since_epoch());
  auto entries = read(file_, now);
  entries[address_] = std::move(entry);

  std::error_code error;
  if (file_.has_parent_path()) std::filesystem::create_directories(file_.parent_path(), error);
  const auto draft = draft_of(file_);
  errno = 0;
  {
    std::ofstream stream(draft, std::ios::binary | std::ios::trunc);
    stream << dump(entries) << '\n';
    stream.flush();
    if (!stream) {
      const auto problem = std::generic_category().message(errno != 0 ? errno : EIO);
      std::filesystem::remove(draft, error);
      return file_.string() + " cannot be written: " + problem;
    }
  }
  std::filesystem::rename(draft, file_, error);
  if (!error) return {};
  auto problem = file_.string() + " cannot be written: " + error.message();
  std::filesystem::remove(draft, error);
  return problem;
}

}  // namespace sigway::client
