#include "scenario/sse_carrier.h"

#include <doctest/doctest.h>

#include <cstdlib>

namespace sigway::testing {

void SseCarrier::start_attach(Json request) {
  end_.reset();
  request["key"] = session_.key;
  request["carrier"] = name;
  wire_ = site_.connect();
  reply_ = {};
  wire_->write(http_request("POST", "/v1/sse", request.dump()));
}

void SseCarrier::start_get(const std::string& target, const std::string& more_headers) {
  end_.reset();
  wire_ = site_.connect();
  reply_ = {};
  wire_->write(http_request("GET", target, {}, more_headers));
}

Answer SseCarrier::finish_attach() {
  const auto deadline = Clock::now() + kPatience;
  Answer answer;
  for (;;) {
    if (auto welcome = find_control("welcome")) {
      answer.body = std::move(*welcome);
      counted_ = answer.body.at("next").get<std::uint64_t>();
      return answer;
    }
    if (reply_.has_head() && reply_.status() == 204) {
      end_ = CarrierEnd{"ended", 0, {}};
      return {"ended", 204, {}, {}};
    }
    if (reply_.status() >= 400 && reply_.state() == HttpReply::State::complete)
      return to_answer(reply_.status(), Json::parse(reply_.body()));
    if (!pump(deadline) && reply_.state() != HttpReply::State::complete) break;
  }
  FAIL("no answer to the attach of " << name);
  return answer;
}

bool SseCarrier::pump(Clock::time_point deadline) {
  if (end_ || !wire_) return false;
  for (;;) {
    if (reply_.status() == 200 && take_block()) return true;
    if (reply_.read(*wire_, deadline)) {
      if (reply_.has_head() && reply_.status() != 200) return true;
      continue;
    }
    using State = HttpReply::State;
    if (reply_.state() != State::complete && reply_.state() != State::broken) return false;
    if (reply_.status() != 200) return false;
    // A stream that says why, and a connection that just ends.
    auto control = find_control("end");
    end_ = control ? CarrierEnd{control->at("code"), 0, *control} : CarrierEnd{"cut", 0, {}};
    return true;
  }
}

void SseCarrier::cut() {
  if (wire_) wire_->cut();
}

bool SseCarrier::take_block() {
  auto& body = reply_.body();
  const auto stop = body.find("\n\n");
  if (stop == std::string::npos) return false;
  const auto block = body.substr(0, stop + 1);
  body.erase(0, stop + 2);
  std::string id, kind, data;
  for (std::size_t line = 0; line < block.size();) {
    const auto end = block.find('\n', line);
    const auto text = block.substr(line, end - line);
    if (text.starts_with("id: ")) id = text.substr(4);
    if (text.starts_with("event: ")) kind = text.substr(7);
    if (text.starts_with("data: ")) data += text.substr(6);
    if (text.starts_with(":")) take_comment(text);
    line = end + 1;
  }
  if (data.empty()) return true;
  if (kind == "control") {
    take_control(Json::parse(data));
  } else {
    take_event(std::strtoull(id.c_str(), nullptr, 10), Json::parse(data));
  }
  return true;
}

void SseCarrier::take_comment(const std::string& text) {
  comments_ += text + "\n";
  const std::string heartbeat = ": heartbeat, next ";
  if (!text.starts_with(heartbeat)) return;
  const auto next = std::strtoull(text.c_str() + heartbeat.size(), nullptr, 10);
  take_control({{"control", "heartbeat"}, {"next", next}});
}

}  // namespace sigway::testing
