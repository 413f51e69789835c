#include "scenario/poll_carrier.h"

#include <doctest/doctest.h>

namespace sigway::testing {

void PollCarrier::send_poll(Json request, bool on_new_wire) {
  request["key"] = session_.key;
  request["carrier"] = name;
  request["n"] = ++n_;
  reply_ = {};
  const auto text = http_request("POST", "/v1/poll", request.dump());
  if (on_new_wire || !wire_) wire_ = site_.connect();
  wire_->write(text);
  parked_ = true;
}

void PollCarrier::start_attach(Json request) {
  end_.reset();
  attaching_ = true;
  send_poll(std::move(request), true);
}

Answer PollCarrier::finish_attach() {
  const auto deadline = Clock::now() + kPatience;
  attached_ = {};
  while (attaching_) {
    const bool more = pump(deadline);
    if (!more && attaching_) FAIL("no answer to the attach of " << name);
  }
  if (attached_.error.empty() && end_) attached_ = {end_->code, 204, {}, {}};
  return attached_;
}

void PollCarrier::park() {
  if (parked_) return;
  Json request = Json::object();
  if (session_.acknowledges) request["ack"] = session_.received;
  send_poll(std::move(request), false);
}

bool PollCarrier::pump(Clock::time_point deadline) {
  if (end_) return false;
  if (replaced_) {
    // It gets an empty 200, at once, unless there were events for it.
    while (replaced_reply_.read(*replaced_, Clock::now() + kPatience)) {
    }
    REQUIRE(replaced_reply_.state() == HttpReply::State::complete);
    const auto answer = Json::parse(replaced_reply_.body());
    CHECK(!answer.contains("ended"));
    replaced_.reset();
    if (!answer.at("events").empty()) take_answer(replaced_reply_);  // they were quicker
  }
  park();
  while (reply_.read(*wire_, deadline)) {
  }
  if (reply_.state() == HttpReply::State::broken) {
    parked_ = attaching_ = false;
    wire_.reset();
    end_ = CarrierEnd{"cut", 0, {}};
    return true;
  }
  if (reply_.state() != HttpReply::State::complete) return false;
  parked_ = attaching_ = false;
  take_answer(reply_);
  // At once, as a client does that is there. One that does not acknowledge would only be told the
  // same again: it polls when it is waited for.
  if (!end_ && session_.acknowledges) park();
  return true;
}

void PollCarrier::send_activation(const Json& request) {
  if (parked_) {
    replaced_ = std::move(wire_);
    replaced_reply_ = std::move(reply_);
  }
  send_poll(request, true);
}

void PollCarrier::arrive() {
  park();
  send_activation(Json::object());  // the answer to the one before shows that this one is there
  pump(Clock::now());
}

void PollCarrier::cut() {
  if (wire_) wire_->cut();
  wire_.reset();
  parked_ = false;
}

void PollCarrier::take_answer(HttpReply& reply) {
  const auto json = Json::parse(reply.body());
  if (reply.status() != 200) {
    attached_ = to_answer(reply.status(), json);
    // Between two polls nobody could be told of an end; then the next one hears how it came.
    const auto& error = json.at("error");
    end_ = CarrierEnd{error.value("reason", attached_.error), 0, json};
    return;
  }
  CHECK(!reply.header("content-length").empty());
  if (json.contains("welcome")) attached_ = {{}, 200, json.at("up"), json.at("welcome")};
  auto number = json.at("first").get<std::uint64_t>();
  for (const auto& event : json.at("events")) take_event(number++, event);
  if (!json.contains("ended")) counted_ = number;
  for (const auto* name : {"activated", "standby"}) {
    if (!json.contains(name)) continue;
    auto control = json.at(name);
    control["control"] = name;
    control["next"] = json.at("first");
    take_control(std::move(control));
  }
  if (json.contains("probe")) take_control({{"control", "probe"}});
  if (json.contains("ended")) end_ = CarrierEnd{json.at("ended").at("code"), 0, json.at("ended")};
}

}  // namespace sigway::testing
