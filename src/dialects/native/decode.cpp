#include <utility>

#include "dialects/grammar.h"
#include "native/fields.h"
#include "native/message.h"
#include "native/native.h"

namespace sigway::dialects::native {
namespace {

constexpr std::uint64_t kMinHeartbeatMs = 1000;
constexpr std::uint64_t kMaxPad = 65536;
constexpr std::size_t kMaxRecipients = 1024;  // of all messages of one request
constexpr std::string_view kExample =
    R"(Send one JSON object, for example {"key":"…","open":{"room":"demo"}}.)";

Error explain(const JsonFault& fault, std::string_view text) {
  Error error{ErrorCode::bad_json};
  const std::string place = " at byte " + std::to_string(fault.offset) + ".";
  switch (fault.kind) {
    case JsonFault::Kind::utf8:
      error.code = ErrorCode::bad_utf8;
      error.message = "The request is not UTF-8" + place;
      break;
    case JsonFault::Kind::depth:
      error.code = ErrorCode::too_deep;
      error.message =
          "The request has more than " + std::to_string(kMaxRequestDepth) + " levels" + place;
      break;
    case JsonFault::Kind::syntax:
      error.message = "The request is not JSON: " + std::string(fault.reason) + place;
      if (text.substr(0, 3) == "\xEF\xBB\xBF") {
        error.hint =
            "It starts with a byte order mark. Save or send the text as UTF-8 without one.";
      } else if (!text.empty() && text[fault.offset == text.size() ? 0 : fault.offset] == '\'') {
        error.hint =
            "JSON has double quotes only; in a shell, put single ones around the whole: curl -d "
            "'{\"key\":…}'.";
      }
      break;
  }
  return error;
}

// Reads the fields of one request, in the order of the table in docs/protocol.md. The first mistake
// is the answer, but the text is read to its end all the same: what is not JSON is called that,
// whatever else is wrong with it.
class RequestDecoder {
 public:
  RequestDecoder(std::string_view text, Request& request)
      : text_(text), cursor_(text, kMaxRequestDepth), request_(request) {}

  std::optional<Error> run() {
    const bool object = cursor_.begin_object();
    if (object) {
      read_fields();
    } else {
      JsonValue other;
      cursor_.read_value(other);
    }
    if (!cursor_.at_end()) return explain_fault();
    if (!object) return bad_request("The request is not a JSON object.", std::string(kExample));
    if (fields_.error) return std::move(fields_.error);
    if (auto error = fields_.has(Field::type) ? make_short_request() : make_request()) return error;
    return std::move(message_error_);
  }

 private:
  Error explain_fault() const {
    if (text_.find_first_not_of(" \t\r\n") != std::string_view::npos)
      return explain(*cursor_.fault(), text_);
    Error error{ErrorCode::bad_json};
    error.message = "The request is empty.";
    error.hint = kExample;
    return error;
  }

  void read_fields() {
    JsonValue key;
    while (cursor_.next_member(key)) {
      const auto field = fields_.enter(key, kRequestFields | kMessageFields);
      if (field == Field::messages && cursor_.peek() == '[') {
        // Read where they stand, so that the payloads are scanned once.
        fields_.slot(Field::messages).kind = JsonValue::Kind::array;
        read_messages();
      } else {
        JsonValue ignored;
        cursor_.read_value(field ? fields_.slot(*field) : ignored);
      }
    }
  }

  void read_messages() {
    cursor_.begin_array();
    for (std::size_t i = 0; cursor_.next_element(); ++i) {
      if (i >= kMaxMessages || message_error_ || !cursor_.begin_object()) {
        JsonValue passed_over;
        if (!cursor_.read_value(passed_over) || message_error_) continue;
        message_error_ =
            i >= kMaxMessages
                ? bad_request(
                      "`messages` has more than " + std::to_string(kMaxMessages) + " messages.",
                      "Send them in several requests.")
                : bad_request("`messages[" + std::to_string(i) + "]` is not an object.",
                              R"(For example {"n":1,"type":"offer","data":{"sdp":"…"}}.)");
        continue;
      }
      FieldSet fields;
      fields.read(cursor_, kMessageFields);
      if (cursor_.fault()) return;
      auto made = make_next_message(fields);
      if (auto* message = std::get_if<Message>(&made)) {
        request_.messages.push_back(std::move(*message));
      } else {
        message_error_ = std::move(std::get<Error>(made));
        message_error_->message =
            "messages[" + std::to_string(i) + "]: " + std::string(message_error_->sentence());
      }
    }
  }

