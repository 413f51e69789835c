// modules: native_binding
//
// Random events through the three encodings: a WebSocket frame (the JSON itself), a block of an
// event stream, an element of a poll's answer. What comes back from each must be the event that
// went in. The event is described a second time here, by nlohmann/json, and the event stream is
// read by a parser of its own (HTML standard, §9.2.6), so that no code under test checks itself.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/json_scanner.h"
#include "native/native.h"
#include "native_binding/poll_answer.h"
#include "sse/event_stream_format.h"

namespace {

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using Json = nlohmann::json;

void require(bool fact) {
  if (!fact) std::abort();
}

// Takes decisions from the input; zeros when it is used up.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  bool empty() const { return size_ == 0; }
  std::uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  bool flag() { return (byte() & 1) != 0; }
  std::uint64_t number() {
    std::uint64_t number = 0;
    for (int bytes = byte() % 9; bytes > 0; --bytes) number = number << 8 | byte();
    return number;
  }
  std::uint32_t small_number() { return static_cast<std::uint32_t>(number()); }

  // Valid UTF-8 with a liking for what encodings stumble over.
  std::string text() {
    static const std::vector<std::string> kPieces = {
        "\"",         "\\",   "\n",        "\r",      "\r\n",    "\t",     std::string(1, '\0'),
        "\x1f",       "\x7f", "\u0085",    "\u00e4",  "\u2028",  "\u2029", "\ufeff",
        "\U0001F600", ": ",   "data: ",    "\n\n",    "id: 9\n", "{",      "}",
        ",",          "/",    "</script>", "\\u0000", "\\ud800"};
    std::string out;
    for (int parts = byte() % 8; parts > 0; --parts) {
      const std::uint8_t choice = byte();
      if (choice < kPieces.size()) {
        out += kPieces[choice];
      } else {
        out += static_cast<char>(choice & 0x7F);
      }
    }
    return out;
  }

