#pragma once

#include <unistd.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "base/memory_budget.h"
#include "http/request.h"
#include "http/response.h"
#include "server/folder.h"

namespace sigway::server {

// A file that is part of the program; everything it points to lives as long as that. The same
// shape as web::EmbeddedFile, which this module does not link.
struct PageFile {
  std::string_view path;          // "client/sigway.js"
  std::string_view content_type;  // "text/javascript; charset=utf-8"
  std::string_view bytes;
  std::string_view etag;  // strong, with quotes
};

// The pages: embedded files, or a folder instead (--web-root). GET and HEAD, a strong ETag with
// If-None-Match (RFC 9110 section 13.1.2), content types by extension.
//   /        index.html
//   /r/ROOM  room.html if there is one, else index.html
//   /foo     foo.html if there is one; else, without a dot, it is a room: 302 to /r/foo, or, of a
//            folder, index.html itself: pages written for other servers read the room from there
// Of a folder, no file is served whose path has a name that begins with a dot, except below
// /.well-known/. What it does not have may be among files that are part of the program: the client,
// for pages that were written for other services.
// Embedded pages carry a strict Content-Security-Policy; a folder sets its own by <meta>. The body
// of a folder's file is read in slices (Response::source) on the shard of the connection that it is
// sent to. While the budget is exceeded, such a file is answered with 503. An answer may outlive
// the pages. Thread: any.
class StaticPages {
 public:
  explicit StaticPages(std::span<const PageFile> files);
  // The error is a sentence: the folder cannot be opened. `files` are those that it is served with.
  // `budget` outlives the pages; `read_at` reads the files.
  static std::variant<std::shared_ptr<const StaticPages>, std::string> open_folder(
      const std::string& path, std::span<const PageFile> files, const base::MemoryBudget& budget,
      Folder::ReadAt read_at = ::pread);
  ~StaticPages();
  StaticPages(const StaticPages&) = delete;
  StaticPages& operator=(const StaticPages&) = delete;

  // Whether serve() would answer this path with anything but 404, and whether with a file.
  bool has(std::string_view path) const;
  bool has_file(std::string_view path) const;
  http::Response serve(const http::Request& request) const;

 private:
  struct File;
  StaticPages(std::shared_ptr<const Folder> folder, std::span<const PageFile> files,
              const base::MemoryBudget& budget);
  std::optional<File> find(std::string path) const;
  http::Response send(const File& file, http::Method method) const;
  bool exists(std::string_view file) const;
  std::string file_for(std::string_view path) const;
  std::optional<std::string> room_for(std::string_view path) const;

  std::unordered_map<std::string_view, PageFile> files_;
  std::shared_ptr<const Folder> folder_;  // null: the pages are part of the program
  const base::MemoryBudget* budget_ = nullptr;
};

}  // namespace sigway::server
