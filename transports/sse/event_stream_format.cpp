#include "sse/event_stream_format.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

namespace sigway::sse {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_data(std::string& out, std::string_view json) {
  assert(json.find_first_of("\r\n") == std::string_view::npos);
  out += "data: ";
  out += json;
  out += "\n\n";
}

// The strings that `out` is gathered from grow by blocks; growing by exactly one block each time
// would copy all the earlier ones again and again.
void make_room(std::string& out, std::size_t more) {
  if (out.capacity() - out.size() < more)
    out.reserve(std::max(out.size() + more, 2 * out.capacity()));
}

// A block with one field for each line of the text.
void append_lines(std::string& out, std::string_view field, std::string_view text) {
  for (;;) {
    const std::size_t line = std::min(text.find_first_of("\r\n"), text.size());
    out += field;
    out += text.substr(0, line);
    out += '\n';
    if (line == text.size()) break;
    text.remove_prefix(text.substr(line, 2) == "\r\n" ? line + 2 : line + 1);
  }
  out += '\n';
}

}  // namespace

void append_event(std::string& out, std::uint64_t id, std::string_view json) {
  make_room(out, 40 + json.size());
  out += "id: ";
  append_number(out, id);
  out += '\n';
  append_data(out, json);
}

void append_control(std::string& out, std::string_view json) {
  make_room(out, 32 + json.size());
  out += "event: control\n";
  append_data(out, json);
}

void append_text(std::string& out, std::string_view id, std::string_view text) {
  make_room(out, 48 + id.size() + text.size());
  out += "id: ";
  out += id;
  out += '\n';
  append_lines(out, "data: ", text);
}

void append_comment(std::string& out, std::string_view text) { append_lines(out, ": ", text); }

void append_retry(std::string& out, std::uint64_t milliseconds) {
  out += "retry: ";
  append_number(out, milliseconds);
  out += "\n\n";
}

std::string padding(std::size_t bytes) {
  // Lines of a length that no reader minds: `:`, spaces, line feed.
  constexpr std::size_t kLine = 1024;
  std::string out(bytes, ' ');
  for (std::size_t start = 0; start < bytes; start += kLine) {
    out[start] = ':';
    out[std::min(start + kLine, bytes) - 1] = '\n';
  }
  // An empty line at the end closes the block, as everywhere.
  if (bytes >= 2) out[bytes - 2] = '\n';
  return out;
}

http::Response stream_head() {
  http::Response head(200, "text/event-stream", {});
  // Each against a buffer or a cache that somebody has met on the way (nginx, gzip filters, mobile
  // proxies).
  head.set("Cache-Control", "no-cache, no-store, no-transform");
  head.set("X-Accel-Buffering", "no");
  return head;
}

}  // namespace sigway::sse
