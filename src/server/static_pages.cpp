#include "server/static_pages.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
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

// FNV-1a. An ETag tells versions of one file apart; nobody gains by forging it.
std::string etag_of(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string tag = "\"";
  for (int shift = 60; shift >= 0; shift -= 4) tag += kDigits[(hash >> shift) & 15];
  return tag + "-" + std::to_string(bytes.size()) + "\"";
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

bool is_regular(int descriptor, struct stat& status) {
  return ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

struct StaticPages::File {
  std::string content_type;
  std::string etag;
  base::Bytes bytes;
};

StaticPages::StaticPages(std::span<const PageFile> files) {
  for (const PageFile& file : files) files_.emplace(file.path, file);
}

StaticPages::StaticPages(int folder) : folder_(folder) {}

StaticPages::~StaticPages() {
  if (folder_ >= 0) ::close(folder_);
}

std::variant<std::shared_ptr<const StaticPages>, std::string> StaticPages::open_folder(
    const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    return "Cannot serve the folder " + path + ": " + std::generic_category().message(errno) + ".";
  return std::shared_ptr<const StaticPages>(new StaticPages(folder));
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

std::optional<StaticPages::File> StaticPages::read(std::string_view file) const {
  if (folder_ < 0) {
    const auto found = files_.find(file);
    if (found == files_.end()) return std::nullopt;
    const PageFile& page = found->second;
    return File{std::string(page.content_type), std::string(page.etag),
                base::Bytes::of_static(page.bytes)};
  }
  const int descriptor = open_below(folder_, file);
  if (descriptor < 0) return std::nullopt;
  struct stat status {};
  std::string bytes;
  bool is_good =
      is_regular(descriptor, status) && static_cast<std::size_t>(status.st_size) <= kMaxFileBytes;
  while (is_good) {
    std::array<char, 16 * 1024> buffer;  // NOLINT: read fills it
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count == 0) break;
    is_good = count > 0 && bytes.size() <= kMaxFileBytes;
    if (is_good) bytes.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(descriptor);
  if (!is_good) return std::nullopt;
  File result{std::string(content_type_of(file)), etag_of(bytes), {}};
  result.bytes = std::move(bytes);
  return result;
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
  auto file = read(file_for(request.path));
  if (!file) {
    if (const auto room = room_for(request.path)) {
      http::Response response(302);
      std::string target = std::string(kRoomPrefix) + http::percent_encode(*room);
      if (!request.query.empty()) target += "?" + request.query;
      response.set("Location", target);
      return response;
    }
    return http::Response::error(404, "unknown_route", "There is no page at this path.",
                                 "Start at / or at /r/ROOM.");
  }
  const std::string* if_none_match = request.header("if-none-match");
  const bool is_unchanged = if_none_match && matches(*if_none_match, file->etag);
  http::Response response = is_unchanged
                                ? http::Response(304)
                                : http::Response(200, file->content_type, std::move(file->bytes));
  response.set("ETag", file->etag);
  // Always ask, and mostly hear 304: a new version of the program must not meet old scripts.
  response.set("Cache-Control", "no-cache");
  if (folder_ < 0) response.set("Content-Security-Policy", kContentSecurityPolicy);
  return response;
}

}  // namespace sigway::server
