#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// HTTP/1.1 and WebSocket frames from the client's side, as far as the servers under test need it.
namespace sigway::load {

std::string get_request(std::string_view path, std::string_view headers = {});
std::string post_request(std::string_view path, std::string_view body,
                         std::string_view headers = {});
std::string upgrade_request(std::string_view path, std::string_view subprotocol);

/// The head of an answer.
struct Head {
  int status = 0;
  std::size_t size = 0;  ///< bytes of the head itself
  std::optional<std::size_t> length;
  bool is_chunked = false;
  std::string_view text;  ///< in the bytes that were read

  /// The value of a header; empty if there is none. `name` in lower case.
  std::string_view header(std::string_view name) const;
};
/// Nothing: it has not come whole.
std::optional<Head> read_head(std::string_view bytes);

/// Joins the chunks of a body.
class ChunkReader {
 public:
  /// Appends to `body` what has come, and returns the bytes used.
  std::size_t read(std::string_view bytes, std::string& body);
  bool is_complete() const { return is_complete_; }

 private:
  std::size_t left_ = 0;  // of the present chunk, with its line break
  bool is_complete_ = false;
};

enum class Opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

std::string client_frame(Opcode opcode, std::string_view payload);

struct ServerFrame {
  Opcode opcode = Opcode::text;
  std::string_view payload;
  std::size_t size = 0;
};
std::optional<ServerFrame> read_frame(std::string_view bytes);

/// The number that follows `mark`, such as `"up":`.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view mark);

}  // namespace sigway::load
