#include "server/static_pages.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <compare>
#include <cstdint>
#include <cstdio>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

namespace sigway::server {

namespace {

// Everything from the server itself, nothing from elsewhere; what a page with a camera, a peer
// connection and an avatar needs, and no inline script.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'";

constexpr std::string_view kRoomPrefix = "/r/";
constexpr std::size_t kMaxFileBytes = 64 * 1024 * 1024;

struct ContentType {
  std::string_view extension;
  std::string_view type;
};
constexpr std::array<ContentType, 21> kContentTypes = {{
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"ts", "text/plain; charset=utf-8"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"ico", "image/x-icon"},
    {"woff2", "font/woff2"},
    {"wasm", "application/wasm"},
    {"mp4", "video/mp4"},
}};

std::string_view content_type_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  if (dot != std::string_view::npos) {
    for (const auto& [extension, type] : kContentTypes) {
      if (path.substr(dot + 1) == extension) return type;
    }
  }
  return "application/octet-stream";
}

// RFC 9110 section 13.1.2: weak comparison against each element of the list.
bool matches(const std::string& if_none_match, std::string_view etag) {
  std::string_view rest = if_none_match;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string_view candidate = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    while (candidate.starts_with(' ') || candidate.starts_with('\t')) candidate.remove_prefix(1);
    while (candidate.ends_with(' ') || candidate.ends_with('\t')) candidate.remove_suffix(1);
    if (candidate.starts_with("W/")) candidate.remove_prefix(2);
    if (candidate == "*" || candidate == etag) return true;
  }
  return false;
}

// Names that begin with a dot hold what no visitor is meant to see: .git, .env, .htpasswd. The one
// folder for the world is /.well-known/ (RFC 8615 section 3).
bool is_hidden(std::string_view file) {
  constexpr std::string_view kWellKnown = ".well-known/";
  if (file.starts_with(kWellKnown)) file.remove_prefix(kWellKnown.size());
  return file.starts_with('.') || file.find("/.") != std::string_view::npos;
}

// Opens a file below the folder; the kernel itself refuses every way out of it, symbolic links and
// a race with somebody who moves things included.
int open_below(int folder, std::string_view file) {
  if (is_hidden(file)) return -1;
  const std::string path(file);
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long opened = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
  if (opened >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(opened);

  // An old kernel or a sandbox: walk by hand and follow no link at all.
  int directory = ::fcntl(folder, F_DUPFD_CLOEXEC, 0);
  std::string_view rest = file;
  while (directory >= 0) {
    const std::size_t slash = rest.find('/');
    const std::string name(rest.substr(0, slash));
    const bool is_last = slash == std::string_view::npos;
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (is_last ? 0 : O_DIRECTORY);
    const int next = name == ".." ? -1 : ::openat(directory, name.c_str(), flags);
    ::close(directory);
    if (is_last || next < 0) return next;
    directory = next;
    rest.remove_prefix(slash + 1);
  }
  return -1;
}

http::Response no_page() {
  return http::Response::error(404, "unknown_route", "There is no page at this path.",
                               "Start at / or at /r/ROOM.");
}

http::Response no_memory() {
  auto response =
      http::Response::error(503, "overloaded", "The server has no memory left to send this file.",
                            "Try again in a few seconds; the operator sets "
                            "--memory-budget.");
  response.set("Retry-After", "5");
  return response;
}

bool is_regular(int descriptor, struct stat& status) {
  return ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

// What tells one version of a file from every other, without a look at its bytes: whoever writes to
// it changes the times, whoever replaces it the inode.
struct StaticPages::FileVersion {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t modified = 0;  // nanoseconds since the epoch
  std::int64_t changed = 0;

  explicit FileVersion(const struct stat& status)
      : device(status.st_dev),
        inode(status.st_ino),
        size(status.st_size),
        modified(nanoseconds(status.st_mtim)),
        changed(nanoseconds(status.st_ctim)) {}
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the comparison's 0 for a pointer
  auto operator<=>(const FileVersion&) const = default;

  std::string etag() const {
    // FNV-1a. Nobody gains by forging an ETag.
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const std::uint64_t part :
         {std::uint64_t{device}, std::uint64_t{inode}, static_cast<std::uint64_t>(modified),
          static_cast<std::uint64_t>(changed)}) {
      for (unsigned shift = 0; shift < 64; shift += 8) {
        hash ^= (part >> shift) & 0xFFU;
        hash *= 0x100000001b3U;
      }
    }
    std::array<char, 64> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "\"%016llx-%lld\"",
                      static_cast<unsigned long long>(hash), static_cast<long long>(size));
    return {text.data(), static_cast<std::size_t>(length)};
  }

 private:
  static std::int64_t nanoseconds(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }
};

