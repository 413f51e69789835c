#pragma once

#include <span>
#include <string_view>

// The files of web/, compiled into the binary by sigway_embed() in cmake/Embed.cmake.
namespace sigway::web {

// One file. Everything it points to is constant data that lives as long as the program, so values
// may be copied and kept on any thread.
struct EmbeddedFile {
  std::string_view path;          // relative to web/, forward slashes: "client/sigway.js"
  std::string_view content_type;  // ready for the header: "text/javascript; charset=utf-8"
  std::string_view bytes;         // the file, unchanged; may hold NUL
  std::string_view etag;          // strong, with its quotes (RFC 9110 section 8.8.3): "\"1f0c…\""
};

// All files, sorted by path (bytewise), so that std::lower_bound finds one.
std::span<const EmbeddedFile> files();

}  // namespace sigway::web
