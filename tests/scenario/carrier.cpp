#include "scenario/carrier.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "scenario/poll_carrier.h"
#include "scenario/sse_carrier.h"
#include "scenario/websocket_carrier.h"

namespace sigway::testing {

std::unique_ptr<Carrier> Carrier::make(Transport transport, Site& site, SessionState& session,
                                       std::string name) {
  switch (transport) {
    case Transport::websocket:
      return std::make_unique<WebSocketCarrier>(site, session, std::move(name));
    case Transport::sse: return std::make_unique<SseCarrier>(site, session, std::move(name));
    case Transport::poll: return std::make_unique<PollCarrier>(site, session, std::move(name));
  }
  return nullptr;
}

Json Carrier::activate(std::uint64_t turn) {
  Json request{{"carrier", name}, {"turn", turn}};
  if (session_.acknowledges) request["ack"] = session_.received;
  send_activation(request);
  const auto deadline = Clock::now() + kPatience;
  do {
    for (const auto* answer : {"activated", "standby"}) {
      if (auto control = find_control(answer)) return *control;
    }
  } while (pump(deadline));
  FAIL("no answer to the activation of " << name);
  return {};
}

std::optional<Event> Carrier::event(Clock::duration patience) {
  const auto deadline = Clock::now() + patience;
  while (events_.empty()) {
    if (!pump(deadline)) return std::nullopt;
  }
  auto event = std::move(events_.front());
  events_.pop_front();
  return event;
}

Json Carrier::control(const std::string& name) {
  const auto deadline = Clock::now() + kPatience;
  do {
    if (auto control = find_control(name)) return *control;
  } while (pump(deadline));
  FAIL("no control " << name << " on " << this->name);
  return {};
}

CarrierEnd Carrier::end() {
  const auto deadline = Clock::now() + kPatience;
  while (!end_) {
    const bool more = pump(deadline);
    if (!more && !end_) FAIL("the carrier " << name << " does not end");
  }
  return *end_;
}

void Carrier::take_event(std::uint64_t number, Json body) {
  counted_ = number + 1;
  if (number == session_.received + 1) session_.received = number;
  events_.push_back({number, std::move(body)});
}

void Carrier::take_control(Json control) {
  const auto name = control.value("control", "");
  if (name == "probe" && session_.heartbeat_answers != 0) answer_probe();
  controls_.push_back(std::move(control));
}

std::optional<Json> Carrier::find_control(const std::string& name) {
  const auto found = std::find_if(controls_.begin(), controls_.end(),
                                  [&](const Json& json) { return json.at("control") == name; });
  if (found == controls_.end()) return std::nullopt;
  auto control = std::move(*found);
  controls_.erase(found);
  return control;
}

Answer Carrier::upload(Json request) {
  if (!request.contains("key")) request["key"] = session_.key;
  if (!uploader_) uploader_ = std::make_unique<Site::Uploader>(site_);
  const auto answer = uploader_->post("/v1/send", request.dump());
  REQUIRE(answer.status != 0);
  return to_answer(answer.status, answer.body);
}

Answer to_answer(int status, const Json& body) {
  Answer answer{{}, status, {}, body};
  if (body.is_object() && body.contains("error")) {
    answer.error = body.at("error").at("code");
    answer.body = body.at("error");
  } else if (body.is_object() && body.contains("up")) {
    answer.up = body.at("up").get<std::uint64_t>();
  }
  return answer;
}

}  // namespace sigway::testing
