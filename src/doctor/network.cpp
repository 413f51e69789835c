#include "doctor/network.h"

#include <openssl/rand.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <thread>

namespace sigway::doctor {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point began) {
  return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
}

constexpr std::array<const char*, 9> kShownHeaders = {
    "via",    "server",        "x-cache",        "x-cache-lookup", "age",
    "cf-ray", "x-squid-error", "x-sigway-probe", "connection"};

json shown(const Answer& answer) {
  json found = json::object();
  for (const auto* name : kShownHeaders) {
    const auto header = answer.headers.find(name);
    if (header != answer.headers.end()) found[name] = header->second.substr(0, 256);
  }
  return found;
}

std::string header(const Answer& answer, const char* name) {
  const auto found = answer.headers.find(name);
  return found == answer.headers.end() ? std::string() : found->second;
}

bool is_redirect(int status) { return status >= 300 && status < 400 && status != 304; }

/// What came of an exchange with a complete answer, or none.
const char* judge(const Answer& answer, json& result) {
  if (!answer.complete) {
    result["reason"] = answer.problem;
    return answer.timed_out ? "timeout" : "failed";
  }
  if (is_redirect(answer.status)) return "redirected";
  result["headers"] = shown(answer);
  result["type"] = header(answer, "content-type");
  const auto report = json::parse(answer.body, nullptr, false);
  const auto has = [&report](const char* name, auto is) {
    return report.is_object() && report.contains(name) && (report[name].*is)();
  };
  if (answer.status == 200 && has("server", &json::is_string) && has("headers", &json::is_object)) {
    result["report"] = report;
    return "answered";
  }
  if (has("error", &json::is_object) && report["error"].contains("code") &&
      report["error"]["code"].is_string()) {
    result["code"] = report["error"]["code"];
    return "refused";
  }
  // Somebody else's bytes may be anything.
  std::string text = answer.body.substr(0, 200);
  for (auto& c : text) {
    if (static_cast<unsigned char>(c) >= 0x80 || static_cast<unsigned char>(c) < 0x20) c = '?';
  }
  result["text"] = text;
  return "foreign";
}

/// Bytes of a stream to deliveries and lines.
class StreamReader {
 public:
  explicit StreamReader(json& seen) : seen_(seen) {}

  void take(double at, std::string_view bytes) {
    constexpr double kOneDelivery = 12;  // ms
    total_ += bytes.size();
    auto& reads = seen_["reads"];
    if (!reads.empty() && at - reads.back()[0].get<double>() < kOneDelivery) {
      reads.back()[1] = total_;
    } else {
      reads.push_back({at, total_});
    }
    seen_["bytes"] = total_;
    rest_.append(bytes);
    std::size_t begin = 0;
    for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
      take_line(at, rest_.substr(begin, end - begin));
      begin = end + 1;
    }
    rest_.erase(0, begin);
  }
  int last() const { return last_; }

 private:
  void take_line(double at, const std::string& line) {
    const auto brace = line.find('{');
    int n = 0, written = 0;
    if (brace == std::string::npos ||
        std::sscanf(line.c_str() + brace, R"({"n":%d,"at":%d,)", &n, &written) != 2)  // NOLINT
      return;
    last_ = n;
    seen_["lines"].push_back({n, written, at});
  }

  json& seen_;
  std::size_t total_ = 0;
  std::string rest_;
  int last_ = -1;
};

}  // namespace

std::string checksum(std::string_view bytes) {
  std::uint32_t hash = 0x811c9dc5U;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193U;
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", hash);
  return text.data();
}

Network::Network(const client::Endpoint& endpoint) : endpoint_(endpoint), http_(endpoint) {
  std::array<unsigned char, 6> random{};
  RAND_bytes(random.data(), random.size());
  for (const auto byte : random) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", byte);
    prefix_ += hex.data();
  }
}

std::string Network::nonce() { return prefix_ + "-" + std::to_string(++count_); }

std::string Network::path(const std::string& route, const Query& query) const {
  std::string out = endpoint_.url.path + "v1/probe/" + route;
  char separator = '?';
  for (const auto& [name, value] : query) {  // of letters, digits and hyphens only
    out.append(1, separator).append(name).append("=").append(value);
    separator = '&';
  }
  return out;
}