// The bytes of one version of a file, for all answers that send it at the same time.
class StaticPages::FileBuffer {
 public:
  FileBuffer(base::MemoryBudget& budget, std::size_t size) : budget_(budget), size_(size) {
    // The whole size and not what is read of it: that is what the allocation takes.
    bytes_.resize(size);
    budget_.charge(base::MemoryPart::file, size_);
  }
  ~FileBuffer() { budget_.release(base::MemoryPart::file, size_); }
  FileBuffer(const FileBuffer&) = delete;
  FileBuffer& operator=(const FileBuffer&) = delete;

  // False: the file could not be read. One that has become shorter meanwhile is shorter.
  bool read_from(int descriptor) {
    std::size_t filled = 0;
    while (filled < size_) {
      const ssize_t count = ::read(descriptor, bytes_.data() + filled, size_ - filled);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      if (count == 0) break;
      filled += static_cast<std::size_t>(count);
    }
    bytes_.resize(filled);
    return true;
  }
  std::string_view view() const { return bytes_; }

 private:
  base::MemoryBudget& budget_;
  const std::size_t size_;
  std::string bytes_;
};

// The buffers of a folder's files that are being sent. An answer keeps its buffer alive; the cache
// does not. Thread: any.
class StaticPages::FileCache {
 public:
  explicit FileCache(base::MemoryBudget& budget) : budget_(budget) {}

  // The buffer, or a refusal. While a file is read, the other shards wait, so that no version of it
  // is in memory twice.
  std::variant<std::shared_ptr<const FileBuffer>, http::Response> find_or_read(
      const FileVersion& version, int descriptor) {
    const std::lock_guard lock(mutex_);
    if (const auto found = buffers_.find(version); found != buffers_.end()) {
      if (auto buffer = found->second.lock()) return buffer;
    }
    std::erase_if(buffers_, [](const auto& entry) { return entry.second.expired(); });
    const auto size = static_cast<std::size_t>(version.size);
    if (!has_room_for(size)) return no_memory();
    auto buffer = std::make_shared<FileBuffer>(budget_, size);
    if (!buffer->read_from(descriptor)) return no_page();
    buffers_.emplace(version, buffer);
    return buffer;
  }

 private:
  // Half of the budget at most: a file has no holder that could end, so files alone must never
  // exceed the budget and end sessions.
  bool has_room_for(std::size_t size) const {
    return !budget_.exceeded() &&
           budget_.used(base::MemoryPart::file) + size <= budget_.limit() / 2;
  }

  base::MemoryBudget& budget_;
  std::mutex mutex_;
  std::map<FileVersion, std::weak_ptr<const FileBuffer>> buffers_;
};

// A file that is open, or one that is part of the program.
struct StaticPages::File {
  int descriptor = -1;
  std::string_view content_type;
  std::string etag;
  std::size_t size = 0;
  std::string_view bytes;  // of the program
  std::optional<FileVersion> version;

  File() = default;
  File(File&& other) noexcept
      : descriptor(std::exchange(other.descriptor, -1)),
        content_type(other.content_type),
        etag(std::move(other.etag)),
        size(other.size),
        bytes(other.bytes),
        version(other.version) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  File& operator=(File&&) = delete;
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

StaticPages::StaticPages(std::span<const PageFile> files) {
  for (const PageFile& file : files) files_.emplace(file.path, file);
}

StaticPages::StaticPages(int folder, base::MemoryBudget& budget)
    : folder_(folder), cache_(std::make_unique<FileCache>(budget)) {}

StaticPages::~StaticPages() {
  if (folder_ >= 0) ::close(folder_);
}

std::variant<std::shared_ptr<const StaticPages>, std::string> StaticPages::open_folder(
    const std::string& path, base::MemoryBudget& budget) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    return "Cannot serve the folder " + path + ": " + std::generic_category().message(errno) + ".";
  return std::shared_ptr<const StaticPages>(new StaticPages(folder, budget));
}

