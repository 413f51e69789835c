#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "login/login.h"

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using std::string_literals::operator""s;

namespace {

const plain::Protocol& login_protocol() { return login::protocol(); }

std::vector<Message> decoded(std::string text, Payload::Kind kind = Payload::Kind::text) {
  std::vector<Message> out;
  login_protocol().decode({}, {kind, std::move(text)}, out);
  for (const auto& message : out) CHECK_FALSE(message.n.has_value());
  return out;
}

template <typename T>
T command(const Message& message) {
  REQUIRE(std::holds_alternative<Command>(message.content));
  REQUIRE(std::holds_alternative<T>(std::get<Command>(message.content)));
  return std::get<T>(std::get<Command>(message.content));
}

/// The only thing that came of it, a refusal: its sentence.
std::string sentence_of(const std::string& text, ErrorCode code = ErrorCode::bad_type,
                        Payload::Kind kind = Payload::Kind::text) {
  CAPTURE(text);
  const auto out = decoded(text, kind);
  REQUIRE(out.size() == 1);
  REQUIRE(std::holds_alternative<Error>(out[0].content));
  const auto& error = std::get<Error>(out[0].content);
  CHECK(error.code == code);
  return std::string(error.sentence());
}

std::string not_found(const std::string& type) { return "Command not found: " + type; }

void check_to_name(const Say& say, const std::string& type, const std::string& name) {
  CHECK(say.type == type);
  CHECK(say.to == std::vector<Address>{{Address::Kind::name, name}});
  CHECK_FALSE(say.room.has_value());
  CHECK_FALSE(say.echo);
}

void check_bye(const Say& say, const std::string& name) {
  check_to_name(say, "bye", name);
  CHECK(say.data == Payload{});
  CHECK_MESSAGE(!say.store, "whoever comes later has no call to end");
}

Payload json(std::string bytes) { return {Payload::Kind::json, std::move(bytes)}; }

/// A name as the last member of a login's object, escaped by the caller.
std::string login_as(const std::string& name) {
  return R"({"type":"login","name":")" + name + "\"}";
}

const char* const kImpossibleNames[] = {R"("")",       R"("@b")",     R"("a\nb")",   R"("\u0000")",
                                        R"("\ud800")", R"("\u0085")", "5",           "null",
                                        "true",        R"(["b"])",    R"({"a":"b"})"};

}  // namespace

TEST_CASE("login: where it is, and what it takes") {
  CHECK(login_protocol().path() == "/login");
  CHECK_FALSE(login_protocol().has_rooms());
  CHECK_FALSE(login_protocol().takes_guests());
  CHECK(login_protocol().max_message() == 65536);
  CHECK(login_protocol().dialect().name() == "login");
  CHECK_FALSE(login_protocol().dialect().takes_mail_before_answer());
  const auto entrance = login_protocol().entrance("", {{"echo", "9"}, {"x", "y"}});
  REQUIRE(std::holds_alternative<plain::Entrance>(entrance));
  CHECK(std::get<plain::Entrance>(entrance).room.empty());
}

TEST_CASE("login: a name is asked for") {
  std::string long_name;
  for (int i = 0; i < 64; ++i) long_name += "😀";
  for (const auto& name : {"alice"s, "ä€😀"s, "__proto__"s, "constructor"s, "toString"s,
                           "hasOwnProperty"s, "a b@c"s, long_name}) {
    const auto out = decoded(login_as(name));
    REQUIRE(out.size() == 1);
    CHECK(command<Login>(out[0]).name == name);
  }
  const auto escaped = decoded(login_as(R"(\u00e4\ud83d\ude00\/\")"));
  REQUIRE(escaped.size() == 1);
  CHECK(command<Login>(escaped[0]).name == "ä😀/\"");
}

TEST_CASE("login: a name that nobody can have is refused") {
  const auto refuses = [](const std::string& text) { sentence_of(text, ErrorCode::bad_name); };
  for (const auto* name : kImpossibleNames)
    refuses(std::string(R"({"type":"login","name":)") + name + "}");
  refuses(R"({"type":"login"})");
  refuses(login_as(std::string(65, 'a')));
  std::string too_long = "a";
  for (int i = 0; i < 64; ++i) too_long += "😀";
  refuses(login_as(too_long));
}