json Network::ask(const std::string& route, const Ask& ask) {
  json result = ask_once(route, ask);
  // Others of this address are asking too: the server's own limit is no finding.
  constexpr int kTries = 5;
  constexpr std::chrono::milliseconds kPause{1000};
  for (int i = 0; i < kTries && result.value("code", "") == "rate_limited"; ++i) {
    std::this_thread::sleep_for(kPause);
    result = ask_once(route, ask);
  }
  if (route == "echo") note(ask.method, result);
  return result;
}

json Network::ask_once(const std::string& route, Ask ask) {
  if (ask.u.empty()) ask.u = nonce();
  ask.query.emplace_back("u", ask.u);
  Http::Request request{.method = ask.method,
                        .path = path(route, ask.query),
                        .body = ask.method == "GET" ? "" : std::move(ask.body),
                        .headers = std::move(ask.headers),
                        .timeout = ask.timeout,
                        .fresh = route == "hold"};
  if (ask.method == "GET") request.headers.clear();
  const auto began = Clock::now();
  const auto answer = http_.send(request);
  json result{{"u", ask.u}, {"ms", since(began)}};
  if (answer.status != 0) result["status"] = answer.status;
  result["kind"] = judge(answer, result);
  return result;
}

void Network::note(const std::string& method, const json& result) {
  json row{{"u", result["u"]}, {"method", method}, {"kind", result["kind"]}, {"ms", result["ms"]}};
  if (result.contains("status")) row["status"] = result["status"];
  if (result.contains("report")) {
    row["server"] = result["report"]["server"];
    if (result["report"].contains("request")) row["request"] = result["report"]["request"];
  }
  const auto connection =
      result.contains("headers") ? result["headers"].value("connection", "") : std::string();
  row["closes"] = connection.find("lose") != std::string::npos;  // in whatever case it begins
  const std::lock_guard lock(mutex_);
  asked_.push_back(std::move(row));
}

json Network::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

json Network::stream(const StreamPlan& plan) {
  json seen{{"asked",
             {{"type", plan.type},
              {"interval", plan.interval},
              {"size", plan.size},
              {"count", plan.count}}},
            {"reads", json::array()},
            {"lines", json::array()},
            {"bytes", 0}};
  StreamReader reader(seen);
  const auto began = Clock::now();
  bool is_wanted = false;
  std::string other;
  Http::Request request{.path = path("stream", {{"type", plan.type},
                                                {"interval", std::to_string(plan.interval)},
                                                {"size", std::to_string(plan.size)},
                                                {"count", std::to_string(plan.count)},
                                                {"u", nonce()}}),
                        .timeout = plan.timeout,
                        .fresh = true};
  // As the clients ask: some virus scanners hold back a stream that was not asked for by its name.
  if (plan.type == "events") request.headers = {{"Accept", "text/event-stream"}};
  request.on_head = [&](const Answer& head) {
    const auto type = header(head, "content-type");
    seen["status"] = head.status;
    seen["head"] = since(began);
    seen["type"] = type;
    seen["encoding"] = header(head, "content-encoding");
    const char* const wanted = plan.type == "events" ? "text/event-stream" : "text/plain";
    is_wanted = head.status == 200 && (type.empty() || type.starts_with(wanted));
  };
  request.on_data = [&](const char* bytes, std::size_t size) {
    if (is_wanted) {
      reader.take(since(began), {bytes, size});
    } else {
      other.append(bytes, size);
    }
  };
  auto answer = http_.send(request);
  seen["ms"] = since(began);
  if (answer.status != 0 && !is_wanted) {
    answer.body += other;
    answer.complete = true;
    seen["status"] = answer.status;
    json judged;
    seen["kind"] = judge(answer, judged);
    if (judged.contains("code")) seen["code"] = judged["code"];
  } else if (reader.last() == plan.count - 1) {
    seen["kind"] = "complete";
  } else {
    seen["kind"] = answer.timed_out ? "timeout" : answer.status != 0 ? "cut" : "failed";
  }
  return seen;
}

}  // namespace sigway::doctor
