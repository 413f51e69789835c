#include "client/memory_file.h"

#include <unistd.h>

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

std::int64_t milliseconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
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
  for (const auto& [address, entry] : kept->items()) {
    const auto at = entry.is_object() ? number_of(entry, "at") : std::nullopt;
    if (!at) continue;
    const auto age = std::chrono::milliseconds(milliseconds(now) - static_cast<std::int64_t>(*at));
    if (age >= age.zero() && age < kLifetime) fresh[address] = entry;
  }
  return fresh;
}

}  // namespace

MemoryFile::MemoryFile(std::filesystem::path file, std::string address, WallClock now)
    : file_(std::move(file)), address_(std::move(address)), now_(std::move(now)) {}

std::string MemoryFile::recall() const {
  const auto entries = read(file_, now_());
  const auto entry = entries.find(address_);
  return entry == entries.end() ? std::string{} : dump(*entry);
}

std::string MemoryFile::keep(const std::string& what) const {
  auto entry = parse_object(what).value_or(Json::object());
  const auto now = now_();
  entry["at"] = milliseconds(now);
  auto entries = read(file_, now);
  entries[address_] = std::move(entry);

  std::error_code error;
  if (file_.has_parent_path()) std::filesystem::create_directories(file_.parent_path(), error);
  auto draft = file_;
  draft += '.' + std::to_string(getpid());
  errno = 0;
  {
    std::ofstream stream(draft, std::ios::binary | std::ios::trunc);
    stream << dump(entries) << '\n';
    stream.flush();
    if (!stream) {
      const auto problem = std::generic_category().message(errno != 0 ? errno : EIO);
      std::filesystem::remove(draft, error);
      return draft.string() + " cannot be written: " + problem;
    }
  }
  std::filesystem::rename(draft, file_, error);
  if (!error) return {};
  const auto problem = file_.string() + " cannot be written: " + error.message();
  std::filesystem::remove(draft, error);
  return problem;
}

}  // namespace sigway::client
