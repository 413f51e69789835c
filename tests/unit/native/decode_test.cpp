#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "native/native.h"

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using native::decode_request;
using native::Request;

namespace {

const std::string kKey = "0123456789abcdefghijKL";

Request good(std::string_view text) {
  auto result = decode_request(text);
  if (auto* error = std::get_if<Error>(&result))
    FAIL(std::string(text) << ": " << error->sentence());
  return std::get<Request>(std::move(result));
}

Error bad(std::string_view text) {
  auto result = decode_request(text);
  CAPTURE(text);
  REQUIRE(std::holds_alternative<Error>(result));
  return std::get<Error>(std::move(result));
}

// One numbered message inside a request.
Message numbered(const std::string& fields) {
  Request request = good(R"({"messages":[{"n":7,)" + fields + "}]}");
  REQUIRE(request.messages.size() == 1);
  CHECK(request.messages[0].n == 7);
  return std::move(request.messages[0]);
}

template <typename T>
T command(const std::string& fields) {
  const Message message = numbered(fields);
  if (const auto* error = std::get_if<Error>(&message.content))
    FAIL(fields << ": " << error->sentence());
  return std::get<T>(std::get<Command>(message.content));
}

Error refusal(const std::string& fields) {
  const Message message = numbered(fields);
  CAPTURE(fields);
  REQUIRE(std::holds_alternative<Error>(message.content));
  return std::get<Error>(message.content);
}

std::string nested_arrays(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

bool mentions(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("every field of a request") {
  const Request request =
      good(R"({"key":")" + kKey +
           R"(","open":{"room":"r","name":"älice","capacity":3,"replaces":")" + kKey +
           R"("},"carrier":"w-1_A","turn":2,"ack":0,"messages":[],"n":1,"wait":0,"heartbeat":1000,)"
           R"("pad":65536,"hello":1,"ping":9007199254740991,"ticket":true,"away":true})");
  CHECK(request.key == kKey);
  CHECK(request.open == native::Open{"r", "älice", 3, kKey});
  CHECK_FALSE(request.resume);
  CHECK(request.carrier == "w-1_A");
  CHECK(request.turn == 2);
  CHECK(request.ack == 0);
  CHECK(request.n == 1);
  CHECK(request.wait_ms == 0);
  CHECK(request.heartbeat_ms == 1000);
  CHECK(request.pad == 65536);
  CHECK(request.hello == 1);
  CHECK(request.ping == 9007199254740991);
  CHECK(request.ticket);
  CHECK(request.away);
  CHECK(request.messages.empty());
}

TEST_CASE("an empty object is a request: the answer to a probe") {
  const Request request = good(" {} ");
  CHECK_FALSE(request.key);
  CHECK_FALSE(request.open);
  CHECK_FALSE(request.ack);
  CHECK_FALSE(request.ticket);
}

TEST_CASE("resume, with and without a server id; open without anything") {
  CHECK(good(R"({"resume":{}})").resume->server.empty());
  CHECK(good(R"({"resume":{"server":"s1"}})").resume->server == "s1");
  CHECK(good(R"({"open":{}})").open == native::Open{});
}

TEST_CASE("field names may be escaped, and are still the same fields") {
  CHECK(good(R"({"\u0061ck":4})").ack == 4);
  CHECK(bad(R"({"ack":1,"\u0061ck":4})").code == ErrorCode::duplicate_field);
  CHECK(bad(R"({"\ud800":4})").code == ErrorCode::unknown_field);
}

TEST_CASE("commands") {
  CHECK(command<Join>(R"("type":"join","room":"r")").room == "r");
  CHECK(command<Join>(R"("type":"join","room":"r","capacity":4)").capacity == 4);
  CHECK(command<LeaveRoom>(R"("type":"leave","room":"r")").room == "r");
  command<Leave>(R"("type":"leave")");
  CHECK(command<Login>(R"("type":"login","name":"bob")").name == "bob");
  command<Logout>(R"("type":"logout")");

  const Say say =
      command<Say>(R"("type":"offer","to":["p1","@bob","p1"],"room":"r","data":{"sdp":"v=0"})");
  CHECK(say.type == "offer");
  CHECK(say.to == std::vector<Address>{{Address::Kind::peer, "p1"}, {Address::Kind::name, "bob"}});
  CHECK(say.room == "r");
  CHECK(say.data.bytes == R"({"sdp":"v=0"})");

  const Say bare = command<Say>(R"("type":"bye")");
  CHECK(bare.to.empty());
  CHECK_FALSE(bare.room);
  CHECK(bare.data.kind == Payload::Kind::none);
  CHECK(command<Say>(R"("type":"x","to":"@a@b")").to.front().value == "a@b");
  CHECK(command<Say>(R"("type":"x.Y_z:1-2","data":null)").data.bytes == "null");
}

TEST_CASE("the bytes of data pass as they are, but on one line") {
  CHECK(command<Say>(
            "\"type\":\"x\",\"data\": {\r\n \"a\" :\t1.50e+1,\n\"b\":\"\\n\\ud800 \u2028\"} \n")
            .data.bytes == "{   \"a\" :\t1.50e+1, \"b\":\"\\n\\ud800 \u2028\"}");
  CHECK(command<Say>(R"("type":"x","data":{"a":1,"a":2})").data.bytes == R"({"a":1,"a":2})");
}

TEST_CASE("pieces") {
  const auto piece = [](const std::string& fields) {
    return std::get<Piece>(numbered(fields).content);
  };
  const auto first = piece(R"("at":0,"of":36,"piece":"{\"type\":\"off")");
  CHECK(first.text == R"({"type":"off)");
  CHECK(first.at == 0);
  CHECK(first.of == 36);
  CHECK_MESSAGE(piece(R"("at":1,"of":3,"piece":"\u00e9")").text == "\u00e9", "two bytes: 1 and 2");
  CHECK(piece(R"("at":5,"of":5,"piece":"")").text.empty());
  CHECK(refusal(R"("at":0,"of":1,"piece":"x","type":"offer")").code == ErrorCode::bad_request);
  CHECK(mentions(refusal(R"("at":0,"of":1)").message, "`piece`"));
  CHECK(mentions(refusal(R"("piece":"x")").message, "`at`, `of`"));
  CHECK(refusal(R"("at":0,"of":1,"piece":5)").code == ErrorCode::bad_request);
  CHECK(refusal(R"("at":0,"of":9,"piece":"\ud83d")").code == ErrorCode::bad_request);
  CHECK(refusal(R"("at":-1,"of":1,"piece":"x")").code == ErrorCode::bad_request);
  CHECK(refusal(R"("at":0,"of":0,"piece":"")").code == ErrorCode::bad_request);
  CHECK(mentions(refusal(R"("at":1,"of":2,"piece":"\u00e9")").message, "beyond the end"));
  CHECK(refusal(R"("at":9007199254740991,"of":1,"piece":"x")").code == ErrorCode::bad_request);
  const auto too_large = refusal(R"("at":0,"of":73729,"piece":"x")");
  CHECK(too_large.code == ErrorCode::too_large);
  CHECK(too_large.limit == native::kMaxWhole);
  CHECK(mentions(bad(R"({"messages":[{"at":0,"of":1,"piece":"x"}]})").message, "`n`"));
}

TEST_CASE("joined pieces are one message without a number") {
  const auto decode = [](std::string_view text) { return native::dialect().decode_message(text); };
  const auto error = [&](std::string_view text) { return std::get<Error>(decode(text)); };
  const auto said = std::get<Command>(decode(R"({"type":"offer","data":{"sdp":"v=0"}})"));
  CHECK(std::get<Say>(said).data.bytes == R"({"sdp":"v=0"})");
  CHECK(error("").code == ErrorCode::bad_request);
  CHECK(mentions(error(R"({"type":"x","data":})").message, "byte 19"));
  CHECK(error("[]").code == ErrorCode::bad_request);
  CHECK(error(R"({"type":"x"} 1)").code == ErrorCode::bad_request);
  CHECK(error(R"({"type":"x","n":1})").code == ErrorCode::unknown_field);
  CHECK(error(R"({"piece":"x"})").code == ErrorCode::unknown_field);
  CHECK(error(R"({"type":"ready"})").code == ErrorCode::bad_type);
  CHECK(error(R"({"type":"x","data":)" + nested_arrays(65) + "}").code == ErrorCode::too_deep);
  CHECK(error(R"({"type":"x","data":)" + nested_arrays(600) + "}").code == ErrorCode::too_deep);
  CHECK(error(R"({"type":"x","data":")" + std::string(native::kMaxData, 'a') + "\"}").code ==
        ErrorCode::too_large);
}

TEST_CASE("a request with type is one message in short") {
  const Request request =
      good(R"({"key":")" + kKey + R"(","type":"offer","ack":3,"data":[1],"to":"@bob"})");
  CHECK(request.key == kKey);
  CHECK(request.ack == 3);
  REQUIRE(request.messages.size() == 1);
  CHECK_FALSE(request.messages[0].n);
  CHECK(std::get<Say>(std::get<Command>(request.messages[0].content)).data.bytes == "[1]");

  // Its `n` is the message's, not the poll's.
  const Request with_n = good(R"({"type":"ready","n":5})");
  CHECK_FALSE(with_n.n);
  CHECK(with_n.messages[0].n == 5);
  CHECK(std::get<Error>(with_n.messages[0].content).code == ErrorCode::bad_type);

  CHECK(bad(R"({"type":"ready"})").code == ErrorCode::bad_type);
  CHECK(bad(R"({"type":"x","carrier":"c"})").code == ErrorCode::unknown_field);
  CHECK(bad(R"({"type":"x","messages":[]})").code == ErrorCode::unknown_field);
  CHECK(bad(R"({"type":"x","open":{}})").code == ErrorCode::unknown_field);
  CHECK(bad(R"({"type":"join"})").code == ErrorCode::bad_request);
  CHECK(bad(R"({"data":1})").code == ErrorCode::unknown_field);
  CHECK(mentions(bad(R"({"room":"r"})").hint, "open"));
}

TEST_CASE("what is wrong with the envelope refuses the request, and the sentence names the field") {
  struct Row {
    std::string text;
    ErrorCode code;
    std::string_view names;
  };
  const std::string long_key(129, 'a');
  const std::vector<Row> rows = {
      {"", ErrorCode::bad_json, "empty"},
      {" \n", ErrorCode::bad_json, "empty"},
      {"hello", ErrorCode::bad_json, "byte 0"},
      {"{\"ack\":1", ErrorCode::bad_json, "byte 8"},
      {"{} {}", ErrorCode::bad_json, "byte 3"},
      {"{\"foo\":1,\"ack\":}", ErrorCode::bad_json, "byte 15"},  // JSON first, then fields
      {"{\"messages\":[{\"n\":0},}", ErrorCode::bad_json, "byte 21"},
      {"{\"messages\":[{\"n\":1,\"data\":[}]}", ErrorCode::bad_json, "byte 28"},
      {"\xEF\xBB\xBF{}", ErrorCode::bad_json, "byte 0"},
      {"{\"carrier\":\"\xFF\"}", ErrorCode::bad_utf8, "byte 12"},
      {"{\"messages\":[{\"data\":\"\xC0\x80\"}]}", ErrorCode::bad_utf8, "byte 22"},
      {"{\"foo\":" + nested_arrays(512) + "}", ErrorCode::too_deep, "512"},
      {std::string(1000000, '['), ErrorCode::too_deep, "512"},
      {"[]", ErrorCode::bad_request, "object"},
      {"5", ErrorCode::bad_request, "object"},
      {"\"x\"", ErrorCode::bad_request, "object"},
      {R"({"foo":1})", ErrorCode::unknown_field, "`foo`"},
      {R"({"":1})", ErrorCode::unknown_field, "``"},
      {R"({"ack":1,"ack":1})", ErrorCode::duplicate_field, "`ack`"},
      {R"({"messages":[],"messages":[]})", ErrorCode::duplicate_field, "`messages`"},
      {R"({"open":{"foo":1}})", ErrorCode::unknown_field, "`open`"},
      {R"({"open":{"server":"x"}})", ErrorCode::unknown_field, "`server`"},
      {R"({"open":{"room":"a","room":"a"}})", ErrorCode::duplicate_field, "`room`"},
      {R"({"open":[]})", ErrorCode::bad_request, "`open`"},
      {R"({"open":null})", ErrorCode::bad_request, "`open`"},
      {R"({"open":{"room":""}})", ErrorCode::bad_room, "`open.room`"},
      {R"({"open":{"room":"a\u0000"}})", ErrorCode::bad_room, "`open.room`"},
      {R"({"open":{"room":5}})", ErrorCode::bad_request, "`open.room`"},
      {R"({"open":{"room":"\ud800"}})", ErrorCode::bad_request, "surrogate"},
      {R"({"open":{"name":"@a"}})", ErrorCode::bad_name, "`open.name`"},
      {R"({"open":{"capacity":0}})", ErrorCode::bad_capacity, "`open.capacity`"},
      {R"({"open":{"capacity":4294967295}})", ErrorCode::bad_capacity, "`open.capacity`"},
      {R"({"open":{"capacity":"2"}})", ErrorCode::bad_request, "`open.capacity`"},
      {R"({"open":{"replaces":"short"}})", ErrorCode::bad_key, "`open.replaces`"},
      {R"({"resume":5})", ErrorCode::bad_request, "`resume`"},
      {R"({"resume":{"foo":1}})", ErrorCode::unknown_field, "`resume`"},
      {R"({"resume":{"server":1}})", ErrorCode::bad_request, "`resume.server`"},
      {R"({"open":{},"resume":{}})", ErrorCode::bad_request, "`resume`"},
      {R"({"key":"short"})", ErrorCode::bad_key, "`key`"},
      {R"({"key":"0123456789abcdefghij."})", ErrorCode::bad_key, "`key`"},
      {R"({"key":")" + long_key + "\"}", ErrorCode::bad_key, "`key`"},
      {R"({"key":7})", ErrorCode::bad_request, "`key`"},
      {R"({"carrier":""})", ErrorCode::bad_request, "`carrier`"},
      {R"({"carrier":"a b"})", ErrorCode::bad_request, "`carrier`"},
      {R"({"turn":0})", ErrorCode::bad_request, "`turn`"},
      {R"({"ack":-1})", ErrorCode::bad_request, "`ack`"},
      {R"({"ack":-0})", ErrorCode::bad_request, "`ack`"},
      {R"({"ack":1.0})", ErrorCode::bad_request, "`ack`"},
      {R"({"ack":1e3})", ErrorCode::bad_request, "`ack`"},
      {R"({"ack":"1"})", ErrorCode::bad_request, "`ack`"},
      {R"({"ack":9007199254740992})", ErrorCode::bad_request, "`ack`"},
      {R"({"ack":99999999999999999999999999})", ErrorCode::bad_request, "`ack`"},
      {R"({"n":0})", ErrorCode::bad_request, "`n`"},
      {R"({"wait":null})", ErrorCode::bad_request, "`wait`"},
      {R"({"heartbeat":999})", ErrorCode::bad_request, "`heartbeat`"},
      {R"({"pad":65537})", ErrorCode::bad_request, "`pad`"},
      {R"({"hello":0})", ErrorCode::bad_request, "`hello`"},
      {R"({"ping":[]})", ErrorCode::bad_request, "`ping`"},
      {R"({"ticket":false})", ErrorCode::bad_request, "`ticket`"},
      {R"({"away":1})", ErrorCode::bad_request, "`away`"},
      {R"({"messages":{}})", ErrorCode::bad_request, "`messages`"},
      {R"({"messages":[1]})", ErrorCode::bad_request, "messages[0]"},
      {R"({"messages":[{"n":1,"type":"x"},[]]})", ErrorCode::bad_request, "messages[1]"},
      {R"({"messages":[{"n":0,"type":"x"}]})", ErrorCode::bad_request, "`n`"},
      {R"({"messages":[{"n":"1","type":"x"}]})", ErrorCode::bad_request, "`n`"},
      {R"({"messages":[{"n":1,"n":2,"type":"x"}]})", ErrorCode::duplicate_field, "`n`"},
      {R"({"messages":[{"foo":1,"n":1,"n":2,"type":"x"}]})", ErrorCode::unknown_field, "`foo`"},
      {R"({"messages":[{"type":"x","foo":1}]})", ErrorCode::unknown_field, "messages[0]"},
      {R"({"messages":[{"type":"ready"}]})", ErrorCode::bad_type, "`ready`"},
      {R"({"messages":[{}]})", ErrorCode::bad_request, "`type`"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text.substr(0, 200));
    const Error error = bad(row.text);
    CHECK(info(error.code).name == info(row.code).name);
    CAPTURE(error.message);
    CHECK(mentions(error.message, row.names));
    const auto json = nlohmann::json::parse(to_json(error));
    CHECK(json["error"]["code"] == info(row.code).name);
    CHECK_FALSE(json["error"]["hint"].get<std::string>().empty());
  }
}

