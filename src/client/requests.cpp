#include "client/requests.h"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include "client/json.h"

namespace sigway::client {
namespace {

constexpr const char* kRequest = "sigway.request";
constexpr const char* kResponse = "sigway.response";

bool is_id(const std::string& text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

bool is_code(const std::string& text) {
  return !text.empty() && text.size() <= 64 && text.front() >= 'a' && text.front() <= 'z' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::string response(const std::string& id, std::string_view member) {
  auto text = std::string("{\"") + kResponse + "\":\"" + id + '"';
  if (!member.empty()) text += ',' + std::string(member);
  return text + '}';
}

std::string error_member(const std::string& code, const std::string& message) {
  return "\"error\":" + dump(Json{{"code", code}, {"message", message}});
}

std::string data_of(const Json& envelope) {
  const auto data = envelope.find("data");
  return data == envelope.end() ? std::string{} : dump(*data);
}

/// Empty if it is no request: an id and `data`, and nothing else.
std::string request_id(const Json& envelope) {
  auto id = text_of(envelope, kRequest);
  const auto known = std::size_t{1} + (envelope.contains("data") ? 1 : 0);
  return is_id(id) && envelope.size() == known ? id : std::string{};
}

// What the other side says about why there is no answer, as far as it makes sense.
ClientAnswer answer_of(const Json& envelope, const std::string& from) {
  ClientAnswer answer;
  answer.from = from;
  const auto error = envelope.find("error");
  if (error == envelope.end()) {
    answer.data = data_of(envelope);
    return answer;
  }
  answer.code = "failed";
  answer.message = "the other side could not answer";
  if (!error->is_object()) return answer;
  if (auto code = text_of(*error, "code"); is_code(code)) answer.code = std::move(code);
  if (auto message = text_of(*error, "message"); !message.empty())
    answer.message = std::move(message);
  return answer;
}

}  // namespace

Requests::Requests(Scheduler& scheduler, std::string own, Hooks hooks)
    : scheduler_(scheduler), own_(std::move(own)), hooks_(std::move(hooks)) {}

std::string Requests::envelope(const std::string& id, std::string_view data) {
  auto text = std::string("{\"") + kRequest + "\":\"" + id + '"';
  if (!data.empty()) text += ",\"data\":" + std::string(data);
  return text + '}';
}

void Requests::respond(const std::string& type, Handler handler) {
  const std::lock_guard lock(mutex_);
  if (handler) {
    handlers_[type] = std::make_shared<const Handler>(std::move(handler));
  } else {
    handlers_.erase(type);
  }
}

void Requests::expect(const std::string& id, std::uint64_t number, std::string type,
                      Duration deadline, OnAnswer on_answer) {
  auto pending = std::make_unique<Pending>(scheduler_);
  pending->number = number;
  pending->type = std::move(type);
  pending->on_answer = std::move(on_answer);
  if (deadline.count() > 0) {
    pending->deadline.set(deadline, [this, id, deadline] {
      settle(id, {{},
                  "deadline",
                  "the answer took longer than " + std::to_string(deadline.count()) + " ms",
                  {}});
    });
  }
  pending_.emplace(id, std::move(pending));
}

bool Requests::takes(const ClientEvent& event) {
  if (event.from.empty() || event.data.empty() || event.data.front() != '{') return false;
  const auto envelope = parse_object(event.data);
  if (!envelope) return false;
  std::shared_ptr<const Handler> handler;
  {
    const std::lock_guard lock(mutex_);
    const auto found = handlers_.find(event.type);
    if (found != handlers_.end()) handler = found->second;
  }
  if (handler) {
    if (const auto id = request_id(*envelope); !id.empty()) {
      if (!hooks_.is_behind()) answer(*handler, id, event, data_of(*envelope));
      return true;
    }
  }
  const auto ours = text_of(*envelope, kResponse);
  if (!is_id(ours) || ours.rfind(own_, 0) != 0) return false;
  // Else it is too late, or a second answer.
  const auto pending = pending_.find(ours);
  if (pending != pending_.end() && pending->second->type == event.type)
    settle(ours, answer_of(*envelope, event.from));
  return true;
}

void Requests::refused(const ClientEvent& event) {
  if (event.type != "error" || !event.from.empty() || !event.re) return;
  const auto json = parse_object(event.json);
  settle_all([&](const Pending& pending) { return pending.number == *event.re; },
             {{}, event.code, json ? text_of(*json, "message") : std::string{}, {}});
}

void Requests::reset(std::uint64_t first_kept) {
  settle_all([&](const Pending& pending) { return pending.number < first_kept; },
             {{}, "reset", "the session has ended", {}});
}

void Requests::end(const ClientEnd& end) {
  settle_all([](const Pending&) { return true; }, {{}, "closed", end.message, {}});
}

void Requests::settle(const std::string& id, const ClientAnswer& answer) {
  const auto node = pending_.extract(id);
  if (!node.empty() && node.mapped()->on_answer) node.mapped()->on_answer(answer);
}

template <class Which>
void Requests::settle_all(Which which, const ClientAnswer& answer) {
  std::vector<std::string> ids;
  for (const auto& [id, pending] : pending_) {
    if (which(*pending)) ids.push_back(id);
  }
  for (const auto& id : ids) settle(id, answer);
}

void Requests::answer(const Handler& handler, const std::string& id, ClientEvent event,
                      std::string_view data) {
  event.data = std::string(data);
  std::string code, message;
  try {
    const auto said = handler(event);
    hooks_.answer(event, response(id, said.empty() ? said : "\"data\":" + said));
    return;
  } catch (const ClientError& error) {
    code = error.code();
    message = error.what();
  } catch (const std::exception& error) {
    // Only what was meant for the other side is told: another error may say too much.
    hooks_.report("the handler of '" + event.type + "' failed: " + error.what());
    code = "failed";
    message = "the handler of the request failed";
  }
  try {
    hooks_.answer(event, response(id, error_member(code, message)));
  } catch (const ClientError& error) {
    hooks_.report("an answer to '" + event.type + "' was not sent: " + error.what());
  }
}

}  // namespace sigway::client
