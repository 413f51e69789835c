#include "sse/event_stream_format.h"

#include <doctest/doctest.h>

#include <string>

using namespace sigway::sse;  // NOLINT(google-build-using-namespace)

TEST_CASE("blocks of an event stream") {
  std::string out;
  append_retry(out, 2000);
  append_comment(out, "hello");
  append_control(out, R"({"control":"welcome"})");
  append_event(out, 18446744073709551615U, R"({"type":"ready"})");
  CHECK(out ==
        "retry: 2000\n\n"
        ": hello\n\n"
        "event: control\ndata: {\"control\":\"welcome\"}\n\n"
        "id: 18446744073709551615\ndata: {\"type\":\"ready\"}\n\n");
}

TEST_CASE("a comment of several lines stays a comment") {
  std::string out;
  append_comment(out, "a\nb\r\nc\rdata: d\n");
  CHECK(out == ": a\n: b\n: c\n: data: d\n: \n\n");
  out.clear();
  append_comment(out, "");
  CHECK(out == ": \n\n");
}

TEST_CASE("padding has the size that was asked for, and is nothing but comments") {
  for (const std::size_t bytes : {0, 1, 2, 3, 4, 1000, 1023, 1024, 1025, 1026, 1027, 2048, 65536}) {
    CAPTURE(bytes);
    const std::string text = padding(bytes);
    CHECK(text.size() == bytes);
    std::size_t start = 0;
    while (start < text.size()) {
      const std::size_t end = text.find('\n', start);
      REQUIRE(end != std::string::npos);
      CHECK((end == start || text[start] == ':'));
      CHECK(end - start < 1024);
      start = end + 1;
    }
    if (bytes >= 2) CHECK(text.substr(bytes - 2) == "\n\n");
  }
}

TEST_CASE("many blocks do not copy the first ones again and again") {
  std::string out;
  std::size_t moves = 0;
  const char* place = out.data();
  for (std::uint64_t i = 0; i < 10000; ++i) {
    append_event(out, i, R"({"type":"candidate","data":{"candidate":"…"}})");
    if (out.data() != place) ++moves;
    place = out.data();
  }
  CHECK(moves < 40);
}
