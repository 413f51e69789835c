// modules: socketio
//
// Packets of Socket.IO nobody has checked, in both revisions: what decodes is written again and
// must decode to the same. nlohmann/json says what the JSON holds: the event's arguments, and where
// the placeholders are.
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "dialects/grammar.h"
#include "socketio/arguments.h"
#include "socketio/assembly.h"

namespace {

using namespace sigway::dialects;            // NOLINT(google-build-using-namespace)
using namespace sigway::dialects::socketio;  // NOLINT(google-build-using-namespace)
using sigway::base::is_utf8;
using Json = nlohmann::json;

void require(bool fact) {
  if (!fact) std::abort();
}

void check_fault(const Fault& fault, std::string_view text) {
  require(fault.offset <= text.size());
  require(!phrase(fault.kind).empty());
}

// Nothing for what nlohmann/json refuses though it is JSON: huge numbers, halves of pairs.
Json parsed(std::string_view json) { return Json::parse(json, nullptr, false); }

void check_values(const std::vector<JsonValue>& values, const Json& array, std::size_t skipped) {
  require(values.size() <= kMaxArguments);
  if (array.is_discarded()) return;
  require(values.size() + skipped == array.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    require(parsed(values[i].bytes) == array[i + skipped]);
}

void check_event(Revision revision, const SocketPacket& packet) {
  const auto split = split_event(packet.json);
  if (const auto* fault = std::get_if<Fault>(&split)) {
    require(fault->kind == Fault::Kind::bad_name || fault->kind == Fault::Kind::too_many_arguments);
    return check_fault(*fault, packet.json);
  }
  const auto& event = std::get<SplitEvent>(split);
  const Json array = parsed(packet.json);
  require(is_utf8(event.name));
  check_values(event.arguments, array, 1);
  if (!array.is_discarded() && array[0].is_string()) require(array[0] == event.name);

  std::vector<std::string_view> arguments;
  for (const JsonValue& value : event.arguments) arguments.push_back(value.bytes);
  std::string out;
  append_event(out, packet.space, packet.id, event.name, arguments, packet.attachments);
  const auto again = std::get<SocketPacket>(decode_socket_packet(revision, out));
  require(again.space == packet.space && again.id == packet.id);
  require(std::get<SplitEvent>(split_event(again.json)).name == event.name);
}

std::size_t count_placeholders(const Json& json) {
  if (json.is_object() && json.contains("_placeholder")) return 1;
  std::size_t count = 0;
  if (json.is_structured())
    for (const auto& part : json) count += count_placeholders(part);
  return count;
}

void check_binary(const SocketPacket& packet) {
  Assembly assembly;
  if (const auto fault = assembly.begin(packet)) {
    require(fault->kind == Fault::Kind::bad_placeholder);
    require(packet.json[fault->offset] == '{' || packet.json[fault->offset] == '[' ||
            packet.json[fault->offset] == '}' || packet.json[fault->offset] == ']');
    return;
  }
  for (std::size_t i = 0; i < packet.attachments; ++i) {
    require(assembly.pending());
    require(!assembly.add(std::to_string(i)));
  }
  require(assembly.complete() && assembly.packet() == packet);
  const Json json = parsed(packet.json);
  require(assembly.placeholders().size() <= packet.attachments);
  // A repeated name hides the value before it from the oracle.
  if (!json.is_discarded()) require(count_placeholders(json) <= assembly.placeholders().size());
  for (const Placeholder& place : assembly.placeholders()) {
    const Json object = parsed(packet.json.substr(place.offset, place.size));
    require(object == Json{{"_placeholder", true}, {"num", place.number}});
  }
}

void check_packet(Revision revision, std::string_view text) {
  const auto result = decode_socket_packet(revision, text);
  if (const auto* fault = std::get_if<Fault>(&result)) return check_fault(*fault, text);
  const auto& packet = std::get<SocketPacket>(result);
  require(is_utf8(packet.space) && packet.space.front() == '/');
  require(packet.json.empty() || !find_json_fault(packet.json, kMaxDepth));
  std::string out;
  append_socket_packet(out, packet);
  require(std::get<SocketPacket>(decode_socket_packet(revision, out)) == packet);

  if (is_event(packet.type)) check_event(revision, packet);
  if (is_binary(packet.type)) check_binary(packet);
  if (is_ack(packet.type)) {
    const auto split = split_arguments(packet.json);
    if (const auto* values = std::get_if<std::vector<JsonValue>>(&split))
      check_values(*values, packet.json.empty() ? Json::array() : parsed(packet.json), 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_packet(Revision::r4, text);
  check_packet(Revision::r5, text);
  return 0;
}
