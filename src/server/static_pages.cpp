#include "server/static_pages.h"

#include <array>
#include <utility>

#include "server/conditional.h"

namespace sigway::server {

namespace {

// Everything from the server itself, nothing from elsewhere; what a page with a camera, a peer
// connection and an avatar needs, and no inline script.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'";

constexpr std::string_view kRoomPrefix = "/r/";

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

}  // namespace

// A file of the folder, or one that is part of the program.
struct StaticPages::File {
  std::string_view content_type;
  std::string etag;
  std::string_view bytes;              // of the program
  std::string path;                    // in the folder
  std::optional<FileVersion> version;  // there
};

StaticPages::StaticPages(std::span<const PageFile> files) {
  for (const PageFile& file : files) files_.emplace(file.path, file);
}

StaticPages::StaticPages(std::shared_ptr<const Folder> folder, std::span<const PageFile> files,
                         const base::MemoryBudget& budget)
    : StaticPages(files) {
  folder_ = std::move(folder);
  budget_ = &budget;
}

StaticPages::~StaticPages() = default;

std::variant<std::shared_ptr<const StaticPages>, std::string> StaticPages::open_folder(
    const std::string& path, std::span<const PageFile> files, const base::MemoryBudget& budget,
    Folder::ReadAt read_at) {
  auto folder = Folder::open(path, std::move(read_at));
  if (auto* error = std::get_if<std::string>(&folder)) return std::move(*error);
  return std::shared_ptr<const StaticPages>(
      new StaticPages(std::get<std::shared_ptr<const Folder>>(std::move(folder)), files, budget));
}

bool StaticPages::exists(std::string_view file) const {
  if (file.empty() || file.find('\0') != std::string_view::npos) return false;
  return (folder_ && folder_->find(file)) || files_.find(file) != files_.end();
}

std::optional<StaticPages::File> StaticPages::find(std::string path) const {
  File file;
  if (folder_) file.version = folder_->find(path);
  if (file.version) {
    file.content_type = content_type_of(path);
    file.etag = file.version->etag();
    file.path = std::move(path);
    return file;
  }
  const auto found = files_.find(path);
  if (found == files_.end()) return std::nullopt;
  file.content_type = found->second.content_type;
  file.etag = found->second.etag;
  file.bytes = found->second.bytes;
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
    if (folder_ != nullptr && !exists(*name)) return "index.html";
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
  const auto file = find(file_for(request.path));
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
  http::Response response =
      conditional(request, file->etag, [&] { return send(*file, request.method); });
  if (response.status() >= 400) return response;
  if (!folder_) response.set("Content-Security-Policy", kContentSecurityPolicy);
  return response;
}

http::Response StaticPages::send(const File& file, http::Method method) const {
  http::Response response(200, file.content_type, {});
  if (!file.version) {
    response.set_body(base::Bytes::of_static(file.bytes));
  } else if (method == http::Method::head) {
    response.set_unsent_length(file.version->size);
  } else if (budget_->exceeded()) {
    return no_memory();
  } else if (file.version->size > 0) {
    response.set_source(folder_->body(file.path, *file.version));
  }
  return response;
}

}  // namespace sigway::server
