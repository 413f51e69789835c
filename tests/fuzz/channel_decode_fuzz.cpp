// modules: channel
//
// Bytes nobody has checked, through the decoder of channels on a WebSocket, and what comes of them
// through its encoder.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "channel/channel.h"
#include "dialects/grammar.h"
#include "dialects/json_scanner.h"
#include "dialects/scope.h"

namespace {

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using sigway::base::is_utf8;

void require(bool fact) {
  if (!fact) std::abort();
}

void check_event(const Event& event) {
  const auto encoded = channel::protocol().dialect().encode(event);
  if (encoded == nullptr) return;
  require(encoded->kind == Frame::Kind::text && encoded->more == nullptr);
  require(!find_json_fault(encoded->bytes));
  require(encoded->bytes.find_first_of("\r\n") == std::string::npos);
}

void check_room(const std::string& room) {
  const auto name = unscoped("channel", room);
  require(name && valid_room(*name));
  require(!valid_room(room));  // no other dialect can name it
}

void check_command(const Command& command) {
  if (const auto* join = std::get_if<Join>(&command)) return check_room(join->room);
  if (const auto* look = std::get_if<Look>(&command)) return check_room(look->room);
  const auto& say = std::get<Say>(command);
  check_room(*say.room);
  require(say.to.empty() && say.data.kind == Payload::Kind::json);
  check_event(event::Said{say.type, *say.room, "p", "", say.data});
}

void check(const Payload& frame) {
  std::vector<Message> out;
  channel::protocol().decode({}, frame, out);
  require(out.size() == 1 && !out[0].n);
  if (const auto* error = std::get_if<Error>(&out[0].content))
    return check_event(event::Refused{*error, 1});
  check_command(std::get<Command>(out[0].content));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data),
                         size);  // NOLINT: bytes are what it gives
  check({Payload::Kind::binary, text});
  // What comes as text has been proved to be UTF-8.
  if (is_utf8(text)) check({Payload::Kind::text, text});
  return 0;
}
