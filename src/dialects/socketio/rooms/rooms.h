#pragma once

#include <string>
#include <vector>

#include "socketio/application.h"

/// The rooms of the WebRTC codelab (codelabs.developers.google.com, "Real time communication with
/// WebRTC", steps 4 to 6, and its form of 2013), on which most Socket.IO signaling pages build.
/// docs/dialects/socketio.md is the norm here.
namespace sigway::dialects::socketio {

/// `create or join`, `message`, `bye` and `ipaddr`; `addresses` answer the last. A client that is
/// in no room, and has asked for none, speaks to all others of that kind in its namespace.
///
/// And what servers of the same time do for RTCMultiConnection before 3.0, whose clients nothing
/// tells from the codelab's: `new-channel` and `presence`, and `message` with an envelope in the
/// namespace of a channel (docs/dialects/rtcmulticonnection.md, "Older versions").
const Dialect& rooms_dialect() noexcept;

class RoomsApplication final : public Application {
 public:
  explicit RoomsApplication(std::vector<std::string> addresses = {})
      : addresses_(std::move(addresses)) {}

  const Dialect& dialect() const noexcept override { return rooms_dialect(); }
  bool has_space(std::string_view space) const noexcept override;
  std::unique_ptr<Socket> connect(const Connect& connect) const override;

 private:
  const std::vector<std::string> addresses_;
};

}  // namespace sigway::dialects::socketio
