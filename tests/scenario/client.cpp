#include "scenario/client.h"

#include <doctest/doctest.h>

#include <random>

namespace sigway::testing {

std::string new_key() {
  static std::random_device random;
  std::string key = "key-";
  for (int i = 0; i < 28; ++i) key += static_cast<char>('a' + random() % 26);
  return key;
}

Client::Client(Site& site, Transport transport) : transport(transport), site_(site) {
  session.key = new_key();
}

std::unique_ptr<Carrier> Client::another(std::optional<Transport> on, std::string name) {
  if (name.empty()) name = "c" + std::to_string(++carriers_);
  return Carrier::make(on.value_or(transport), site_, session, std::move(name));
}

void Client::listen_to(std::unique_ptr<Carrier> carrier) {
  // What a client has received it has, whatever becomes of the carrier.
  if (carrier_) {
    for (auto& event : carrier_->leave_events()) earlier_.push_back(std::move(event));
  }
  carrier_ = std::move(carrier);
}

Answer Client::attach(std::unique_ptr<Carrier> carrier, Json request) {
  listen_to(std::move(carrier));
  auto answer = carrier_->attach(std::move(request));
  if (answer.error.empty()) peer_ = answer.body.at("peer");
  return answer;
}

Json Client::open(const Json& contents) {
  auto answer = try_open(contents, {{"turn", next_turn()}});
  REQUIRE_MESSAGE(answer.error.empty(), "open: " << answer.error);
  return answer.body;
}

Answer Client::try_open(const Json& contents, Json request) {
  request["open"] = contents;
  return attach(another(), std::move(request));
}

Json Client::resume(std::optional<Transport> on) {
  auto answer = try_resume({{"turn", next_turn()}, {"ack", session.received}}, on);
  REQUIRE_MESSAGE(answer.error.empty(), "resume: " << answer.error);
  CHECK(answer.body.at("active") == true);
  return answer.body;
}

Answer Client::try_resume(Json request, std::optional<Transport> on) {
  if (!request.contains("resume")) request["resume"] = Json::object();
  return attach(another(on), std::move(request));
}

Json Client::event() {
  const auto deadline = Clock::now() + kPatience;
  for (;;) {
    std::optional<Event> event;
    if (earlier_.empty()) {
      event = carrier_->event(deadline - Clock::now());
    } else {
      event = std::move(earlier_.front());
      earlier_.pop_front();
    }
    if (!event) {
      const auto end = carrier_->has_ended() ? carrier_->end().code : "it is silent";
      FAIL("no event after " << heard_ << " for " << session.key << ": " << end);
    }
    if (event->number <= heard_) continue;  // told again, by its number
    CHECK(event->number == heard_ + 1);
    heard_ = event->number;
    return event->body;
  }
}

Json Client::expect(const std::string& type) {
  auto json = event();
  CHECK_MESSAGE(json.at("type") == type, json.dump());
  return json;
}

std::uint64_t Client::send(Json message) {
  message["n"] = ++sent_;
  Json request{{"messages", Json::array({std::move(message)})}};
  if (session.acknowledges) request["ack"] = session.received;
  const auto answer = ask(std::move(request));
  CHECK_MESSAGE(answer.error.empty(), answer.error);
  CHECK(answer.up == sent_);
  return sent_;
}

std::uint64_t Client::say(const std::string& type, Json data) {
  return send({{"type", type}, {"data", std::move(data)}});
}

void Client::leave() { ask({{"messages", Json::array({{{"type", "leave"}, {"n", ++sent_}}})}}); }

void Client::vanish() { carrier_->cut(); }

void Client::go_away() {
  carrier_->arrive();  // a poll that is still on its way would be a sign of life after it
  CHECK(site_.post("/v1/send", {{"key", session.key}, {"away", true}}).status == 200);
}

Json event_while_alive(Client& waiting, std::initializer_list<Client*> others) {
  const auto deadline = Clock::now() + kPatience;
  constexpr auto kGlance = std::chrono::milliseconds(5);
  while (Clock::now() < deadline) {
    for (auto* other : others) other->carrier().pump(Clock::now() + kGlance);
    if (waiting.carrier().pump(Clock::now() + kGlance) &&
        waiting.session.received > waiting.heard())
      break;
  }
  return waiting.event();
}

}  // namespace sigway::testing
