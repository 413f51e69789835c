#include "socketio/engine_packet.h"

#include "socketio/base64.h"
#include "socketio/text.h"

namespace sigway::dialects::socketio {
namespace {

constexpr char kBase64Mark = 'b';

std::optional<EngineType> type_of(int number) noexcept {
  if (number < 0 || number > static_cast<int>(EngineType::noop)) return std::nullopt;
  return static_cast<EngineType>(number);
}

char digit_of(EngineType type) noexcept { return static_cast<char>('0' + static_cast<int>(type)); }

}  // namespace

Result<EnginePacket> decode_text_packet(EngineVersion version, std::string_view text,
                                        std::string& scratch) {
  if (text.empty()) return Fault{Fault::Kind::empty, 0};
  EnginePacket packet;
  std::size_t at = 0;
  packet.binary = text[at] == kBase64Mark;
  if (packet.binary) ++at;
  if (!packet.binary || version == EngineVersion::eio3) {
    const auto type = at < text.size() ? type_of(text[at] - '0') : std::nullopt;
    if (!type) return Fault{Fault::Kind::bad_type, at};
    packet.type = *type;
    ++at;
  }
  if (packet.binary) {
    decode_base64(text.substr(at), scratch);
    packet.data = scratch;
    return packet;
  }
  packet.data = text.substr(at);
  const std::size_t proved = utf8_prefix(packet.data);
  if (proved != packet.data.size()) return Fault{Fault::Kind::not_utf8, at + proved};
  return packet;
}

Result<EnginePacket> decode_binary_packet(EngineVersion version, std::string_view bytes) {
  if (version == EngineVersion::eio4) return EnginePacket{EngineType::message, true, bytes};
  if (bytes.empty()) return Fault{Fault::Kind::empty, 0};
  const auto type = type_of(static_cast<unsigned char>(bytes[0]));
  if (!type) return Fault{Fault::Kind::bad_type, 0};
  return EnginePacket{*type, true, bytes.substr(1)};
}

void append_text_packet(std::string& out, EngineType type, std::string_view text) {
  out += digit_of(type);
  out += text;
}

void append_base64_packet(std::string& out, EngineVersion version, EngineType type,
                          std::string_view bytes) {
  out += kBase64Mark;
  if (version == EngineVersion::eio3) out += digit_of(type);
  append_base64(out, bytes);
}

void append_binary_packet(std::string& out, EngineVersion version, EngineType type,
                          std::string_view bytes) {
  if (version == EngineVersion::eio3) out += static_cast<char>(type);
  out += bytes;
}

void append_as_text(std::string& out, EngineVersion version, const EnginePacket& packet) {
  if (packet.binary) {
    append_base64_packet(out, version, packet.type, packet.data);
  } else {
    append_text_packet(out, packet.type, packet.data);
  }
}

}  // namespace sigway::dialects::socketio
