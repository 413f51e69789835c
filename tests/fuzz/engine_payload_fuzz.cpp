// modules: socketio
//
// Bodies of polling requests and WebSocket frames nobody has checked, through the decoders of
// Engine.IO. The first byte chooses the format. What decodes is written again, in its own format
// and in the others that can carry it, and must decode to the same packets.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "dialects/grammar.h"
#include "socketio/engine_payload.h"
#include "socketio/jsonp.h"
#include "socketio/text.h"

namespace {

using namespace sigway::dialects;            // NOLINT(google-build-using-namespace)
using namespace sigway::dialects::socketio;  // NOLINT(google-build-using-namespace)
using sigway::base::is_utf8;

void require(bool fact) {
  if (!fact) std::abort();
}

struct Packet {
  EngineType type;
  bool binary;
  std::string data;
  bool operator==(const Packet&) const = default;
};

std::vector<Packet> read(PayloadReader& reader) {
  std::vector<Packet> packets;
  for (EnginePacket packet; reader.next(packet);) {
    require(packet.binary || is_utf8(packet.data));
    packets.push_back({packet.type, packet.binary, std::string(packet.data)});
  }
  return packets;
}

void check_written(PayloadFormat format, const std::vector<Packet>& packets) {
  std::string body;
  for (const Packet& packet : packets) {
    if (format == PayloadFormat::eio4) {  // carries neither of these
      if (packet.binary && packet.type != EngineType::message) return;
      if (!packet.binary && packet.data.find('\x1E') != std::string::npos) return;
    }
    append_to_payload(body, format, {packet.type, packet.binary, packet.data});
  }
  if (packets.empty()) return;
  PayloadReader reader(format, body, {body.size(), packets.size()});
  const auto again = read(reader);
  require(!reader.fault());
  require(again == packets);
}

void check_payload(PayloadFormat format, std::string_view body) {
  constexpr std::size_t kPackets = 64;
  PayloadReader reader(format, body, {4096, kPackets});
  const auto packets = read(reader);
  require(packets.size() <= kPackets);
  if (reader.fault()) {
    require(reader.fault()->offset <= body.size());
    require(!phrase(reader.fault()->kind).empty());
  }
  for (const auto other :
       {PayloadFormat::eio4, PayloadFormat::eio3_text, PayloadFormat::eio3_binary})
    check_written(other, packets);
}

void check_frames(EngineVersion version, std::string_view frame) {
  std::string scratch;
  const auto text = decode_text_packet(version, frame, scratch);
  if (const auto* packet = std::get_if<EnginePacket>(&text)) {
    std::string out;
    std::string scratch_again;
    append_as_text(out, version, *packet);
    require(std::get<EnginePacket>(decode_text_packet(version, out, scratch_again)) == *packet);
  }
  const auto binary = decode_binary_packet(version, frame);
  if (const auto* packet = std::get_if<EnginePacket>(&binary)) {
    std::string out;
    append_binary_packet(out, version, packet->type, packet->data);
    require(out == frame);
  }
}

void check_text(std::string_view text) {
  const std::size_t proved = utf8_prefix(text);
  require((proved == text.size()) == is_utf8(text));
  const std::string_view utf8 = text.substr(0, proved);
  const auto prefix = utf16_prefix(utf8, utf16_length(utf8));
  require(prefix.complete && prefix.bytes == utf8.size());
  std::string ascii;
  append_ascii_json(ascii, utf8);
  require(is_ascii(ascii));
  require((ascii == utf8) == is_ascii(utf8));
  if (const auto once = decode_twice(text)) require(is_utf8(*once) && !is_ascii(text));

  std::string script;
  append_jsonp(script, kEngineCallback, jsonp_index(text), text);
  require(script.find("\xE2\x80\xA8") == std::string::npos);
  require(is_utf8(script));
  decode_jsonp_form(text);
  decode_legacy_jsonp_form(text);
  require(undo_newline_escapes(text).size() <= text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view body = input.substr(1);
  switch (input[0]) {
    case '4': check_payload(PayloadFormat::eio4, body); break;
    case '3': check_payload(PayloadFormat::eio3_text, body); break;
    case 'x': check_payload(PayloadFormat::eio3_binary, body); break;
    case 't': check_text(body); break;
    default: check_frames(EngineVersion::eio3, body); check_frames(EngineVersion::eio4, body);
  }
  return 0;
}