  Json value(int levels = 0) {
    switch (byte() % (levels < 6 ? 8 : 6)) {
      case 0: return nullptr;
      case 1: return flag();
      case 2: return number();
      case 3: return -static_cast<std::int64_t>(byte());
      case 4: return static_cast<double>(number()) / 1024;
      case 5: return text();
      case 6: {
        Json array = Json::array();
        for (int members = byte() % 4; members > 0; --members) array.push_back(value(levels + 1));
        return array;
      }
      default: {
        Json object = Json::object();
        for (int members = byte() % 4; members > 0; --members) object[text()] = value(levels + 1);
        return object;
      }
    }
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

struct Sample {
  Event event;
  Json expected;
};

void put(Json& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

void put_re(Json& object, Re re) {
  if (re != 0) object["re"] = re;
}

Sample any_joined(Choices& choices, bool first) {
  const std::string room = choices.text();
  const std::string peer = choices.text();
  const std::uint64_t join = choices.number();
  const std::uint32_t capacity = choices.small_number();
  const Re re = choices.number();
  Json expected = {{"type", first ? "created" : "joined"},
                   {"room", room},
                   {"peer", peer},
                   {"join", join},
                   {"capacity", capacity}};
  put_re(expected, re);
  if (first) return {event::Created{room, peer, join, capacity, re}, expected};
  std::vector<RosterEntry> members;
  expected["members"] = Json::array();
  for (int count = choices.byte() % 4; count > 0; --count) {
    const RosterEntry& member = members.emplace_back(RosterEntry{
        choices.text(), choices.text(), choices.number(), choices.flag(), choices.flag()});
    Json row = {{"peer", member.peer},
                {"join", member.join},
                {"polite", member.polite},
                {"suspended", member.suspended}};
    put(row, "name", member.name);
    expected["members"].push_back(row);
  }
  return {event::Joined{room, peer, join, capacity, members, re}, expected};
}

Sample any_refusal(Choices& choices) {
  Error error{static_cast<ErrorCode>(choices.byte() % (static_cast<int>(ErrorCode::busy) + 1))};
  error.message = choices.text();
  error.hint = choices.text();
  error.to = choices.text();
  if (choices.flag()) error.expected = choices.number();
  if (choices.flag()) error.limit = choices.number();
  const Re re = choices.number();
  const ErrorInfo& row = info(error.code);
  Json expected = {{"type", "error"}, {"code", row.name}};
  expected["message"] = error.message.empty() ? std::string(row.message) : error.message;
  expected["hint"] = error.hint.empty() ? std::string(row.hint) : error.hint;
  put(expected, "to", error.to);
  put_re(expected, re);
  if (error.expected) expected["expected"] = *error.expected;
  if (error.limit) expected["limit"] = *error.limit;
  return {event::Refused{error, re}, expected};
}

Sample any_said(Choices& choices) {
  event::Said said{
      "x" + std::to_string(choices.byte()), choices.text(), choices.text(), choices.text(), {}};
  Json expected = {{"type", said.type}, {"from", said.from}};
  put(expected, "room", said.room);
  put(expected, "name", said.name);
  if (choices.flag()) {
    const Json data = choices.value();
    said.data = {Payload::Kind::json, data.dump(choices.flag() ? 0 : -1)};
    // The decoder's part of the contract: one line.
    for (char& c : said.data.bytes) c = c == '\n' ? ' ' : c;
    expected["data"] = data;
  }
  return {std::move(said), expected};
}

Sample any_event(Choices& choices) {
  const std::uint8_t kind = choices.byte() % 17;
  if (kind <= 1) return any_joined(choices, kind == 0);
  if (kind == 2) return any_refusal(choices);
  if (kind >= 14) return any_said(choices);
  const std::string room = choices.text();
  const std::string peer = choices.text();
  const std::string name = choices.text();
  const std::uint64_t number = choices.number();
  const auto small = static_cast<std::uint32_t>(number);
  const bool polite = choices.flag();
  const Json in_room = {{"room", room}};
  const Json of_peer = {{"room", room}, {"peer", peer}};
  const Json of_name = {{"name", name}};
  const auto with = [](Json object, const char* type, const Json& more = Json::object()) {
    object["type"] = type;
    object.update(more);
    return object;
  };
  Json re = Json::object();
  put_re(re, number);
  Json named = Json::object();
  put(named, "name", name);
  switch (kind) {
    case 3: return {event::Ready{room}, with(in_room, "ready")};
    case 4:
      return {event::Full{room, small, number},
              with(with(in_room, "full", re), "full", {{"capacity", small}})};
    case 5: return {event::Left{room, number}, with(in_room, "left", re)};
    case 6: return {event::PlaceLost{room}, with(in_room, "place-lost")};
    case 7:
      return {
          event::PeerJoined{room, peer, name, number, polite},
          with(with(of_peer, "", named), "peer-joined", {{"join", number}, {"polite", polite}})};
    case 8: return {event::PeerNamed{room, peer, name}, with(of_peer, "peer-named", named)};
    case 9:
      if (polite) return {event::PeerSuspended{room, peer}, with(of_peer, "peer-suspended")};
      return {event::PeerResumed{room, peer}, with(of_peer, "peer-resumed")};
    case 10:
      return {event::PeerLeft{room, peer, name}, with(of_peer, "peer-left", {{"reason", name}})};
    case 11:
      if (polite) return {event::LoggedIn{name, number}, with(of_name, "login", re)};
      return {event::LoggedOut{name, number}, with(of_name, "logout", re)};
    case 12: return {event::NameLost{name}, with(of_name, "name-lost")};
    default:
      return {event::Stored{name, small, number},
              with(with({{"to", name}}, "", re), "stored", {{"lifetime", small}})};
  }
}

struct Block {
  std::string event, data, id;
};

// HTML standard, §9.2.6 "Interpreting an event stream", step by step.
std::vector<Block> read_event_stream(std::string_view stream) {
  std::vector<Block> blocks;
  std::string data;
  std::string event;
  std::string last_id;
  while (!stream.empty()) {
    const std::size_t end = stream.find_first_of("\r\n");
    if (end == std::string_view::npos) break;  // an incomplete line at the end is discarded
    const std::string_view line = stream.substr(0, end);
    stream.remove_prefix(stream.substr(end, 2) == "\r\n" ? end + 2 : end + 1);
    if (line.empty()) {
      if (!data.empty()) {
        data.pop_back();
        blocks.push_back({event.empty() ? "message" : event, data, last_id});
      }
      data.clear();
      event.clear();
      continue;
    }
    if (line.front() == ':') continue;
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view field = line.substr(0, colon);
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    if (field == "event") {
      event = value;
    } else if (field == "data") {
      data += value;
      data += '\n';
    } else if (field == "id") {
      require(value.find('\0') == std::string_view::npos);
      last_id = value;
    } else {
      require(field == "retry");
    }
  }
  return blocks;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const std::uint64_t first = choices.number();
  std::vector<Json> expected;
  std::vector<EncodedEvent> encoded;
  std::vector<std::string> ids;
  std::string stream;
  do {
    Sample sample = any_event(choices);
    EncodedEvent event = native::dialect().encode(sample.event);
    require(event->bytes.find_first_of("\r\n") == std::string::npos);
    require(event->bytes.rfind("{\"type\":\"", 0) == 0);
    require(!find_json_fault(event->bytes));
    require(Json::parse(event->bytes) == sample.expected);  // the WebSocket's text frame

    switch (choices.byte() % 6) {
      case 1: sigway::sse::append_comment(stream, choices.text()); break;
      case 2:
        sigway::sse::append_control(stream, native::heartbeat_control(choices.number()));
        break;
      case 3: sigway::sse::append_retry(stream, choices.number()); break;
      case 4: stream += sigway::sse::padding(choices.small_number() % 3000); break;
      default: break;
    }
    const std::uint64_t id = first + ids.size();
    sigway::sse::append_event(stream, id, event->bytes);
    ids.push_back(std::to_string(id));
    expected.push_back(std::move(sample.expected));
    encoded.push_back(std::move(event));
  } while (!choices.empty() && encoded.size() < 64);

  std::size_t next = 0;
  for (const Block& block : read_event_stream(stream)) {
    if (block.event == "control") {
      require(Json::parse(block.data)["control"] == "heartbeat");
      continue;
    }
    require(block.event == "message");
    require(next < expected.size());
    require(block.id == ids[next]);
    require(Json::parse(block.data) == expected[next]);
    ++next;
  }
  require(next == expected.size());

  sigway::longpoll::PollAnswer answer;
  answer.first = first;
  answer.events = encoded;
  answer.up = choices.number();
  answer.probe = choices.flag();
  const std::string message = choices.text();
  if (choices.flag()) answer.ended = {"moved", message};
  const Json poll = Json::parse(native::encode_answer(answer));
  require(poll["first"] == first);
  require(poll["up"] == answer.up);
  require(poll["events"] == Json(expected));
  require(poll.contains("probe") == answer.probe);
  require(poll.contains("ended") == answer.ended.has_value());
  return 0;
}
