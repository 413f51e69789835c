#include <utility>

#include "dialects/frames.h"
#include "dialects/json_writer.h"
#include "dialects/scope.h"
#include "peerjs/peerjs.h"

namespace sigway::dialects::peerjs {
namespace {

std::string_view id_of_name(std::string_view name) { return unscoped(kDialect, name).value_or(""); }
std::string_view id_of_address(std::string_view address) {
  return address.starts_with('@') ? id_of_name(address.substr(1)) : std::string_view();
}

/// News of whoever has that address, to the client with that name: in the first one's name.
std::string news(std::string_view type, std::string_view address, std::string_view to) {
  std::string out;
  JsonWriter json(out);
  json.text("type", type).text("src", id_of_address(address)).optional_text("dst", id_of_name(to));
  json.close();
  return out;
}

std::string told(std::string_view type, std::string_view sentence) {
  std::string out;
  JsonWriter json(out);
  json.text("type", type);
  JsonWriter payload(json.key("payload").out());
  payload.text("msg", sentence).close();
  json.close();
  return out;
}

EncodedEvent encode_refused(const event::Refused& refused) {
  const auto& refusal = refused.error;
  switch (refusal.code) {
    case ErrorCode::nobody_there:  // LEAVE and EXPIRE wait for nobody
    case ErrorCode::name_taken:    // the session ends, which says it
    case ErrorCode::no_name:       // it was cut before it had its id
      return nullptr;
    // Messages that come too often are refused before they are taken.
    case ErrorCode::rate_limited: return too_often();
    case ErrorCode::busy:
      // The original's words when it cannot send to a client that it knows.
      if (!refusal.to.empty()) return text_frame(news("LEAVE", refusal.to, refused.name));
      break;
    case ErrorCode::bad_name:
    case ErrorCode::mailbox_full: return text_frame(news("EXPIRE", refusal.to, refused.name));
    default: break;
  }
  return text_frame(error(refusal.sentence()));
}

class PeerDialect final : public Dialect {
 public:
  std::string_view name() const noexcept override { return kDialect; }
  /// As in the original: OPEN, then what has waited.
  bool takes_mail_before_answer() const noexcept override { return false; }

  EncodedEvent encode(const Event& event) const override {
    // Only clients of this dialect can name each other, so it is in their words.
    if (const auto* said = std::get_if<event::Said>(&event)) return text_frame(said->data.bytes);
    if (std::holds_alternative<event::LoggedIn>(event)) return opened();
    if (const auto* expired = std::get_if<event::Expired>(&event))
      return text_frame(news("EXPIRE", expired->to, expired->name));
    if (const auto* refused = std::get_if<event::Refused>(&event)) return encode_refused(*refused);
    return nullptr;
  }
};

}  // namespace

const Dialect& dialect() noexcept {
  static const PeerDialect kInstance;
  return kInstance;
}

const EncodedEvent& opened() noexcept {
  static const auto kOpened = text_frame(R"({"type":"OPEN"})");
  return kOpened;
}

const EncodedEvent& too_often() noexcept {
  static const auto kTooOften = text_frame({});
  return kTooOften;
}

std::string id_taken() { return told("ID-TAKEN", "ID is taken"); }

std::string error(std::string_view sentence) { return told("ERROR", sentence); }

}  // namespace sigway::dialects::peerjs
