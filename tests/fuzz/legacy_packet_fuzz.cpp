// modules: socketio
//
// Bodies of Socket.IO 0.9 nobody has checked: what decodes is written again, packet by packet and
// as a payload, and must decode to the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "dialects/grammar.h"
#include "socketio/arguments.h"
#include "socketio/legacy_packet.h"

namespace {

using namespace sigway::dialects;            // NOLINT(google-build-using-namespace)
using namespace sigway::dialects::socketio;  // NOLINT(google-build-using-namespace)
using sigway::base::is_utf8;

void require(bool fact) {
  if (!fact) std::abort();
}

std::vector<std::string_view> ranges(const std::vector<JsonValue>& values) {
  std::vector<std::string_view> result;
  for (const JsonValue& value : values) result.push_back(value.bytes);
  return result;
}

void check_event(const LegacyPacket& packet) {
  const auto split = split_legacy_event(packet.data);
  if (const auto* fault = std::get_if<Fault>(&split))
    return require(fault->offset <= packet.data.size());
  const auto& event = std::get<SplitEvent>(split);
  std::string out;
  append_legacy_event(out, packet.endpoint, event.name, ranges(event.arguments), packet.id);
  const auto again = std::get<LegacyPacket>(decode_legacy_packet(out));
  const auto split_again = std::get<SplitEvent>(split_legacy_event(again.data));
  require(split_again.name == event.name);
  require(ranges(split_again.arguments) == ranges(event.arguments));
}

void check_ack(const LegacyPacket& packet) {
  const auto split = split_arguments(packet.data);
  if (const auto* fault = std::get_if<Fault>(&split))
    return require(fault->kind == Fault::Kind::too_many_arguments);
  const auto arguments = ranges(std::get<std::vector<JsonValue>>(split));
  std::string out;
  append_legacy_ack(out, packet.endpoint, packet.ack_id, arguments);
  const auto again = std::get<LegacyPacket>(decode_legacy_packet(out));
  require(again.ack_id == packet.ack_id);
  require(ranges(std::get<std::vector<JsonValue>>(split_arguments(again.data))) == arguments);
}

// True if it is a packet.
bool check_packet(std::string_view text) {
  const auto result = decode_legacy_packet(text);
  if (const auto* fault = std::get_if<Fault>(&result)) {
    require(fault->offset <= text.size());
    return false;
  }
  const auto& packet = std::get<LegacyPacket>(result);
  require(is_utf8(packet.endpoint) && is_utf8(packet.data));
  std::string out;
  append_legacy_packet(out, packet);
  require(std::get<LegacyPacket>(decode_legacy_packet(out)) == packet);
  if (packet.type == LegacyType::event) check_event(packet);
  if (packet.type == LegacyType::ack) check_ack(packet);
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> packets;
  LegacyReader reader(body, {4096, 64});
  for (std::string_view packet; reader.next(packet);)
    if (check_packet(packet)) packets.emplace_back(packet);
  if (reader.fault()) require(reader.fault()->offset <= body.size());

  std::string again;
  append_legacy_payload(again, packets);
  std::size_t count = 0;
  LegacyReader second(again, {again.size(), packets.size()});
  for (std::string_view packet; second.next(packet); ++count) require(packet == packets.at(count));
  require(count == packets.size() && second.fault().has_value() == packets.empty());
  return 0;
}
