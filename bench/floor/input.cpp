// Requests and frames, as the load generator writes them: no others are understood.
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>
#include <charconv>
#include <cstring>

#include "server.h"

namespace sigway::floor {
namespace {

/// The value of a header, up to the end of its line. `name` as the load generator spells it.
std::string_view header(std::string_view head, std::string_view name) {
  const auto at = head.find(name);
  if (at == std::string_view::npos) return {};
  const auto value = head.substr(at + name.size());
  return value.substr(0, value.find("\r\n"));
}

std::uint32_t take_number(std::string_view& text) {
  std::uint32_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value).ptr;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with('/')) text.remove_prefix(1);
  return value;
}

std::string accept_key(std::string_view key) {
  auto text = std::string(key).append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  std::array<unsigned char, 29> encoded{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  const auto size = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(digest.size()));
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(size)};
}

}  // namespace

struct Server::Target {
  Kind kind = Kind::none;  // none: /send/
  std::uint32_t room = 0, seat = 0;
};

std::size_t Server::take_request(int descriptor, Payload input) {
  const std::string_view text(input.data, input.size);
  const auto end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const auto head = text.substr(0, end + 4);
  auto path = head.substr(head.find(' ') + 2);
  Target target;
  if (path.starts_with("ws/")) target.kind = Kind::socket;
  if (path.starts_with("sse/")) target.kind = Kind::stream;
  if (path.starts_with("poll/")) target.kind = Kind::poll;
  path.remove_prefix(path.find('/') + 1);
  target.room = take_number(path);
  target.seat = take_number(path);
  if (target.kind != Kind::none) {
    take_seat(descriptor, target, head);
    return head.size();
  }
  auto length_text = header(head, "Content-Length: ");
  const std::size_t length = take_number(length_text);
  if (text.size() < head.size() + length) return 0;
  Connection from;
  from.room = target.room;
  from.seat = target.seat;
  relay(from, {input.data + head.size(), length});
  send(descriptor, "HTTP/1.1 204 No Content\r\n\r\n");
  return head.size() + length;
}

void Server::take_seat(int descriptor, const Target& target, std::string_view head) {
  auto missed = rooms_.join(target.room, target.seat, target.kind, descriptor);
  if (missed) {
    return send(descriptor, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(missed->size()) +
                                "\r\n\r\n" + *missed);
  }
  auto& connection = at(descriptor);
  connection.kind = target.kind;
  connection.room = target.room;
  connection.seat = target.seat;
  if (target.kind == Kind::socket) {
    send(descriptor,
         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
             accept_key(header(head, "Sec-WebSocket-Key: ")) + "\r\n\r\n");
  } else if (target.kind == Kind::stream) {
    send(descriptor,
         "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\n");
  }
}

std::size_t Server::take_frame(int descriptor, Payload input) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(input.data[i]); };
  if (input.size < 6) return 0;
  std::size_t length = byte(1) & 127U;
  std::size_t head = 2;
  if (length >= 126) {
    head = length == 126 ? 4 : 10;
    if (input.size < head + 4) return 0;
    length = 0;
    for (std::size_t i = 2; i < head; ++i) length = length << 8U | byte(i);
  }
  if (input.size < head + 4 + length) return 0;
  std::uint32_t mask = 0;
  std::memcpy(&mask, input.data + head, sizeof mask);
  const Payload payload{input.data + head + 4, length};
  const auto wide = std::uint64_t{mask} << 32U | mask;
  std::size_t i = 0;
  for (; i + sizeof wide <= length; i += sizeof wide) {
    std::uint64_t word = 0;
    std::memcpy(&word, payload.data + i, sizeof word);
    word ^= wide;
    std::memcpy(payload.data + i, &word, sizeof word);
  }
  for (; i < length; ++i) {
    payload.data[i] = static_cast<char>(payload.data[i] ^ input.data[head + (i & 3U)]);
  }
  const auto opcode = byte(0) & 15U;
  if (opcode == 8) {
    drop(descriptor);
  } else if (opcode == 1 || opcode == 2) {
    relay(at(descriptor), payload);
  }
  return head + 4 + length;
}

}  // namespace sigway::floor