TEST_CASE("login: an offer and an answer go to the name, which hears of it when the caller goes") {
  for (const std::string type : {"offer", "answer"}) {
    CAPTURE(type);
    const auto out = decoded(R"({"type":")" + type + R"(","name":"bob",")" + type +
                             R"(":{"type":")" + type + R"(","sdp":"v=0\r\n"}})");
    REQUIRE(out.size() == 2);
    const auto will = command<Will>(out[0]);
    CHECK(will.name == "bob");
    REQUIRE(will.message.has_value());
    check_bye(*will.message, "bob");
    const auto say = command<Say>(out[1]);
    check_to_name(say, type, "bob");
    CHECK_MESSAGE(say.store, "it waits in the mailbox");
    CHECK(say.data == json(R"({"type":")" + type + R"(","sdp":"v=0\r\n"})"));
  }
}

TEST_CASE("login: each type carries its own field, whatever others are there") {
  const std::string all =
      R"("name":"b","offer":1,"answer":2,"candidate":3,"data":4,"leave":5,"x":{"offer":6}})";
  CHECK(command<Say>(decoded(R"({"type":"offer",)" + all)[1]).data == json("1"));
  CHECK(command<Say>(decoded(R"({"type":"answer",)" + all)[1]).data == json("2"));
  CHECK(command<Say>(decoded(R"({"type":"candidate",)" + all)[0]).data == json("3"));
}

TEST_CASE("login: any JSON value may be said, and arrives on one line") {
  for (const auto* value : {"null", "true", "-1.5e9", R"("ä€😀")", R"("\ud800")", "[]", "{}",
                            R"({"a":[1,{"b":"\n"}]})"}) {
    CAPTURE(value);
    const auto out = decoded(std::string(R"({"type":"offer","name":"b","offer":)") + value + "}");
    REQUIRE(out.size() == 2);
    CHECK(command<Say>(out[1]).data == json(value));
  }
  const auto broken =
      decoded("\n{\r\n\"type\":\"offer\",\n\"name\":\"b\",\"offer\":{\n\"a\"\n:\r1}\n}\n");
  REQUIRE(broken.size() == 2);
  CHECK(command<Say>(broken[1]).data == json("{ \"a\" : 1}"));
}

TEST_CASE("login: a candidate goes to the name and makes no call") {
  const auto out =
      decoded(R"({"type":"candidate","name":"bob","candidate":{"candidate":"x","sdpMid":"0"}})");
  REQUIRE(out.size() == 1);
  const auto say = command<Say>(out[0]);
  check_to_name(say, "candidate", "bob");
  CHECK(say.store);
  CHECK(say.data == json(R"({"candidate":"x","sdpMid":"0"})"));
  CHECK(command<Say>(decoded(R"({"type":"candidate","name":"b","candidate":null})")[0]).data ==
        json("null"));
}

TEST_CASE("login: a candidate that is an array stays one candidate") {
  // Other dialects take an array for several.
  const auto data = [](const std::string& value) {
    const auto out = decoded(R"({"type":"candidate","name":"b","candidate":)" + value + "}");
    REQUIRE(out.size() == 1);
    return command<Say>(out[0]).data;
  };
  CHECK(data("[1,2]") == json("[[1,2]]"));
  CHECK(data("[]") == json("[[]]"));
  CHECK(data("[\n1]") == json("[[ 1]]"));
}

TEST_CASE("login: leave is told at once, and no more when this client goes") {
  const auto out = decoded(R"({"type":"leave","name":"bob"})");
  REQUIRE(out.size() == 2);
  const auto will = command<Will>(out[0]);
  CHECK(will.name == "bob");
  CHECK_FALSE(will.message.has_value());
  check_bye(command<Say>(out[1]), "bob");
}

TEST_CASE("login: what is for a name that nobody can have is for nobody") {
  for (const auto* name : kImpossibleNames) {
    for (const std::string type : {"offer", "answer", "candidate", "leave"}) {
      CAPTURE(name);
      CAPTURE(type);
      CHECK(
          decoded(R"({"type":")" + type + R"(",")" + type + R"(":1,"name":)" + name + "}").empty());
    }
  }
  CHECK(decoded(R"({"type":"leave"})").empty());
  CHECK(decoded(R"({"type":"offer","offer":1})").empty());
  CHECK(decoded(R"({"type":"offer","offer":1,"name":")" + std::string(65, 'a') + "\"}").empty());
}