TEST_CASE("what is wrong inside a numbered message is that message's refusal") {
  struct Row {
    std::string fields;
    ErrorCode code;
    std::string_view names;
  };
  const std::string room129(129, 'r');
  std::string many = R"("type":"x","to":["p0")";
  for (int i = 1; i <= 64; ++i) many += ",\"p" + std::to_string(i) + "\"";
  const std::vector<Row> rows = {
      {R"("foo":1)", ErrorCode::unknown_field, "`foo`"},
      {R"("type":"x","ack":1)", ErrorCode::unknown_field, "`ack`"},
      {R"("type":"x","type":"x")", ErrorCode::duplicate_field, "`type`"},
      {R"("data":1)", ErrorCode::bad_request, "`type`"},
      {R"("type":5)", ErrorCode::bad_request, "`type`"},
      {R"("type":"")", ErrorCode::bad_type, "``"},
      {R"("type":"1x")", ErrorCode::bad_type, "`1x`"},
      {R"("type":"a b")", ErrorCode::bad_type, "`a b`"},
      {R"("type":"ä")", ErrorCode::bad_type, "`ä`"},
      {R"("type":")" + std::string(65, 'a') + '"', ErrorCode::bad_type, "…"},
      {R"("type":"peer-left")", ErrorCode::bad_type, "`peer-left`"},
      {R"("type":"error")", ErrorCode::bad_type, "`error`"},
      {R"("type":"join")", ErrorCode::bad_request, "`room`"},
      {R"("type":"join","room":"r","data":1)", ErrorCode::unknown_field, "`data`"},
      {R"("type":"join","room":"r","to":"p")", ErrorCode::unknown_field, "`to`"},
      {R"("type":"join","room":")" + room129 + '"', ErrorCode::bad_room, "`room`"},
      {R"("type":"join","room":"a\u0085b")", ErrorCode::bad_room, "`room`"},
      {R"("type":"join","room":"r","capacity":0)", ErrorCode::bad_capacity, "`capacity`"},
      {R"("type":"join","room":"r","capacity":1.5)", ErrorCode::bad_capacity, "`capacity`"},
      {R"("type":"join","room":"r","capacity":4294967295)", ErrorCode::bad_capacity, "`capacity`"},
      {R"("type":"join","room":"r","capacity":4294967296)", ErrorCode::bad_capacity, "`capacity`"},
      {R"("type":"leave","room":"")", ErrorCode::bad_room, "`room`"},
      {R"("type":"leave","name":"x")", ErrorCode::unknown_field, "`name`"},
      {R"("type":"login")", ErrorCode::bad_request, "`name`"},
      {R"("type":"login","name":"@a")", ErrorCode::bad_name, "`name`"},
      {R"("type":"login","name":"")", ErrorCode::bad_name, "`name`"},
      {R"("type":"logout","name":"x")", ErrorCode::unknown_field, "`name`"},
      {R"("type":"x","capacity":2)", ErrorCode::unknown_field, "`capacity`"},
      {R"("type":"x","to":[])", ErrorCode::bad_request, "`to`"},
      {R"("type":"x","to":5)", ErrorCode::bad_request, "`to`"},
      {R"("type":"x","to":[5])", ErrorCode::bad_request, "`to`"},
      {R"("type":"x","to":"")", ErrorCode::bad_request, "`to`"},
      {R"("type":"x","to":"@")", ErrorCode::bad_name, "`to`"},
      {R"("type":"x","to":"@@a")", ErrorCode::bad_name, "`to`"},
      {many + "]", ErrorCode::bad_request, "64"},
      {R"("type":"x","room":7)", ErrorCode::bad_request, "`room`"},
      {R"("type":"x","data":)" + nested_arrays(65), ErrorCode::too_deep, "65"},
      {R"("type":"x","data":")" + std::string(native::kMaxData - 1, 'a') + '"',
       ErrorCode::too_large, "65537"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.fields.substr(0, 200));
    const Error error = refusal(row.fields);
    CHECK(info(error.code).name == info(row.code).name);
    CAPTURE(error.message);
    CHECK(mentions(error.sentence(), row.names));
    CHECK_FALSE(error.advice().empty());
  }
  CHECK(refusal(rows.back().fields).limit == native::kMaxData);
}

