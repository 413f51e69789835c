// modules: raw login y_webrtc libdatachannel matchbox native
//
// Bytes nobody has checked, through the decoders of the plain dialects and, as other dialects would
// tell of it, through their encoders.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "dialects/grammar.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"
#include "libdatachannel/libdatachannel.h"
#include "login/login.h"
#include "matchbox/matchbox.h"
#include "native/native.h"
#include "raw/raw.h"
#include "y_webrtc/y_webrtc.h"

namespace {

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using sigway::base::is_utf8;

void require(bool fact) {
  if (!fact) std::abort();
}

bool is_one_line(std::string_view text) {
  return text.find_first_of("\r\n") == std::string_view::npos;
}

const plain::Protocol* const kProtocols[] = {&raw::protocol(), &login::protocol(),
                                             &y_webrtc::protocol(), &libdatachannel::protocol(),
                                             &matchbox::protocol()};

/// Whether each frame of it is one object, on one line.
bool speaks_objects(const plain::Protocol& protocol) { return &protocol != &raw::protocol(); }

void check_frames(const plain::Protocol& protocol, const Event& event) {
  const auto encoded = protocol.dialect().encode(event);
  if (encoded == nullptr) return;
  std::size_t size = 0;
  std::string poll = "[";
  for (const auto* frame = encoded.get(); frame != nullptr; frame = frame->more.get()) {
    size += frame->bytes.size();
    const bool is_text = frame->kind == Frame::Kind::text;
    if (is_text) require(is_utf8(frame->bytes));
    if (speaks_objects(protocol)) {
      require(is_text && is_one_line(frame->bytes));
      require(!find_json_fault(frame->bytes));
      require(frame->bytes.starts_with('{'));
    }
    if (poll.size() > 1) poll += ',';
    protocol.append_json(poll, *frame);
  }
  require(encoded->size() == size);
  poll += ']';
  require(is_one_line(poll));
  require(!find_json_fault(poll));
}

/// What the rest of the gateway relies on.
void check_say(const Say& say) {
  require(!say.type.empty());
  for (const auto& address : say.to)
    require(address.kind == Address::Kind::peer || valid_name(address.value));
  switch (say.data.kind) {
    case Payload::Kind::none: require(say.data.bytes.empty()); break;
    case Payload::Kind::json:
      require(is_one_line(say.data.bytes));
      require(!find_json_fault(say.data.bytes, native::kMaxDataDepth));
      break;
    case Payload::Kind::text: require(is_utf8(say.data.bytes)); break;
    case Payload::Kind::binary: break;
  }
  const event::Said said{say.type, say.room.value_or(""), "p", "n\"ä", say.data};
  for (const auto* protocol : kProtocols) check_frames(*protocol, said);
  const auto in_native = native::dialect().encode(said);
  require(is_one_line(in_native->bytes));
  require(!find_json_fault(in_native->bytes));
}

void check_topic(std::string_view topic) {
  require(is_utf8(topic));
  require(topic.starts_with("y-webrtc\n"));
  require(topic.size() <= 1024 + std::string_view("y-webrtc\n").size());
}

void check_command(const Command& command) {
  if (const auto* say = std::get_if<Say>(&command)) {
    check_say(*say);
  } else if (const auto* will = std::get_if<Will>(&command)) {
    require(valid_name(will->name));
    if (!will->message) return;
    require(will->message->to == std::vector<Address>{{Address::Kind::name, will->name}});
    require(!will->message->store);
    check_say(*will->message);
  } else if (const auto* subscribe = std::get_if<Subscribe>(&command)) {
    check_topic(subscribe->topic);
  } else if (const auto* unsubscribe = std::get_if<Unsubscribe>(&command)) {
    check_topic(unsubscribe->topic);
  } else if (const auto* publish = std::get_if<Publish>(&command)) {
    check_topic(publish->topic);
    check_frames(y_webrtc::protocol(),
                 event::Said{publish->type, publish->topic, "p", "", publish->data, 12});
  } else if (const auto* reply = std::get_if<Reply>(&command)) {
    check_frames(y_webrtc::protocol(), event::Said{reply->type, "", "", "", reply->data});
  } else {
    require(valid_name(std::get<Login>(command).name));
  }
}

void check_decoder(const plain::Protocol& protocol, const Payload& frame) {
  std::vector<Message> out;
  protocol.decode({.room = "r", .capacity = 0, .echo = true}, frame, out);
  require(out.size() <= (&protocol == &y_webrtc::protocol() ? plain::kMaxTopics + 1 : 2));
  for (const auto& message : out) {
    require(!message.n);
    if (const auto* error = std::get_if<Error>(&message.content)) {
      require(!error->sentence().empty() && error->sentence().size() < 400);
      for (const auto* each : kProtocols) check_frames(*each, event::Refused{*error, 1});
    } else {
      check_command(std::get<Command>(message.content));
    }
  }
}

void check_entrance(const plain::Protocol& protocol, std::string_view text) {
  const auto entered = protocol.entrance(
      text, {{"echo", std::string(text.substr(0, 1))}, {"next", std::string(text.substr(0, 3))}});
  const auto* entrance = std::get_if<plain::Entrance>(&entered);
  if (entrance == nullptr) return;
  // Nothing that a client of another dialect could say, unless it is a room of all.
  require(entrance->room.empty() || valid_room(entrance->room) ||
          entrance->room.starts_with("matchbox\n"));
  require(entrance->name.empty() || valid_name(entrance->name));
}

/// The text as it may stand in an event: names and sentences are UTF-8 wherever they came from.
void check_events(std::string_view bytes) {
  const std::string text(bytes);
  for (const auto* protocol : kProtocols) {
    for (const auto* type : {"message", "offer", "answer", "candidate", "bye", "chat"}) {
      const auto check = [&](Payload::Kind kind) {
        check_frames(*protocol, event::Said{type, "r", "p", text, {kind, text}});
      };
      check(Payload::Kind::binary);
      if (is_utf8(text)) check(Payload::Kind::text);
      JsonCursor cursor(text);
      JsonValue value;
      if (!cursor.read_value(value) || !cursor.at_end()) continue;
      check_frames(*protocol,
                   event::Said{type, "", "p", "", {Payload::Kind::json, on_one_line(value)}});
    }
    for (const Event& event : std::vector<Event>{
             event::Created{text, text, 1, 2, 3}, event::Joined{text, text, 1, 2, {}, 3},
             event::Ready{text}, event::Full{text, 2, 3}, event::Left{text, 3},
             event::PlaceLost{text}, event::PeerJoined{text, text, text, 1, false},
             event::PeerNamed{text, text, text}, event::PeerSuspended{text, text},
             event::PeerResumed{text, text}, event::PeerLeft{text, text, text},
             event::LoggedIn{text, 1}, event::LoggedOut{text, 1}, event::NameLost{text},
             event::Stored{text, 60, 1}, event::Refused{{.message = text, .to = text}, 1},
             event::Expired{text, text}}) {
      check_frames(*protocol, event);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data),
                              size);  // NOLINT: bytes are what it gives
  for (const auto* protocol : kProtocols) {
    check_decoder(*protocol, {Payload::Kind::binary, std::string(text)});
    // What comes as text has been proved to be UTF-8.
    if (is_utf8(text)) check_decoder(*protocol, {Payload::Kind::text, std::string(text)});
    check_entrance(*protocol, text);
  }
  check_events(text);
  return 0;
}
