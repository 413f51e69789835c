// modules: http
// A request in random splits is read exactly like the same bytes in one piece, and what is accepted
// keeps the promises of http/request.h.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "http/request_parser.h"

namespace {

using sigway::http::RequestParser;
using State = RequestParser::State;

struct Outcome {
  State state = State::need_more;
  std::size_t consumed = 0;
  std::string problem;
  std::string method;
  std::string path;
  std::string body;
  std::string headers;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void require(bool condition) {
  if (!condition) std::abort();
}

template <class NextSize>
Outcome parse(std::string_view input, NextSize next_size) {
  const sigway::http::ParserLimits limits{
      .max_head = 512, .max_target = 128, .max_headers = 8, .max_body = 256};
  RequestParser parser(limits);
  Outcome outcome;
  std::size_t end = 0;
  while (outcome.state == State::need_more || outcome.state == State::head_complete) {
    if (outcome.consumed == end && outcome.state == State::need_more) {
      if (end == input.size()) break;
      end += next_size(input.size() - end);
    }
    const auto result = parser.feed(input.substr(outcome.consumed, end - outcome.consumed));
    outcome.consumed += result.consumed;
    outcome.state = result.state;
    require(outcome.consumed <= end);
  }
  if (outcome.state == State::error) {
    outcome.problem = parser.problem().code + std::to_string(parser.problem().status);
    // How far it came depends on the split: the error is the same.
    outcome.consumed = 0;
    return outcome;
  }
  if (outcome.state != State::complete) return outcome;
  const auto& request = parser.request();
  outcome.method = request.method_name;
  outcome.path = request.path;
  outcome.body = request.body;
  for (const auto& [name, value] : request.headers) outcome.headers += name + ":" + value + "\n";
  require(request.path == "*" || request.path.starts_with('/'));
  require(("/" + request.path + "/").find("/../") == std::string::npos);
  require(request.path.find('\0') == std::string::npos);
  require(request.body.size() <= limits.max_body);
  require(outcome.headers.find('\r') == std::string::npos);
  require(sigway::base::is_utf8(request.path));
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The first bytes choose the splits; the rest is what a client sends.
  constexpr std::size_t kSplitBytes = 4;
  if (size < kSplitBytes) return 0;
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < kSplitBytes; ++i) state = state * 257 + data[i];
  const std::string_view input(reinterpret_cast<const char*>(data) + kSplitBytes,
                               size - kSplitBytes);

  const Outcome whole = parse(input, [](std::size_t rest) { return rest; });
  const Outcome split = parse(input, [&](std::size_t rest) {
    state = state * 1664525 + 1013904223;
    return 1 + (state >> 16) % (rest < 24 ? rest : 24);
  });
  const Outcome bytewise = parse(input, [](std::size_t) { return std::size_t{1}; });
  require(whole == split);
  require(whole == bytewise);
  return 0;
}