  // Once the messages have named so many, what others say to somebody is refused, and not looked at
  // closely: a request of 256 KiB has room for 16,384.
  std::variant<Message, Error> make_next_message(FieldSet& fields) {
    const bool is_beyond = recipients_ >= kMaxRecipients && fields.has(Field::to);
    if (is_beyond) fields.present &= ~mask(Field::to);
    auto made = make_message(fields);
    auto* const message = std::get_if<Message>(&made);
    auto* const command = message == nullptr ? nullptr : std::get_if<Command>(&message->content);
    auto* const say = command == nullptr ? nullptr : std::get_if<Say>(command);
    if (say == nullptr) return made;
    recipients_ += say->to.size();
    if (!is_beyond) return made;
    Error error{ErrorCode::rate_limited};
    error.message = "The messages of this request are for more than " +
                    std::to_string(kMaxRecipients) + " recipients.";
    error.hint = "Send this one again in another request.";
    if (!message->n) return error;
    message->content = std::move(error);
    return made;
  }

  // `{"key":…,"type":…}`: the object is the message.
  std::optional<Error> make_short_request() {
    constexpr FieldMask kBeside = mask(Field::key, Field::ack);
    const FieldMask wrong = fields_.present & ~(kMessageFields | kBeside);
    if (wrong != 0) {
      Error error{ErrorCode::unknown_field};
      error.message = names_of(wrong) + " cannot stand beside `type`.";
      error.hint =
          R"(Put the message into "messages":[{"type":…}]; beside a message in short may stand only )"
          "`key` and `ack`.";
      return error;
    }
    if (auto error = take(Field::key, request_.key, read_key)) return error;
    if (auto error = take_integer(Field::ack, request_.ack, 0, kMaxInteger)) return error;
    fields_.present &= ~kBeside;
    auto made = make_message(fields_);
    if (auto* error = std::get_if<Error>(&made)) return std::move(*error);
    request_.messages.push_back(std::move(std::get<Message>(made)));
    return std::nullopt;
  }

  std::optional<Error> make_request() {
    if (const FieldMask stray = fields_.present & ~kRequestFields; stray != 0) {
      Error error{ErrorCode::unknown_field};
      error.message = names_of(stray) + " can stand here only beside `type`.";
      error.hint = "A message needs `type`; the room to open goes into `open`.";
      return error;
    }
    if (auto error = take(Field::key, request_.key, read_key)) return error;
    if (auto error = take_open()) return error;
    if (auto error = take_resume()) return error;
    if (request_.open && request_.resume) {
      return bad_request("`open` and `resume` stand in one request.",
                         "Send `open` for a new session, and `resume` to go on with one.");
    }
    if (auto error = take(Field::carrier, request_.carrier, read_carrier)) return error;
    if (auto error = take_integer(Field::turn, request_.turn, 1, kMaxInteger)) return error;
    if (auto error = take_integer(Field::ack, request_.ack, 0, kMaxInteger)) return error;
    if (auto error = take_integer(Field::n, request_.n, 1, kMaxInteger)) return error;
    if (auto error = take_integer(Field::wait, request_.wait_ms, 0, kMaxInteger)) return error;
    if (auto error =
            take_integer(Field::heartbeat, request_.heartbeat_ms, kMinHeartbeatMs, kMaxInteger))
      return error;
    if (auto error = take_integer(Field::pad, request_.pad, 0, kMaxPad)) return error;
    if (auto error = take_integer(Field::hello, request_.hello, 1, kMaxInteger)) return error;
    if (auto error = take_integer(Field::ping, request_.ping, 0, kMaxInteger)) return error;
    if (auto error = take_flag(Field::ticket, request_.ticket)) return error;
    if (auto error = take_flag(Field::away, request_.away)) return error;
    if (fields_.has(Field::messages) && fields_[Field::messages].kind != JsonValue::Kind::array) {
      return bad_request("`messages` must be an array.",
                         R"(For example [{"n":1,"type":"offer","data":{"sdp":"…"}}].)");
    }
    return std::nullopt;
  }

