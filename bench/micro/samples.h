#pragma once

#include <string>

namespace sigway::micro {

/// A payload as bench/exchange.mjs and bench_load send it: JSON of 1,200 bytes.
inline std::string payload() {
  std::string text =
      R"({"type":"offer","sdp":"v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n)";
  while (text.size() < 1170) text += R"(a=rtpmap:111 opus/48000/2\r\n)";
  text.resize(1198, '.');
  return text + R"("})";
}

/// A request with one message.
inline std::string request() {
  return R"({"ack":7,"messages":[{"n":8,"type":"offer","data":)" + payload() + "}]}";
}

}  // namespace sigway::micro