TEST_CASE("login: a message without what it is for is refused") {
  for (const std::string type : {"offer", "answer", "candidate"}) {
    for (const std::string rest : {R"(,"name":"b"})", R"(,"name":"b","Offer":1,"sdp":2})", "}"}) {
      const auto sentence = sentence_of(R"({"type":")" + type + '"' + rest, ErrorCode::bad_request);
      CHECK(sentence == "The field `" + type + "` is missing in a message of that type.");
    }
  }
}

TEST_CASE("login: an unknown type is said back") {
  CHECK(sentence_of(R"({"type":"dance"})") == not_found("dance"));
  CHECK(sentence_of(R"({"type":"Login","name":"a"})") == not_found("Login"));
  CHECK(sentence_of(R"({"type":" login","name":"a"})") == not_found(" login"));
  CHECK(sentence_of(R"({"type":"login\u0000","name":"a"})") == not_found("login\0"s));
  CHECK(sentence_of(R"({"type":"__proto__"})") == not_found("__proto__"));
  CHECK(sentence_of(R"({"type":"\u00e4\n"})") == not_found("ä\n"));
  CHECK(sentence_of(R"({"type":""})") == not_found(""));
  CHECK(sentence_of(R"({"type":5})") == not_found("5"));
  CHECK(sentence_of(R"({"type":null})") == not_found("null"));
  CHECK(sentence_of(R"({"type":"\ud800"})") == not_found(R"("\ud800")"));
  CHECK_MESSAGE(sentence_of(R"({"type":")" + std::string(1000, 'x') + "\"}") ==
                    not_found(std::string(256, 'x')),
                "but not at any length");
}

TEST_CASE("login: what is no JSON object has no type") {
  for (const auto& text :
       {""s, " "s, "hello"s, "5"s, "null"s, "[]"s, R"([{"type":"login","name":"a"}])"s,
        R"("login")"s, "{}"s, R"({"name":"a"})"s, R"({"type":"login","name":"a"})"s + "x",
        R"({"type":"login","name":"a")"s, R"({"type":"login","name":"a",})"s, R"({type:"login"})"s,
        "{\"type\":\"login\",\"name\":\"\xff\"}"s, "{\"type\":\"login\",\"name\":\"a\0\"}"s,
        "\xEF\xBB\xBF"s + login_as("a"),
        R"({"type":"login","name":"a","x":)" + std::string(64, '[') + std::string(64, ']') + "}"}) {
    CHECK(sentence_of(text) == not_found("undefined"));
  }
  CHECK_MESSAGE(sentence_of(login_as("a"), ErrorCode::bad_type, Payload::Kind::binary) ==
                    not_found("undefined"),
                "nor has a binary frame");
}

TEST_CASE("login: 64 levels are read") {
  const auto out = decoded(R"({"type":"login","name":"a","x":)" + std::string(63, '[') +
                           std::string(63, ']') + "}");
  REQUIRE(out.size() == 1);
  CHECK(command<Login>(out[0]).name == "a");
}

TEST_CASE("login: of a field that is there twice the last one counts, as in JSON.parse") {
  const auto name = decoded(R"({"name":"a","type":"login","name":"b"})");
  REQUIRE(name.size() == 1);
  CHECK(command<Login>(name[0]).name == "b");
  const auto type = decoded(R"({"type":"leave","name":"b","type":"login"})");
  REQUIRE(type.size() == 1);
  CHECK(command<Login>(type[0]).name == "b");
  CHECK(command<Say>(decoded(R"({"type":"offer","name":"b","offer":1,"offer":2})")[1]).data ==
        json("2"));
  CHECK(sentence_of(R"({"type":"login","name":"b","type":5})") == not_found("5"));
}

TEST_CASE("login: a field's name may be escaped") {
  const auto out = decoded(R"({"t\u0079pe":"login","n\u0061me":"b","\ud800":"name"})");
  REQUIRE(out.size() == 1);
  CHECK(command<Login>(out[0]).name == "b");
}

TEST_CASE("login: what was decoded before stays") {
  std::vector<Message> out;
  login_protocol().decode({}, {Payload::Kind::text, login_as("a")}, out);
  login_protocol().decode({}, {Payload::Kind::text, login_as("b")}, out);
  REQUIRE(out.size() == 2);
  CHECK(command<Login>(out[0]).name == "a");
  CHECK(command<Login>(out[1]).name == "b");
}
