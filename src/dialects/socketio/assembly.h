#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "socketio/placeholders.h"
#include "socketio/socket_packet.h"

namespace sigway::dialects::socketio {

/// A binary packet and the attachments that follow it, one binary message each and nothing between
/// them. A connection has one assembly, which it begins again for each packet. A value; one thread
/// at a time.
///
///     text:    if (auto fault = assembly.begin(packet)) …   // packets of the binary types
///     binary:  if (auto fault = assembly.add(bytes)) …
///     either:  if (assembly.complete()) …                   // packet(), attachments()
///
/// Any other text message while `pending()` is a fault, too: unexpected_text.
class Assembly {
 public:
  /// `max_bytes`: of the JSON and all attachments of one packet.
  explicit Assembly(std::size_t max_bytes = 1'000'000) noexcept : max_bytes_(max_bytes) {}

  /// Takes a copy of what the packet points at. Faults: unexpected_text (attachments are missing),
  /// too_large, bad_placeholder; after a fault it is empty.
  std::optional<Fault> begin(const SocketPacket& packet);

  /// Takes the next attachment. Faults: unexpected_binary, too_large; after a fault it is empty.
  std::optional<Fault> add(std::string_view bytes);

  bool pending() const noexcept { return begun_ && attachments_.size() < expected_; }
  bool complete() const noexcept { return begun_ && attachments_.size() == expected_; }

  /// While `complete()`. The packet's views lie in the assembly: until it is begun again, moved or
  /// cleared.
  SocketPacket packet() const noexcept;
  const std::vector<Placeholder>& placeholders() const noexcept { return placeholders_; }
  const std::vector<std::string>& attachments() const noexcept { return attachments_; }

  /// Gives back what it holds.
  void clear() noexcept;

  /// Bytes of the packet and its attachments, for budgets.
  std::size_t held() const noexcept;

 private:
  std::optional<Fault> refuse(Fault fault) noexcept;

  std::size_t max_bytes_;
  bool begun_ = false;
  std::size_t expected_ = 0;
  std::size_t bytes_ = 0;
  SocketType type_ = SocketType::binary_event;
  std::optional<std::uint64_t> id_ = {};
  std::string space_ = {}, query_ = {}, json_ = {};
  std::vector<Placeholder> placeholders_ = {};
  std::vector<std::string> attachments_ = {};
};

}  // namespace sigway::dialects::socketio
