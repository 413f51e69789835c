#include "wire.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace sigway::load {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equal_names(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::size_t number(std::string_view text, int base = 10) {
  std::size_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value, base).ec != std::errc{}) {
    throw std::runtime_error("not a number: " + std::string(text));
  }
  return value;
}

}  // namespace

std::string get_request(std::string_view path, std::string_view headers) {
  std::string text = "GET ";
  return text.append(path).append(" HTTP/1.1\r\nHost: localhost\r\n").append(headers) + "\r\n";
}

std::string post_request(std::string_view path, std::string_view body, std::string_view headers) {
  std::string text = "POST ";
  text.append(path).append(" HTTP/1.1\r\nHost: localhost\r\n").append(headers);
  text.append("Content-Type: text/plain\r\nContent-Length: ").append(std::to_string(body.size()));
  return text.append("\r\n\r\n").append(body);
}

std::string upgrade_request(std::string_view path, std::string_view subprotocol) {
  std::string headers =
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: c2lnd2F5LWJlbmNobWFyaw==\r\n";
  if (!subprotocol.empty()) {
    headers.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
  }
  return get_request(path, headers);
}

std::string_view Head::header(std::string_view name) const {
  for (auto at = text.find("\r\n"); at != std::string_view::npos && at + 2 < text.size();) {
    const auto end = std::min(text.find("\r\n", at + 2), text.size());
    const auto line = text.substr(at + 2, end - at - 2);
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && equal_names(line.substr(0, colon), name)) {
      const auto value = line.find_first_not_of(' ', colon + 1);
      return value == std::string_view::npos ? std::string_view{} : line.substr(value);
    }
    at = end;
  }
  return {};
}

std::optional<Head> read_head(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  if (!bytes.starts_with("HTTP/1.")) throw std::runtime_error("not an HTTP answer");
  Head head;
  head.size = end + 4;
  head.text = bytes.substr(0, end);
  head.status = static_cast<int>(number(bytes.substr(9, 3)));
  if (const auto length = head.header("content-length"); !length.empty()) {
    head.length = number(length);
  }
  head.is_chunked = equal_names(head.header("transfer-encoding"), "chunked");
  if (head.status == 204) head.length = 0;
  return head;
}

std::size_t ChunkReader::read(std::string_view bytes, std::string& body) {
  std::size_t used = 0;
  while (used < bytes.size() && !is_complete_) {
    if (left_ == 0) {
      const auto end = bytes.find("\r\n", used);
      if (end == std::string_view::npos) break;
      const auto size = number(bytes.substr(used, end - used), 16);
      if (size == 0) {
        if (bytes.size() < end + 4) break;
        is_complete_ = true;
        used = end + 4;
        break;
      }
      left_ = size + 2;
      used = end + 2;
    }
    const auto part = bytes.substr(used, left_);
    const auto before = left_;
    left_ -= part.size();
    used += part.size();
    const auto payload = before > 2 ? std::min(part.size(), before - 2) : 0;
    body.append(part.substr(0, payload));
  }
  return used;
}

std::string client_frame(Opcode opcode, std::string_view payload) {
  constexpr std::string_view kMask = "\x37\xfa\x21\x3d";
  std::string frame;
  frame.reserve(payload.size() + 14);
  frame += static_cast<char>(0x80U | static_cast<unsigned>(opcode));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80U | payload.size());
  } else if (payload.size() < 65536) {
    frame += static_cast<char>(0x80U | 126U);
    frame += static_cast<char>(payload.size() >> 8U);
    frame += static_cast<char>(payload.size());
  } else {
    throw std::runtime_error("frames of more than 64 KiB are not written");
  }
  frame += kMask;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(payload[i] ^ kMask[i & 3U]);
  }
  return frame;
}

std::optional<ServerFrame> read_frame(std::string_view bytes) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); };
  if (bytes.size() < 2) return std::nullopt;
  std::size_t size = byte(1);
  std::size_t head = 2;
  if (size >= 126) {
    head = size == 126 ? 4 : 10;
    if (bytes.size() < head) return std::nullopt;
    size = 0;
    for (std::size_t at = 2; at < head; ++at) size = size << 8U | byte(at);
  }
  if (bytes.size() < head + size) return std::nullopt;
  if ((byte(0) & 0x80U) == 0) throw std::runtime_error("fragmented frames are not read");
  return ServerFrame{static_cast<Opcode>(byte(0) & 15U), bytes.substr(head, size), head + size};
}

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto digits = text.substr(at + mark.size());
  std::uint64_t value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc{}) {
    return std::nullopt;
  }
  return value;
}

}  // namespace sigway::load
