#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dialects/command.h"
#include "dialects/event.h"

/// What AppRTC's clients say to each other, and the same in the words of all dialects. Only what
/// means the same on both sides is translated.
namespace sigway::dialects::apprtc {

inline constexpr std::string_view kBye = R"({"type":"bye"})";

/// One text of a client, to everybody else in its room. If nobody is there it waits for whoever
/// comes in. Bytes that are not UTF-8 become U+FFFD, as in the original.
Say say_of(std::string_view text);

/// What a client reads of something that was said: a text for each message, none for what only
/// programs of other dialects need. A native message may have several candidates; what is beyond
/// 256 of them is left out.
std::vector<std::string> texts_of(const event::Said& said);

/// Whether it is an offer of a peer link (web/client/peer.js), which may offer at any time. In
/// AppRTC only one of the two offers, and the other one answers.
bool is_of_peer_link(const event::Said& said);

}  // namespace sigway::dialects::apprtc