  template <typename Value>
  std::optional<Error> take(Field field, std::optional<Value>& out,
                            std::optional<Error> (*read)(const JsonValue&, std::string_view,
                                                         Value&)) {
    if (!fields_.has(field)) return std::nullopt;
    return read(fields_[field], name_of(field), out.emplace());
  }

  std::optional<Error> take_integer(Field field, std::optional<std::uint64_t>& out,
                                    std::uint64_t least, std::uint64_t most) {
    if (!fields_.has(field)) return std::nullopt;
    return read_integer(fields_[field], name_of(field), least, most, out.emplace());
  }

  std::optional<Error> take_flag(Field field, bool& out) {
    return fields_.has(field) ? read_flag(fields_[field], name_of(field), out) : std::nullopt;
  }

  // The fields of the small objects `open` and `resume`, whose bytes are proved already.
  std::optional<Error> enter(Field field, FieldMask allowed, FieldSet& inner) {
    JsonCursor cursor(fields_[field].bytes);
    if (!cursor.begin_object()) {
      return bad_request(quoted(name_of(field)) + " must be an object.",
                         "It may have " + names_of(allowed) + ", or be empty: {}.");
    }
    inner.read(cursor, allowed);
    if (inner.error)
      inner.error->message =
          "In " + quoted(name_of(field)) + ": " + std::string(inner.error->sentence());
    return std::move(inner.error);
  }

  std::optional<Error> take_open() {
    if (!fields_.has(Field::open)) return std::nullopt;
    FieldSet inner;
    if (auto error = enter(Field::open, kOpenFields, inner)) return error;
    Open& open = request_.open.emplace();
    if (inner.has(Field::room)) {
      if (auto error = read_room(inner[Field::room], "open.room", open.room.emplace()))
        return error;
    }
    if (inner.has(Field::name)) {
      if (auto error = read_name(inner[Field::name], "open.name", open.name.emplace()))
        return error;
    }
    if (inner.has(Field::capacity)) {
      if (auto error =
              read_capacity(inner[Field::capacity], "open.capacity", open.capacity.emplace()))
        return error;
    }
    if (inner.has(Field::replaces)) {
      if (auto error = read_key(inner[Field::replaces], "open.replaces", open.replaces.emplace()))
        return error;
    }
    return std::nullopt;
  }

  std::optional<Error> take_resume() {
    if (!fields_.has(Field::resume)) return std::nullopt;
    FieldSet inner;
    if (auto error = enter(Field::resume, kResumeFields, inner)) return error;
    Resume& resume = request_.resume.emplace();
    if (!inner.has(Field::server)) return std::nullopt;
    return read_text(inner[Field::server], "resume.server", resume.server);
  }

  std::string_view text_;
  JsonCursor cursor_;
  FieldSet fields_;
  Request& request_;
  std::size_t recipients_ = 0;
  std::optional<Error> message_error_;
};

}  // namespace

std::variant<Request, Error> decode_request(std::string_view text) {
  std::variant<Request, Error> result;
  if (auto error = RequestDecoder(text, std::get<Request>(result)).run())
    result = std::move(*error);
  return result;
}

std::variant<Open, Error> check_open(Open open) {
  if (open.room && !valid_room(*open.room)) return Error{ErrorCode::bad_room};
  if (open.name && !valid_name(*open.name)) return Error{ErrorCode::bad_name};
  if (open.capacity && (*open.capacity == 0 || *open.capacity == Join::kLargest))
    return Error{ErrorCode::bad_capacity};
  if (open.replaces) {
    Error error{ErrorCode::key_in_url};
    error.message = "`replaces` is a key, and a key must not stand in a URL.";
    return error;
  }
  return open;
}

}  // namespace sigway::dialects::native
