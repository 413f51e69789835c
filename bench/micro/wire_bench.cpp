// What reads bytes: HTTP parser, frame codec, envelope.
#include <benchmark/benchmark.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "allocations.h"
#include "http/request_parser.h"
#include "native/native.h"
#include "samples.h"
#include "websocket/frame_reader.h"
#include "websocket/frames.h"

namespace sigway::micro {
namespace {

void check(bool holds) {
  if (!holds) throw std::logic_error("the benchmark measures a failure");
}

void http_request(benchmark::State& state) {
  const auto body = request();
  const auto bytes =
      "POST /v1/send HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
      "Accept: */*\r\nOrigin: http://localhost\r\nContent-Type: text/plain\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  const http::ParserLimits limits;
  const CountAllocations count(state);
  for (auto _ : state) {
    http::RequestParser parser(limits);
    std::string_view left = bytes;
    auto result = parser.feed(left);
    check(result.state == http::RequestParser::State::head_complete);
    left.remove_prefix(result.consumed);
    result = parser.feed(left);
    check(result.state == http::RequestParser::State::complete);
    benchmark::DoNotOptimize(parser.request());
  }
}
BENCHMARK(http_request);

void frame_read(benchmark::State& state) {
  const auto text = request();
  std::vector<std::uint8_t> frame{0x81,
                                  0xfe,
                                  static_cast<std::uint8_t>(text.size() >> 8U),
                                  static_cast<std::uint8_t>(text.size()),
                                  0x37,
                                  0xfa,
                                  0x21,
                                  0x3d};
  for (std::size_t i = 0; i < text.size(); ++i) {
    frame.push_back(static_cast<std::uint8_t>(text[i]) ^ frame[4 + (i & 3U)]);
  }
  websocket::FrameReader reader(256U << 10U);
  auto bytes = frame;  // it is unmasked in place
  const CountAllocations count(state);
  for (auto _ : state) {
    bytes = frame;
    std::span<std::uint8_t> left = bytes;
    const auto message = reader.read(left);
    check(message && message->payload().size() == text.size());
  }
}
BENCHMARK(frame_read);

void frame_head(benchmark::State& state) {
  const CountAllocations count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        websocket::frame_head(websocketpp::frame::opcode::text, std::size_t{1280}));
  }
}
BENCHMARK(frame_head);

void envelope_decode(benchmark::State& state) {
  const auto text = request();
  const CountAllocations count(state);
  for (auto _ : state) {
    const auto decoded = dialects::native::decode_request(text);
    check(std::holds_alternative<dialects::native::Request>(decoded));
    benchmark::DoNotOptimize(&decoded);
  }
}
BENCHMARK(envelope_decode);

void envelope_encode(benchmark::State& state) {
  dialects::event::Said said;
  said.type = "offer";
  said.room = "bench-1";
  said.from = "Xb3kPq0d";
  said.data = {dialects::Payload::Kind::json, payload()};
  const dialects::Event event(said);
  const CountAllocations count(state);
  for (auto _ : state) benchmark::DoNotOptimize(dialects::native::dialect().encode(event));
}
BENCHMARK(envelope_encode);

}  // namespace
}  // namespace sigway::micro
