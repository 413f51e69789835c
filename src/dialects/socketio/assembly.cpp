#include "socketio/assembly.h"

#include <utility>

namespace sigway::dialects::socketio {

std::optional<Fault> Assembly::begin(const SocketPacket& packet) {
  if (pending()) return refuse({Fault::Kind::unexpected_text, 0});
  clear();
  if (packet.json.size() > max_bytes_) return refuse({Fault::Kind::too_large, 0});
  auto found = find_placeholders(packet.json, packet.attachments);
  if (const auto* fault = std::get_if<Fault>(&found)) return refuse(*fault);
  placeholders_ = std::move(std::get<std::vector<Placeholder>>(found));
  begun_ = true;
  expected_ = packet.attachments;
  bytes_ = packet.json.size();
  type_ = packet.type;
  id_ = packet.id;
  space_ = packet.space;
  query_ = packet.query;
  json_ = packet.json;
  return std::nullopt;
}

std::optional<Fault> Assembly::add(std::string_view bytes) {
  if (!pending()) return refuse({Fault::Kind::unexpected_binary, 0});
  if (bytes.size() > max_bytes_ - bytes_) return refuse({Fault::Kind::too_large, 0});
  bytes_ += bytes.size();
  attachments_.emplace_back(bytes);
  return std::nullopt;
}

SocketPacket Assembly::packet() const noexcept {
  return {type_, expected_, space_, query_, id_, json_};
}

void Assembly::clear() noexcept {
  begun_ = false;
  expected_ = 0;
  bytes_ = 0;
  placeholders_.clear();
  attachments_.clear();
  // To clear or to assign would keep the memory of the largest packet as long as the connection.
  for (auto* const text : {&space_, &query_, &json_}) std::string().swap(*text);
}

std::size_t Assembly::held() const noexcept {
  std::size_t bytes = space_.size() + query_.size() + json_.size();
  for (const auto& attachment : attachments_) bytes += attachment.size();
  return bytes;
}

std::optional<Fault> Assembly::refuse(Fault fault) noexcept {
  clear();
  return fault;
}

}  // namespace sigway::dialects::socketio
