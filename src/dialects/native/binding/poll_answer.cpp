#include "native_binding/poll_answer.h"

#include "dialects/json_writer.h"

namespace sigway::dialects::native {
namespace {

using longpoll::PollAnswer;

// Enough for everything but the long texts, so that the answer is allocated once.
std::size_t size_of(const PollAnswer& answer) {
  std::size_t size = 160 + answer.welcome.size();
  for (const auto& event : answer.events) size += event->size() + 1;
  if (answer.ended) size += 40 + answer.ended->code.size() + answer.ended->message.size();
  return size;
}

void write_turn(std::string& out, JsonWriter& json, FieldName name,
                std::optional<std::uint64_t> turn) {
  if (!turn) return;
  json.key(name);
  JsonWriter(out).number("turn", *turn).close();
}

}  // namespace

std::string encode_answer(const PollAnswer& answer) {
  std::string out;
  out.reserve(size_of(answer));
  JsonWriter json(out);
  json.optional_raw("welcome", answer.welcome);
  write_turn(out, json, "activated", answer.activated);
  write_turn(out, json, "standby", answer.standby);
  json.number("first", answer.first).key("events");
  out += '[';
  for (const auto& event : answer.events) {
    if (&event != &answer.events.front()) out += ',';
    out += event->bytes;
  }
  out += ']';
  json.number("up", answer.up);
  if (answer.probe) json.boolean("probe", true);
  if (answer.ended) {
    json.key("ended");
    JsonWriter ended(out);
    ended.text("code", answer.ended->code).optional_text("message", answer.ended->message);
    if (answer.ended->retry_ms != 0) ended.number("retry", answer.ended->retry_ms);
    if (answer.ended->is_final) ended.number("expected", answer.up + 1);
    ended.close();
  }
  json.close();
  return out;
}

}  // namespace sigway::dialects::native
