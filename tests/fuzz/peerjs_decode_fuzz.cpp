// modules: peerjs
//
// Bytes nobody has checked, through PeerJS's decoder, and events with any text in them through its
// encoder.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "dialects/grammar.h"
#include "dialects/json_scanner.h"
#include "peerjs/peerjs.h"

namespace {

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using sigway::base::is_utf8;

constexpr std::string_view kSender = "a \"sender\" ž";

void require(bool fact) {
  if (!fact) std::abort();
}

/// One line of JSON, or nothing.
void check_event(const Event& event) {
  const auto frame = peerjs::dialect().encode(event);
  if (frame == nullptr || frame == peerjs::too_often()) return;
  require(frame->kind == Frame::Kind::text && frame->more == nullptr);
  require(frame->bytes.find_first_of("\r\n") == std::string::npos);
  require(frame->bytes.starts_with("{\"type\":\""));
  require(!find_json_fault(frame->bytes));
}

/// The decoder agrees with a parser that makes a tree.
void check_say(std::string_view text, const Say& say) {
  require(say.to.size() == 1 && say.to.front().kind == Address::Kind::name);
  require(say.to.front().value.starts_with("peerjs\n"));
  require(peerjs::valid_id(std::string_view(say.to.front().value).substr(7)));
  require(say.lifetime.has_value());
  require(say.data.kind == Payload::Kind::json);
  check_event(event::Said{say.type, "", "p", "n", say.data});
  const auto sent = nlohmann::json::parse(text, nullptr, false);
  const auto passed_on = nlohmann::json::parse(say.data.bytes, nullptr, false);
  if (sent.is_discarded()) return;  // it takes no lone surrogate, and no number that is too large
  require(sent.is_object() && passed_on.is_object());
  require(passed_on.at("type") == sent.at("type") && passed_on.at("type") == say.type);
  require(passed_on.at("src") == kSender);
  require(passed_on.at("dst") == sent.at("dst"));
  require("peerjs\n" + passed_on.at("dst").get<std::string>() == say.to.front().value);
  require(passed_on.contains("payload") == sent.contains("payload"));
  require(passed_on.size() == (sent.contains("payload") ? 4 : 3));
}

void check_decoder(std::string_view text) {
  const auto message = peerjs::decode(kSender, text);
  if (!message) return;
  require(!message->n);
  if (const auto* error = std::get_if<Error>(&message->content)) {
    require(error->to.starts_with("@peerjs\n"));
    check_event(event::Refused{*error, 1, peerjs::name_of(kSender)});
    return;
  }
  const auto& command = std::get<Command>(message->content);
  if (const auto* say = std::get_if<Say>(&command)) return check_say(text, *say);
  require(std::holds_alternative<Leave>(command));
}

/// Names and sentences are UTF-8 wherever they came from.
void check_events(const std::string& text) {
  for (const auto& name : {text, peerjs::name_of(text)}) {
    check_event(event::Expired{"@" + name, name});
    check_event(event::Expired{name, ""});
    for (const auto code : {ErrorCode::busy, ErrorCode::mailbox_full, ErrorCode::bad_name,
                            ErrorCode::rate_limited, ErrorCode::nobody_there})
      check_event(event::Refused{{.code = code, .message = text, .to = name}, 1, name});
  }
  require(!find_json_fault(peerjs::error(text)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data),
                              size);  // NOLINT: bytes are what it gives
  check_decoder(text);
  if (is_utf8(text)) check_events(std::string(text));
  return 0;
}
