#include "scenario/websocket_carrier.h"

#include <doctest/doctest.h>

#include <array>

#include "scenario/http_reply.h"

namespace sigway::testing {
namespace {

constexpr unsigned kText = 1, kClose = 8, kPing = 9, kPong = 10;

}  // namespace

void WebSocketCarrier::connect(const std::string& target, bool with_subprotocol) {
  wire_ = site_.connect();
  std::string headers =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (with_subprotocol) headers += "Sec-WebSocket-Protocol: sigway.v1\r\n";
  wire_->write(http_request("GET", target, {}, headers));
  // To the end of the head and not a byte further: what follows are frames.
  const auto deadline = Clock::now() + kPatience;
  while (read_.find("\r\n\r\n") == std::string::npos) {
    REQUIRE(wire_->read(read_, deadline) == Wire::Read::data);
  }
  REQUIRE(read_.starts_with("HTTP/1.1 101 "));
  // RFC 6455 §1.3: the answer to the key above.
  CHECK(read_.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos);
  read_.erase(0, read_.find("\r\n\r\n") + 4);
}

void WebSocketCarrier::start_attach(Json request) {
  end_.reset();
  read_.clear();
  connect("/v1/ws", true);
  if (!session_.key.empty()) request["key"] = session_.key;
  request["carrier"] = name;
  send_text(request.dump());
}

Answer WebSocketCarrier::finish_attach() {
  const auto deadline = Clock::now() + kPatience;
  Answer answer;
  do {
    if (auto welcome = find_control("welcome")) {
      answer.body = std::move(*welcome);
      counted_ = answer.body.at("next").get<std::uint64_t>();
      return answer;
    }
    if (auto error = find_control("error")) {
      answer.error = error->at("code");
      answer.body = std::move(*error);
    }
    if (end_) {
      answer.status = end_->close_code - 4000;
      if (answer.error.empty()) answer = {end_->code, 204, {}, {}};
      return answer;
    }
  } while (pump(deadline) || end_);
  FAIL("no answer to the attach of " << name);
  return answer;
}

Answer WebSocketCarrier::ask(Json request) {
  const auto ping = ++pings_;
  // A message in short has no place for it, and is answered by `up` or an error anyway.
  const bool is_short = request.contains("type");
  if (!is_short) request["ping"] = ping;
  request.erase("key");
  send_text(request.dump());
  Answer answer;
  const auto deadline = Clock::now() + kPatience;
  do {
    if (auto up = find_control("up")) answer.up = up->at("up").get<std::uint64_t>();
    if (auto error = find_control("error")) {
      answer.error = error->at("code");
      answer.body = std::move(*error);
      // What the session refused is answered to its end; what could not be read is not.
      if (answer.error != "bad_cursor" && answer.error != "number_gap" &&
          answer.error != "carrier_mismatch" && answer.error != "rate_limited")
        return answer;
    }
    if (is_short && answer.up) return answer;
    if (auto pong = find_control("pong"); pong && pong->at("ping") == ping) return answer;
    if (end_) {
      answer.status = end_->close_code - 4000;
      return answer;
    }
  } while (pump(deadline) || end_);
  FAIL("no answer on " << name << " to " << request.dump());
  return answer;
}

bool WebSocketCarrier::pump(Clock::time_point deadline) {
  if (end_ || !wire_) return false;
  for (;;) {
    if (take_frame()) return true;
    switch (wire_->read(read_, deadline)) {
      case Wire::Read::data: break;
      case Wire::Read::timeout: return false;
      case Wire::Read::end: end_ = CarrierEnd{"cut", 1006, {}}; return true;
    }
  }
}

void WebSocketCarrier::cut() {
  if (wire_) wire_->cut();
}

void WebSocketCarrier::send_frame(unsigned opcode, const std::string& payload) {
  std::string frame(1, static_cast<char>(0x80U | opcode));
  const auto put = [&](std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) frame += static_cast<char>(value >> (8 * i) & 0xFFU);
  };
  if (payload.size() < 126) {
    put(0x80U | payload.size(), 1);
  } else if (payload.size() < 65536) {
    put(0x80U | 126U, 1);
    put(payload.size(), 2);
  } else {
    put(0x80U | 127U, 1);
    put(payload.size(), 8);
  }
  constexpr std::array<unsigned char, 4> kMask{0x37, 0xfa, 0x21, 0x3d};
  frame.append(reinterpret_cast<const char*>(kMask.data()), kMask.size());
  for (std::size_t i = 0; i < payload.size(); ++i)
    frame += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ kMask[i % 4]);
  wire_->write(frame);
}

bool WebSocketCarrier::take_frame() {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(read_[i]); };
  if (read_.size() < 2) return false;
  const unsigned opcode = byte(0) & 0x0FU;
  std::size_t size = byte(1);
  std::size_t head = 2;
  if (size >= 126) {
    const std::size_t bytes = size == 126 ? 2 : 8;
    if (read_.size() < head + bytes) return false;
    size = 0;
    for (std::size_t i = 0; i < bytes; ++i) size = size << 8U | byte(head + i);
    head += bytes;
  }
  if (read_.size() < head + size) return false;
  const auto payload = read_.substr(head, size);
  read_.erase(0, head + size);
  if (opcode == kText) {
    take_text(payload);
  } else if (opcode == kPing && session_.heartbeat_answers != 0) {
    send_frame(kPong, payload);
  } else if (opcode == kClose) {
    take_close(payload);
  }
  return true;
}

void WebSocketCarrier::take_text(const std::string& text) {
  auto json = Json::parse(text);
  if (!json.contains("control")) {
    take_event(counted_, std::move(json));
    return;
  }
  // Where the server counts otherwise, a client resumes from its own cursor; these tests say where
  // that may be.
  if (json.at("control") == "activated") counted_ = json.at("next").get<std::uint64_t>();
  take_control(std::move(json));
}

void WebSocketCarrier::take_close(const std::string& payload) {
  CarrierEnd end;
  if (payload.size() >= 2) {
    end.close_code =
        static_cast<unsigned char>(payload[0]) << 8U | static_cast<unsigned char>(payload[1]);
    end.code = payload.substr(2);
  }
  if (auto control = find_control("end")) {
    CHECK(control->at("code") == end.code);
    end.body = std::move(*control);
  }
  send_frame(kClose, payload.substr(0, 2));
  end_ = std::move(end);
}

}  // namespace sigway::testing
