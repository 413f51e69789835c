// modules: native
//
// Bytes nobody has checked, through the scanner and the decoder of sigway.v1. nlohmann/json says
// what is JSON. It differs from RFC 8259, and from us, in four points, each handled below: it skips
// a byte order mark, takes NUL for the end of the text, refuses numbers beyond a double, and
// refuses escapes of lone surrogates.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "dialects/grammar.h"
#include "dialects/json_scanner.h"
#include "native/native.h"

namespace {

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)

void require(bool fact) {
  if (!fact) std::abort();
}

// Accepts everything; remembers whether only the size of a number was wrong.
class Oracle final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool out_of_range() const { return out_of_range_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::json::exception& error) override {
    constexpr int kNumberOverflow = 406;
    out_of_range_ = error.id == kNumberOverflow;
    return false;
  }

 private:
  bool out_of_range_ = false;
};

// Valid JSON with every escape of a surrogate replaced by that of a letter.
std::string without_surrogates(std::string_view json) {
  std::string out(json);
  for (std::size_t i = 0; i + 1 < out.size(); ++i) {
    if (out[i] != '\\') continue;
    ++i;
    if (out[i] == 'u' && (out[i + 1] == 'd' || out[i + 1] == 'D') && out[i + 2] >= '8')
      out.replace(i + 1, 4, "0041");
  }
  return out;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

void check_scanner(std::string_view text) {
  const auto fault = find_json_fault(text);
  if (fault) {
    require(fault->offset <= text.size());
    require(!fault->reason.empty());
    if (fault->kind == JsonFault::Kind::depth) return;  // nlohmann/json has no limit
    if (contains(text, std::string_view("\0", 1)) || text.substr(0, 3) == "\xEF\xBB\xBF") return;
    require(!nlohmann::json::accept(text));
    return;
  }
  Oracle oracle;
  require(nlohmann::json::sax_parse(without_surrogates(text), &oracle) || oracle.out_of_range());
}

void check_error(const Error& error) {
  for (const std::string& json : {to_json(error), native::error_control(error)}) {
    require(nlohmann::json::accept(json));
    require(json.find_first_of("\r\n") == std::string::npos);
  }
  require(!error.sentence().empty());
}

void check_text(std::string_view text, std::size_t most) {
  require(!text.empty() && text.size() <= most);
}

void check_command(const Command& command) {
  if (const auto* join = std::get_if<Join>(&command)) {
    require(valid_room(join->room));
    require(!join->capacity || *join->capacity > 0);
  } else if (const auto* login = std::get_if<Login>(&command)) {
    require(valid_name(login->name));
  } else if (const auto* leave = std::get_if<LeaveRoom>(&command)) {
    require(valid_room(leave->room));
  } else if (const auto* say = std::get_if<Say>(&command)) {
    check_text(say->type, 64);
    require(say->to.size() <= native::kMaxAddresses);
    for (const Address& address : say->to) check_text(address.value, 256);
    require(!say->room || valid_room(*say->room));
    if (say->data.kind == Payload::Kind::none) return;
    const auto& data = say->data.bytes;
    require(data.size() <= native::kMaxData);
    require(data.find_first_of("\r\n") == std::string::npos);
    require(!find_json_fault(data, native::kMaxDataDepth));
    check_scanner(data);
    // What goes out again must be an event that others can read.
    const auto event = native::dialect().encode(
        event::Said{say->type, say->room.value_or(""), "p", "", say->data});
    require(!find_json_fault(event->bytes));
  }
}

void check_message(const Message& message) {
  require(!message.n || *message.n > 0);
  require(message.cost() >= sizeof(Message));
  if (const auto* command = std::get_if<Command>(&message.content)) {
    check_command(*command);
  } else if (const auto* error = std::get_if<Error>(&message.content)) {
    require(message.n.has_value());
    check_error(*error);
  }
}

void check_request(std::string_view text) {
  const auto result = native::decode_request(text);
  if (const auto* error = std::get_if<Error>(&result)) return check_error(*error);
  require(!find_json_fault(text));
  const auto& request = std::get<native::Request>(result);
  require(!request.key || valid_key(*request.key));
  require(!request.carrier || native::valid_carrier(*request.carrier));
  if (request.open) require(!request.open->room || valid_room(*request.open->room));
  require(request.messages.size() <= native::kMaxMessages);
  for (const Message& message : request.messages) check_message(message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data),
                              size);  // NOLINT: bytes are what it gives
  check_scanner(text);
  check_request(text);

  const auto joined = native::dialect().decode_message(text);
  if (const auto* command = std::get_if<Command>(&joined)) {
    check_command(*command);
  } else {
    check_error(std::get<Error>(joined));
  }
  return 0;
}
