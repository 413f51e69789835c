// modules: apprtc native
//
// Bytes nobody has checked, as a frame of Collider, as the text of a client, and as what others may
// say in its room.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "apprtc/apprtc.h"
#include "apprtc/collider.h"
#include "apprtc/payload.h"
#include "apprtc/room_server.h"
#include "base/utf8.h"
#include "dialects/grammar.h"
#include "dialects/json_scanner.h"
#include "native/native.h"

namespace {

using namespace sigway::dialects;          // NOLINT(google-build-using-namespace)
using namespace sigway::dialects::apprtc;  // NOLINT(google-build-using-namespace)
using sigway::base::is_utf8;

void require(bool fact) {
  if (!fact) std::abort();
}

/// One object and a line feed, safe inside of HTML, with the text that was given.
void check_message(const std::string& message, std::string_view field, std::string_view text) {
  require(message.ends_with('\n'));
  require(message.find_first_of("<>&\r") == std::string::npos);
  require(message.find('\n') == message.size() - 1);
  const auto object = nlohmann::json::parse(message);
  require(object.size() == 2 && object.at(std::string(field)).get<std::string>() == text);
}

void check_frame(std::string_view bytes) {
  const auto decoded = decode_message(bytes);
  if (const auto* why = std::get_if<std::string>(&decoded)) {
    require(!why->empty() && why->size() < 400);
    return check_message(server_error(*why), "error", *why);
  }
  require(!find_json_fault(bytes));
  const auto& message = std::get<ClientMessage>(decoded);
  for (const auto* text : {&message.room, &message.client, &message.text}) require(is_utf8(*text));
}

void check_event(const event::Said& said) {
  const auto texts = texts_of(said);
  require(texts.size() <= 256);
  for (const auto& text : texts) {
    require(!text.empty() && is_utf8(text));
    check_message(server_message(text), "msg", text);
    require(nlohmann::json::parse(quoted_text_of(server_message(text))).get<std::string>() == text);
  }
  const auto encoded = apprtc::dialect().encode(said);
  require((encoded == nullptr) == (texts.empty() && said.type != "renew"));
  if (encoded != nullptr) (void)note_of(encoded);
}

/// What another client of AppRTC reads is what was said, or the same object written anew.
void check_text(std::string_view bytes) {
  const auto say = say_of(bytes);
  require(say.keep && say.to.empty() && !say.room);
  const auto& [kind, data] = say.data;
  if (kind == Payload::Kind::json) {
    require(data.find_first_of("\r\n") == std::string::npos && !find_json_fault(data, 64));
  } else if (kind == Payload::Kind::text) {
    require(say.type == "message" && is_utf8(data));
  } else {
    require(say.type == "bye" && data.empty());
  }
  const event::Said said{say.type, "r", "p", "", say.data};
  check_event(said);
  require(!find_json_fault(native::dialect().encode(said)->bytes));
  const auto texts = texts_of(said);
  if (!is_utf8(bytes) || bytes.empty() || texts.empty()) return;
  require(texts.size() == 1);
  if (say.type == "message" && bytes.find_first_of("\r\n") == std::string::npos &&
      bytes.find_first_of(" \t") == std::string::npos) {
    require(texts.front() == bytes);
  }
}

void check_others(std::string_view bytes) {
  const std::string text(bytes);
  const bool is_text = is_utf8(text);
  const bool is_json = !find_json_fault(text) && text.find_first_of("\r\n") == std::string::npos &&
                       text.find_first_of(" \t") != 0;
  for (const auto* type :
       {"message", "offer", "answer", "candidate", "bye", "link", "renew", "x"}) {
    check_event({type, "r", "p", "", {Payload::Kind::binary, text}});
    if (is_text) check_event({type, "r", "p", text, {Payload::Kind::text, text}});
    if (is_json) check_event({type, "r", "p", "", {Payload::Kind::json, text}});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_frame(bytes);
  check_text(bytes);
  check_others(bytes);
  (void)is_id(bytes);
  (void)is_reserved(bytes);
  return 0;
}