bool StaticPages::exists(std::string_view file) const {
  if (file.empty() || file.find('\0') != std::string_view::npos) return false;
  if (folder_ < 0) return files_.find(file) != files_.end();
  const int descriptor = open_below(folder_, file);
  if (descriptor < 0) return false;
  struct stat status {};
  const bool is_file = is_regular(descriptor, status);
  ::close(descriptor);
  return is_file;
}

std::optional<StaticPages::File> StaticPages::open(std::string_view path) const {
  File file;
  if (folder_ < 0) {
    const auto found = files_.find(path);
    if (found == files_.end()) return std::nullopt;
    file.content_type = found->second.content_type;
    file.etag = found->second.etag;
    file.bytes = found->second.bytes;
    file.size = file.bytes.size();
    return file;
  }
  file.descriptor = open_below(folder_, path);
  struct stat status {};
  if (file.descriptor < 0 || !is_regular(file.descriptor, status)) return std::nullopt;
  file.version.emplace(status);
  file.size = static_cast<std::size_t>(status.st_size);
  if (file.size > kMaxFileBytes) return std::nullopt;
  file.content_type = content_type_of(path);
  file.etag = file.version->etag();
  return file;
}

// Which file a path means; empty when none. The path is decoded and free of dot segments already.
std::string StaticPages::file_for(std::string_view path) const {
  if (path == "/") return "index.html";
  if (path.starts_with(kRoomPrefix)) {
    const std::string_view room = path.substr(kRoomPrefix.size());
    if (room.empty() || room.find('/') != std::string_view::npos) return {};
    return exists("room.html") ? "room.html" : "index.html";
  }
  if (!path.starts_with('/') || path.ends_with('/')) return {};
  if (const auto name = room_for(path)) {
    std::string page = *name + ".html";
    if (exists(page)) return page;
  }
  return std::string(path.substr(1));
}

// The room that a bare one-segment path stands for.
std::optional<std::string> StaticPages::room_for(std::string_view path) const {
  if (path.size() < 2 || path.front() != '/') return std::nullopt;
  const std::string_view segment = path.substr(1);
  if (segment.find_first_of("/.") != std::string_view::npos) return std::nullopt;
  return std::string(segment);
}

bool StaticPages::has(std::string_view path) const {
  return room_for(path).has_value() || has_file(path);
}

bool StaticPages::has_file(std::string_view path) const { return exists(file_for(path)); }

http::Response StaticPages::serve(const http::Request& request) const {
  const auto file = open(file_for(request.path));
  if (!file) {
    if (const auto room = room_for(request.path)) {
      http::Response response(302);
      std::string target = std::string(kRoomPrefix) + http::percent_encode(*room);
      if (!request.query.empty()) target += "?" + request.query;
      response.set("Location", target);
      return response;
    }
    return no_page();
  }
  const std::string* if_none_match = request.header("if-none-match");
  const bool is_unchanged = if_none_match && matches(*if_none_match, file->etag);
  http::Response response = is_unchanged ? http::Response(304) : send(*file, request.method);
  if (response.status() >= 400) return response;
  response.set("ETag", file->etag);
  // Always ask, and mostly hear 304: a new version of the program must not meet old scripts.
  response.set("Cache-Control", "no-cache");
  if (folder_ < 0) response.set("Content-Security-Policy", kContentSecurityPolicy);
  return response;
}

http::Response StaticPages::send(const File& file, http::Method method) const {
  http::Response response(200, file.content_type, {});
  if (!file.version) {
    response.set_body(base::Bytes::of_static(file.bytes));
  } else if (method == http::Method::head) {
    response.set_unsent_length(file.size);
  } else {
    auto found = cache_->find_or_read(*file.version, file.descriptor);
    if (auto* refusal = std::get_if<http::Response>(&found)) return std::move(*refusal);
    auto& buffer = std::get<std::shared_ptr<const FileBuffer>>(found);
    const std::string_view bytes = buffer->view();
    response.set_body(base::Bytes::borrowed(std::move(buffer), bytes));
  }
  return response;
}

}  // namespace sigway::server
