#include "socketio/jsonp.h"

#include "support.h"

namespace sigway::dialects::socketio::jsonp_test {
namespace {

std::string wrapped(std::string_view callback, std::string_view index, std::string_view payload) {
  std::string out;
  append_jsonp(out, callback, index, payload);
  return out;
}

}  // namespace

TEST_CASE("payloads as a script") {
  CHECK(wrapped(kEngineCallback, "3", R"(96:0{"sid":"a\b"})") ==
        R"(___eio[3]("96:0{\"sid\":\"a\\b\"}");)");
  CHECK(wrapped(kLegacyCallback, "0", "1::") == R"(io.j[0]("1::");)");
  CHECK(wrapped(kEngineCallback, "0", "a\u2028b\u2029\u2027é€\u2028") ==
        "___eio[0](\"a\\u2028b\\u2029\u2027é€\\u2028\");");
  CHECK(wrapped(kEngineCallback, "0", "a\x1E\n") == R"(___eio[0]("a\u001e\n");)");
  CHECK(wrapped(kEngineCallback, "", "") == R"(___eio[]("");)");
}

TEST_CASE("of the index of a callback nothing stays but digits, and not too many") {
  CHECK(jsonp_index("3") == "3");
  CHECK(jsonp_index("1](alert(2))//") == "12");
  CHECK(jsonp_index("").empty());
  CHECK(jsonp_index(std::string(16384, '7')) == std::string(16, '7'));
}

TEST_CASE("newlines in a form") {
  CHECK(undo_newline_escapes(R"(a\nb)") == "a\nb");
  CHECK(undo_newline_escapes(R"(a\\nb)") == R"(a\nb)");
  CHECK(undo_newline_escapes(R"(\\\n)") == R"(\\n)");
  CHECK(undo_newline_escapes(R"(\\\\n)") == R"(\\\n)");
  CHECK(undo_newline_escapes(R"(\n\\n\n)") == "\n\\n\n");
  CHECK(undo_newline_escapes(R"(\)") == R"(\)");
  CHECK(undo_newline_escapes("") == "");
}

TEST_CASE("payloads as a form") {
  CHECK(good(decode_jsonp_form("d=26%3A42%5B%22create+or+join%22%2C%22foo%22%5D")) ==
        R"(26:42["create or join","foo"])");
  CHECK(good(decode_jsonp_form("d=4%5Cn%5C%5Cn")) == "4\n\\n");
  CHECK(good(decode_jsonp_form("x=1&d=%C3%A9&y")) == "é");
  CHECK(good(decode_jsonp_form("d=")) == "");
  for (const char* body : {"", "x=1", "d", "d=1&d=2", "d=%4", "d=%zz"}) {
    CAPTURE(body);
    CHECK(bad(decode_jsonp_form(body)) == Fault{Fault::Kind::bad_form, 0});
    CHECK(bad(decode_legacy_jsonp_form(body)) == Fault{Fault::Kind::bad_form, 0});
  }
}

TEST_CASE("0.9 puts a JSON string into the form") {
  CHECK(good(decode_legacy_jsonp_form(
            "d=%225%3A%3A%3A%7B%5C%22name%5C%22%3A%5C%22a%5C%22%7D%22")) == R"(5:::{"name":"a"})");
  for (const char* body : {"d=", "d=1%3A%3A", "d=%7B%7D", "d=%22%5Cud800%22", "d=%22a%22x"}) {
    CAPTURE(body);
    CHECK(bad(decode_legacy_jsonp_form(body)) == Fault{Fault::Kind::bad_json, 0});
  }
}

}  // namespace sigway::dialects::socketio::jsonp_test
