#include "scripted_network.h"

#include <limits>

namespace sigway::testing {

using client::Duration;
using client::HttpAnswer;
using client::Json;

namespace {

constexpr Duration kRoundTrip{20};

std::string kind_of(std::string_view path) { return std::string(path.substr(path.find('/') + 1)); }

Duration time_of(const Json& rule, const char* field, Duration otherwise) {
  const auto found = rule.find(field);
  return found == rule.end() ? otherwise : Duration(found->get<std::int64_t>());
}

bool is(const Json& does, const char* what) { return does.is_string() && does == what; }

HttpAnswer answer_of(const Json& does) {
  HttpAnswer answer{.status = does.at("status").get<int>()};
  if (const auto body = does.find("body"); body != does.end())
    answer.body = body->is_string() ? body->get<std::string>() : body->dump();
  answer.retry_after = Duration(1000 * does.value("retryAfter", 0));
  return answer;
}

}  // namespace

ScriptedNetwork::ScriptedNetwork(FakeNetwork& inner, client::Scheduler& scheduler,
                                 const Json& rules)
    : inner_(inner), scheduler_(scheduler), began_(scheduler.now()) {
  for (const auto& rule : rules)
    rules_.push_back({rule, rule.value("count", std::numeric_limits<int>::max())});
}

bool ScriptedNetwork::has(const Json& body, const Json& wanted) {
  for (const auto& [name, value] : wanted.items()) {
    const auto its = body.find(name);
    const bool is_there = its != body.end();
    if (value.is_boolean()) {
      if (is_there != value.get<bool>()) return false;
    } else if (value.is_object() && value.contains("count")) {
      const auto size = is_there ? its->size() : 0;
      if (size < value["count"][0].get<std::size_t>() ||
          size > value["count"][1].get<std::size_t>())
        return false;
    } else if (!is_there || *its != value) {
      return false;
    }
  }
  return true;
}

Json ScriptedNetwork::goes(const std::string& out, Json body) {
  const auto at = now();
  log_.push_back({out, at, std::move(body)});
  for (auto& [rule, left] : rules_) {
    if (rule.at("on") != out || left == 0 || at < time_of(rule, "from", Duration(0)) ||
        at >= time_of(rule, "to", Duration::max()))
      continue;
    if (rule.contains("with") && !has(log_.back().body, rule["with"])) continue;
    --left;
    return rule.at("do");
  }
  return {};
}

void ScriptedNetwork::later(Duration delay, Id id, client::Scheduler::Task task) {
  scheduler_.after(delay, [this, id, task = std::move(task)] {
    if (links_.contains(id)) task();
  });
}

void ScriptedNetwork::drip(Duration each, std::size_t bytes, Id id,
                           const std::function<void(std::size_t)>& alive) {
  later(each, id, [this, each, bytes, id, alive] {
    if (alive) alive(bytes);
    drip(each, bytes, id, alive);
  });
}

client::Network::Id ScriptedNetwork::post(std::string_view path, std::string body,
                                          std::function<void(const HttpAnswer&)> done,
                                          std::function<void(std::size_t bytes)> alive) {
  const auto does = goes(kind_of(path), Json::parse(body));
  const auto id = add();
  const auto answered = [this, id, done = std::move(done)](const HttpAnswer& answer) {
    links_.erase(id);
    done(answer);
  };
  const auto slow = does.is_object() ? time_of(does, "slow", Duration(0)) : Duration(0);
  const auto comes = [this, id, slow, answered, alive](const HttpAnswer& answer) {
    if (slow == Duration(0)) {
      answered(answer);
      return;
    }
    if (alive) alive(1);
    links_[id].inner = 0;
    later(slow, id, [answered, answer] { answered(answer); });
  };
  const auto pass = [this, id, path = std::string(path), body = std::move(body), comes, alive] {
    links_[id].inner = inner_.post(path, body, comes, alive);
  };
  if (is(does, "swallow")) return id;
  if (does.is_object() && does.contains("drip")) {
    drip(time_of(does, "drip", {}), does.value("bytes", std::size_t{1}), id, alive);
    return id;
  }
  if (is(does, "lose")) {
    later(kRoundTrip, id, [answered] { answered({.problem = "reset"}); });
  } else if (does.is_object() && does.contains("status")) {
    later(kRoundTrip, id, [answered, answer = answer_of(does)] { answered(answer); });
  } else if (does.is_object()) {
    later(time_of(does, "delay", Duration(0)), id, pass);
  } else {
    pass();
  }
  return id;
}

client::Network::Id ScriptedNetwork::stream(std::string_view path, std::string body,
                                            StreamHandlers handlers) {
  const auto does = goes(kind_of(path), Json::parse(body));
  const auto id = add();
  const auto closed = [this, id, closed = handlers.closed](const HttpAnswer& answer) {
    links_.erase(id);
    closed(answer);
  };
  if (is(does, "swallow")) return id;
  if (is(does, "lose")) {
    later(kRoundTrip, id, [closed] { closed({.problem = "reset"}); });
    return id;
  }
  if (does.is_object() && does.contains("status")) {
    later(kRoundTrip, id, [closed, answer = answer_of(does)] { closed(answer); });
    return id;
  }
  handlers.closed = closed;
  if (is(does, "hold")) handlers.data = [](std::string_view) {};
  const auto pass = [this, id, path = std::string(path), body = std::move(body), handlers] {
    links_[id].inner = inner_.stream(path, body, handlers);
  };
  if (does.is_object()) {
    later(time_of(does, "delay", Duration(0)), id, pass);
  } else {
    pass();
  }
  return id;
}

client::Network::Id ScriptedNetwork::websocket(std::string_view path, SocketHandlers handlers) {
  const auto does = goes("websocket", Json::object());
  const auto id = add(is(does, "mute"));
  const auto closed = [this, id, closed = handlers.closed](int code, const std::string& reason,
                                                           int status) {
    links_.erase(id);
    closed(code, reason, status);
  };
  if (is(does, "refuse")) {
    later(kRoundTrip / 2, id, [closed] { closed(1006, "refused", 0); });
    return id;
  }
  handlers.closed = closed;
  links_[id].inner = inner_.websocket(path, std::move(handlers));
  return id;
}

void ScriptedNetwork::send_text(Id socket, std::string text) {
  const auto does = goes("frame", Json::parse(text));
  const auto found = links_.find(socket);
  if (found == links_.end() || found->second.mute || is(does, "swallow")) return;
  inner_.send_text(found->second.inner, std::move(text));
}

void ScriptedNetwork::drop(Id id) {
  const auto node = links_.extract(id);
  if (!node.empty() && node.mapped().inner != 0) inner_.drop(node.mapped().inner);
}

}  // namespace sigway::testing