TEST_CASE("one wrong message leaves the others alone") {
  const Request request =
      good(R"({"messages":[{"n":1,"type":"a"},{"n":2,"type":"ready"},{"n":3,"type":"b"}]})");
  REQUIRE(request.messages.size() == 3);
  CHECK(std::holds_alternative<Command>(request.messages[0].content));
  CHECK(std::holds_alternative<Error>(request.messages[1].content));
  CHECK(std::holds_alternative<Command>(request.messages[2].content));
}

TEST_CASE("limits are met exactly") {
  CHECK(command<Say>(R"("type":"x","data":)" + nested_arrays(64)).data.size() == 128);
  CHECK(command<Say>(R"("type":"x","data":")" + std::string(native::kMaxData - 2, 'a') + '"')
            .data.size() == native::kMaxData);
  CHECK(command<Join>(R"("type":"join","room":")" + std::string(128, 'r') + '"').room.size() ==
        128);
  std::string name;
  for (int i = 0; i < 64; ++i) name += "😀";
  CHECK(command<Login>(R"("type":"login","name":")" + name + '"').name == name);
  CHECK(refusal(R"("type":"login","name":")" + name + "x\"").code == ErrorCode::bad_name);
  CHECK(command<Say>(R"("type":"x","to":"@)" + name + '"').to[0].value == name);

  const auto messages = [](std::size_t count) {
    std::string text = R"({"messages":[)";
    for (std::size_t i = 1; i <= count; ++i)
      text += (i > 1 ? "," : "") + (R"({"n":)" + std::to_string(i) + R"(,"type":"x"})");
    return text + "]}";
  };
  CHECK(good(messages(native::kMaxMessages)).messages.size() == native::kMaxMessages);
  CHECK(mentions(bad(messages(native::kMaxMessages + 1)).message, "256"));
}

TEST_CASE("hints know the usual accidents") {
  CHECK(mentions(bad("").hint, "{\"key\""));
  CHECK(mentions(bad("\xEF\xBB\xBF{}").hint, "byte order mark"));
  CHECK(mentions(bad("{'key':1}").hint, "double quotes"));
  CHECK(mentions(bad(R"({"ack":"1"})").message, "a string"));
  CHECK(mentions(bad(R"({"wiat":1})").hint, "`wait`"));
}

TEST_CASE("a long unknown name is cut at a character") {
  std::string name;
  for (int i = 0; i < 1000; ++i) name += "€";
  const Error error = bad("{\"" + name + "\":1}");
  CHECK(error.message.size() < 120);
  CHECK(nlohmann::json::accept(to_json(error)));
}

TEST_CASE("the messages of a request are for 1,024 recipients, the rest is refused one by one") {
  std::string to;
  for (int i = 0; i < 64; ++i) to += (i == 0 ? "\"@n" : ",\"@n") + std::to_string(i) + '"';
  std::string text = R"({"messages":[)";
  for (int n = 1; n <= 18; ++n)
    text += R"({"type":"x","n":)" + std::to_string(n) + R"(,"to":[)" + to + "]},";
  text += R"({"type":"x","n":19}]})";
  const auto request = std::get<native::Request>(native::decode_request(text));
  REQUIRE(request.messages.size() == 19);
  for (std::size_t i = 0; i < 19; ++i) {
    CAPTURE(i);
    const auto* error = std::get_if<Error>(&request.messages[i].content);
    CHECK((error != nullptr) == (i == 16 || i == 17));
    if (error == nullptr) continue;
    CHECK(error->code == ErrorCode::rate_limited);
    CHECK(error->sentence().find("1024") != std::string::npos);
  }
}

TEST_CASE("a person's open from a URL") {
  const auto code = [](native::Open open) {
    return std::get<Error>(native::check_open(std::move(open))).code;
  };
  const native::Open fine{"room", "name", 2, std::nullopt};
  CHECK(std::get<native::Open>(native::check_open(fine)) == fine);
  CHECK(code({"", {}, {}, {}}) == ErrorCode::bad_room);
  CHECK(code({"\xFF", {}, {}, {}}) == ErrorCode::bad_room);
  CHECK(code({"a\nb", {}, {}, {}}) == ErrorCode::bad_room);
  CHECK(code({"r", "@x", {}, {}}) == ErrorCode::bad_name);
  CHECK(code({"r", {}, 0, {}}) == ErrorCode::bad_capacity);
  CHECK(code({"r", {}, Join::kLargest, {}}) == ErrorCode::bad_capacity);
  CHECK(code({"r", {}, {}, kKey}) == ErrorCode::key_in_url);
}

TEST_CASE("the cost of a message grows with its bytes") {
  CHECK(numbered(R"("type":"x")").cost() >= sizeof(Message));
  const std::string long_text(10000, 'a');
  const std::string long_name(40, 'b');
  CHECK(numbered(R"("type":"x","data":")" + long_text + '"').cost() > sizeof(Message) + 10000);
  CHECK(numbered(R"("at":0,"of":10000,"piece":")" + long_text + '"').cost() >
        sizeof(Message) + 10000 - 1);
  CHECK(numbered(R"("type":"x","to":["@)" + long_name + R"(","b"])").cost() >
        sizeof(Message) + 2 * sizeof(Address) + 40);
}
