#include "apprtc/apprtc.h"

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apprtc/collider.h"
#include "apprtc/payload.h"
#include "dialects/frames.h"

namespace sigway::dialects::apprtc {
namespace {

/// One event for each note without bytes, known by its identity.
const EncodedEvent& note(Note which) {
  static const auto kNotes = [] {
    std::array<EncodedEvent, static_cast<std::size_t>(Note::unplaced) + 1> events;
    for (auto& event : events) event = text_frame({});
    return events;
  }();
  return kNotes.at(static_cast<std::size_t>(which));
}

const EncodedEvent& bye() {
  static const auto kEvent = text_frame(server_message(kBye));
  return kEvent;
}

/// A message for each text; null: there is none.
EncodedEvent messages(const std::vector<std::string>& texts) {
  std::vector<std::string> frames;
  frames.reserve(texts.size());
  for (const auto& text : texts) frames.push_back(server_message(text));
  return text_frames(std::move(frames));
}

/// An empty frame goes before it, by which it is known.
EncodedEvent peer_offer(const std::string& text) {
  return std::make_shared<const Frame>(Frame{
      .bytes = {}, .more = std::make_unique<const Frame>(Frame{.bytes = server_message(text)})});
}

EncodedEvent encode_said(const event::Said& said) {
  // A client has no word for it. After "bye" it begins anew itself.
  if (said.type == "renew") return note(Note::anew);
  const auto texts = texts_of(said);
  if (texts.size() == 1 && texts.front() == kBye) return bye();
  if (texts.size() == 1 && is_of_peer_link(said)) return peer_offer(texts.front());
  return messages(texts);
}

class AppRtcDialect final : public Dialect {
 public:
  std::string_view name() const noexcept override { return "apprtc"; }

  EncodedEvent encode(const Event& event) const override {
    if (const auto* const said = std::get_if<event::Said>(&event)) return encode_said(*said);
    if (std::holds_alternative<event::Created>(event)) return note(Note::created);
    if (std::holds_alternative<event::Joined>(event)) return note(Note::joined);
    if (std::holds_alternative<event::PeerJoined>(event)) return note(Note::met);
    if (std::holds_alternative<event::PeerLeft>(event)) return note(Note::gone);
    if (const auto* const refused = std::get_if<event::Refused>(&event)) {
      const auto code = refused->error.code;
      if (code == ErrorCode::mailbox_full || code == ErrorCode::busy) return note(Note::unsent);
      if (code == ErrorCode::rate_limited) return note(Note::unplaced);
    }
    return nullptr;
  }
};

}  // namespace

const Dialect& dialect() noexcept {
  static const AppRtcDialect kDialect;
  return kDialect;
}

Note note_of(const EncodedEvent& event) noexcept {
  if (!event->bytes.empty()) return Note::none;
  if (event->more != nullptr) return Note::peer_offer;
  auto which = Note::created;
  while (event != note(which)) which = static_cast<Note>(static_cast<std::uint8_t>(which) + 1);
  return which;
}

bool is_bye(const EncodedEvent& event) noexcept { return event == bye(); }

}  // namespace sigway::dialects::apprtc
