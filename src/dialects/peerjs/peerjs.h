#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dialects/dialect.h"

/// The protocol between PeerJS clients and their server (docs/dialects/peerjs.md): JSON objects
/// `{type, src, dst, payload}`, passed on from one id to another. The original is
/// github.com/peers/peerjs-server.
namespace sigway::dialects::peerjs {

/// For metrics, settings, and the names that only these clients can say.
inline constexpr std::string_view kDialect = "peerjs";
/// Bytes of the largest message from a client.
inline constexpr std::size_t kMaxMessage = 256U << 10U;

/// A client that was cut has as long to come back as the original gives one that is silent.
extern const Traits kClient;

const Dialect& dialect() noexcept;

/// 1 to 128 bytes of UTF-8 without control characters.
bool valid_id(std::string_view id) noexcept;
/// What the bus calls the client with that id.
std::string name_of(std::string_view id);

/// One message of the client with that id. None: a heartbeat, or nothing that the server acts on.
std::optional<Message> decode(std::string_view id, std::string_view text);

/// `{"type":"OPEN"}`: the id is the client's. `Dialect::encode` gives this very object, so that a
/// binding can tell it from other events.
const EncodedEvent& opened() noexcept;
/// A login or logout was refused, because it came too often. No client gets this event.
const EncodedEvent& too_often() noexcept;
/// The last message to a client whose id somebody else has.
std::string id_taken();
/// The last message to a client that is not let in, with a sentence that says why.
std::string error(std::string_view sentence);

}  // namespace sigway::dialects::peerjs
