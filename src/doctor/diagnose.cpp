#include "doctor/diagnose.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "doctor/certificate.h"
#include "doctor/streams.h"

namespace sigway::doctor {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr double kYoung = 10000;        // ms; what is cut younger is no transport to stay on
constexpr double kSlow = 300;           // ms for a round trip that people notice
constexpr double kNarrow = 500;         // kbit/s
constexpr std::int64_t kFilled = 4096;  // bytes of a block that the clients fill with padding

/// The member of that name, or null.
const json& part(const json& object, const char* name) {
  static const json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}
std::string text(const json& object, const char* name) {
  const auto& value = part(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}
std::optional<double> number(const json& object, const char* name) {
  const auto& value = part(object, name);
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}
std::string kind_of(const json& object) { return text(object, "kind"); }

/// As JavaScript's Math.round.
std::int64_t rounded(double value) { return static_cast<std::int64_t>(std::floor(value + 0.5)); }

/// Times after which something was cut, in ms.
struct Cuts {
  std::optional<double> life, silence;  // of a WebSocket
  std::optional<double> answer, quiet_answer, hold;
  std::optional<double> all;  // of every connection, whatever runs on it
};

class Doctor {
 public:
  explicit Doctor(const json& measurements) : m_(measurements), cap_(m_.at("times").at("cap")) {}

  Diagnosis run() {
    Diagnosis diagnosis;
    if (reached()) {
      std::vector<double> trips;
      for (const auto& one : requests()) {
        if (kind_of(one) == "answered") trips.push_back(one.at("ms"));
      }
      // The quicker ones are the network's; the others may have met a busy machine.
      trip_ = quantile(trips, 0.25).value_or(m_.at("reach").at("ms").get<double>());
      find_cuts();
      diagnosis.websocket = websocket();
      diagnosis.sse = event_stream();
      diagnosis.poll = polling();
      count_requests();
      line();
      headers();
      busy();
    }
    if (auto finding = finding_of_certificate(part(m_, "certificate")))
      findings_.push_back(std::move(*finding));
    diagnosis.findings = std::move(findings_);
    return diagnosis;
  }

 private:
  void add(std::string id, ordered_json data = ordered_json::object()) {
    ordered_json finding{{"id", std::move(id)}};
    for (const auto& [name, value] : data.items()) {
      if (!value.is_null() || name == "status") finding[name] = value;
    }
    findings_.push_back(std::move(finding));
  }
  const json& requests() const {
    static const json kNone = json::array();
    const auto& all = part(m_, "requests");
    return all.is_array() ? all : kNone;
  }
  // A status that was never measured is left out, as undefined is in JavaScript.
  static ordered_json with_status(ordered_json data, const json& from) {
    if (from.is_object() && from.contains("status")) data["status"] = from.at("status");
    return data;
  }

  bool reached();
  void find_cuts();
  bool websocket();
  bool event_stream();
  bool polling();
  void count_requests();
  void line();
  void headers();
  void busy();

  const json& m_;
  const double cap_;
  double trip_ = 0;
  Cuts cuts_;
  ordered_json findings_ = ordered_json::array();
};

// --- Is it there? -------------------------------------------------------------------------------
bool is_balancer(const json& one) {
  const auto status = number(one, "status");
  return kind_of(one) == "foreign" && status && *status >= 502 && *status <= 504;
}
bool is_other(const json& one) { return kind_of(one) == "foreign" || kind_of(one) == "redirected"; }
std::string stranger(const std::string& kind) {
  if (kind == "foreign") return "stranger";
  if (kind == "redirected" || kind == "refused") return kind;
  return "unreachable";
}

bool Doctor::reached() {
  const auto& reach = m_.at("reach");
  const auto kind = kind_of(reach);
  if (kind == "answered") {
    for (const auto& one : part(reach, "before")) {
      if (!is_other(one) || is_balancer(one)) continue;
      add(stranger(kind_of(one)) + "-at-first", with_status({}, one));
      break;
    }
    return true;
  }
  const auto code = text(reach, "code");
  if (kind == "refused" && code == "unknown_route") {
    add("probes-off");
  } else if (kind == "foreign" && text(reach, "type").find("html") != std::string::npos) {
    add("portal", with_status({}, reach));
  } else {
    auto data = with_status({}, reach);
    if (!code.empty()) data["code"] = code;
    add(stranger(kind), std::move(data));
  }
  return false;
}

// --- What is cut, and when ----------------------------------------------------------------------
void Doctor::find_cuts() {
  const auto cut = [this](const char* name) -> std::optional<double> {
    const auto& one = part(m_, name);
    if (kind_of(one) != "cut") return std::nullopt;
    return number(one, "ms");
  };
  const auto socket = kind_of(part(m_, "websocket"));
  const bool has_socket = socket == "lived" || socket == "cut";
  if (has_socket) {
    cuts_.life = cut("websocketLife");
    cuts_.silence = cut("websocketSilence");
  }
  cuts_.answer = cut("longAnswer");
  cuts_.quiet_answer = cut("silentAnswer");
  const auto& hold = part(m_, "hold");
  const auto held = number(hold, "ms");
  if (held && kind_of(hold) != "answered" && *held > 1500 && *held < cap_) cuts_.hold = held;
  // A connection that was used before is cut sooner than a new one.
  const bool any_answer =
      cuts_.answer && cuts_.quiet_answer && cuts_.hold && kind_of(hold) == "failed";
  if (any_answer && (!has_socket || (cuts_.life && *cuts_.answer < *cuts_.life * 1.3))) {
    cuts_.all = std::max({cuts_.life.value_or(0), *cuts_.answer, *cuts_.quiet_answer, *cuts_.hold});
    add("connections-cut", {{"ms", *cuts_.all}});
  }
}

// --- WebSocket ----------------------------------------------------------------------------------
bool Doctor::websocket() {
  const auto& socket = part(m_, "websocket");
  if (socket.is_null()) return false;
  const auto kind = kind_of(socket);
  const auto opened = number(socket, "opened");
  if (!opened) {
    add(kind == "timeout" ? "websocket-hangs" : "websocket-refused", with_status({}, socket));
    return false;
  }
  if (kind == "foreign") {
    add("websocket-stranger");
    return false;
  }
  const auto trips = socket.at("trips").get<std::vector<double>>();
  if (trips.empty()) {
    const bool down = number(socket, "greeted").has_value();
    const bool up = number(socket, "arrived").value_or(0) > 0;
    add(down && up ? "websocket-cut"
        : down     ? "websocket-dead-up"
        : up       ? "websocket-dead-down"
                   : "websocket-dead",
        {{"ms", socket.at("ms")}});
    return false;
  }
  const auto lasted = kind == "cut" ? number(socket, "ms") : cuts_.life;
  if (lasted && !cuts_.all) add("websocket-cut", {{"ms", *lasted}});
  if (!lasted && cuts_.silence) add("websocket-silence-cut", {{"ms", *cuts_.silence}});
  // Where everything is cut nothing else lives longer.
  if (lasted && *lasted < kYoung && !cuts_.all) return false;
  add("websocket-works", {{"opened", rounded(*opened)},
                          {"trip", rounded(*quantile(trips, 0.5))},
                          {"ms", lasted.value_or(cap_)},
                          {"least", !lasted}});
  return true;
}

// --- Event streams ------------------------------------------------------------------------------
bool Doctor::event_stream() {
  const auto& streams = part(m_, "streams");
  if (streams.is_null()) return false;
  const auto& events = streams.at("events");
  const auto encoding = text(events, "encoding");
  const bool compressed = !encoding.empty() && encoding != "identity";
  if (compressed) add("compressed", {{"encoding", encoding}});
  const auto kind = kind_of(events);
  if (kind == "foreign" || kind == "failed" || kind == "refused") {
    const auto& plain = part(streams, "text");
    const bool passes = plain.is_object() && !plain.at("lines").empty();
    add(passes ? "stream-type-refused" : "stream-refused", with_status({}, events));
    return false;
  }
  if (!cuts_.all) {
    if (cuts_.answer) {
      add("answers-cut", {{"ms", *cuts_.answer}});
    } else if (cuts_.quiet_answer) {
      add("silence-cut", {{"ms", *cuts_.quiet_answer}});
    }
  }
  const auto held = is_held(part(m_, "silentAnswer"), cap_, trip_);
  if (auto how = buffering(events, part(streams, "large"), held, trip_)) {
    findings_.push_back(*how);
    const bool filled =
        how->at("id") == "stream-buffered-blocks" && how->at("bytes") <= kFilled && !compressed;
    if (filled) add("stream-padded", {{"bytes", how->at("bytes")}});
    return filled;
  }
  if (events.at("lines").empty()) {
    add("stream-silent");
    return false;
  }
  const auto lasted = cuts_.all ? cuts_.all : cuts_.answer;
  add("stream-works", {{"first", rounded(events.at("lines").front().at(2).get<double>())},
                       {"ms", lasted.value_or(cap_)},
                       {"least", !lasted}});
  return true;
}

// --- Long-polling and requests ------------------------------------------------------------------
bool Doctor::polling() {
  if (cuts_.hold && !cuts_.all) {
    add("hold-cut", with_status({{"ms", *cuts_.hold}}, part(m_, "hold")));
  }
  const auto& post = part(m_, "post");
  const auto largest = number(post, "largest");
  const bool passes = !largest || *largest > 0;
  if (passes) {
    add("poll-works", {{"ms", cuts_.hold.value_or(cap_)}, {"least", !cuts_.hold}});
  } else {
    add("post-refused");
  }
  if (number(post, "refused").value_or(0) > 0) {
    if (text(post, "reason") == "timeout") {
      add("post-slow", {{"bytes", post.at("largest")}});
    } else if (passes) {
      add("post-limit", with_status({{"bytes", post.at("largest")}}, post));
    }
  }
  return passes;
}

void Doctor::count_requests() {
  std::vector<const json*> echo;
  for (const auto& one : requests()) {
    const auto method = text(one, "method");
    if (number(one, "status") != 413 && (method == "GET" || method == "POST")) echo.push_back(&one);
  }
  const auto count = [&echo](auto&& test) {
    return std::count_if(echo.begin(), echo.end(), [&](const json* one) { return test(*one); });
  };
  const auto some = [&](const char* id, std::int64_t how_many) {
    if (how_many > 0) add(id, {{"count", how_many}, {"of", echo.size()}});
  };
  const auto seen = [](const json& one) { return number(one, "seen").value_or(-1); };
  some("requests-lost", count([&](const json& one) {
         return (kind_of(one) == "failed" || kind_of(one) == "timeout") && seen(one) == 0;
       }));
  some("answers-lost",
       count([&](const json& one) { return kind_of(one) == "failed" && seen(one) > 0; }));
  some("stalled",
       count([&](const json& one) { return kind_of(one) == "timeout" && seen(one) > 0; }));
  some("balancer-errors", count(is_balancer));
  const auto repeated = [&](const char* method) {
    return count([&](const json& one) { return text(one, "method") == method && seen(one) > 1; });
  };
  some("posts-repeated", repeated("POST"));
  some("gets-repeated", repeated("GET"));
  const auto is_stranger = [](const json& one) { return is_other(one) && !is_balancer(one); };
  const auto& before = part(m_.at("reach"), "before");
  some("strangers", count(is_stranger) - std::count_if(before.begin(), before.end(), is_stranger));
  std::set<std::string> servers;
  for (const auto* one : echo) {
    if (auto server = text(*one, "server"); !server.empty()) servers.insert(std::move(server));
  }
  if (servers.size() > 1) add("several-servers", {{"count", servers.size()}});
  if (const auto altered = number(part(m_, "repeats"), "altered").value_or(0); altered > 0)
    add("altered", {{"count", rounded(altered)}});
  if (const auto& cache = part(m_, "cache"); cache.is_object()) {
    const auto counts = cache.at("counts").get<std::vector<int>>();
    const std::set<int> different(counts.begin(), counts.end());
    if (number(cache, "foreign").value_or(0) > 0 || different.size() < counts.size()) add("cached");
  }
  const auto& methods = part(m_, "methods");
  if (part(methods, "options") == false) add("options-refused");
  if (part(methods, "put") == false) add("only-get-and-post");
  // On this side of a proxy, or on the other.
  std::int64_t connections = 0, first = 0, closes = 0;
  for (const auto* one : echo) {
    const auto request = number(*one, "request").value_or(0);
    if (request <= 0) continue;
    ++connections;
    if (request == 1) ++first;
    if (part(*one, "closes") == true) ++closes;
  }
  if (connections >= 8 && (first == connections || closes == connections)) add("no-keep-alive");
}

void Doctor::line() {
  const auto& socket = part(m_, "websocket");
  std::optional<double> on_socket;
  if (socket.is_object()) on_socket = quantile(socket.at("trips").get<std::vector<double>>(), 0.5);
  if (on_socket && trip_ > *on_socket + kSlow) {
    add("slow-answers", {{"trip", rounded(trip_)}, {"socket", rounded(*on_socket)}});
  } else {
    add(trip_ > kSlow ? "slow-line" : "round-trip", {{"trip", rounded(trip_)}});
  }
  // The best of the larger ones; bits in a millisecond are kilobits in a second.
  std::optional<double> best;
  for (const auto& step : part(part(m_, "post"), "steps")) {
    const double size = step.at("size");
    if (kind_of(step) != "answered" || size < 4096) continue;
    const double rate = size * 8 / std::max(1.0, step.at("ms").get<double>() - trip_);
    best = std::max(best.value_or(rate), rate);
  }
  if (best && *best < kNarrow) {
    add("narrow", {{"kilobits", std::max<std::int64_t>(1, rounded(*best))}});
  }
}

// --- This computer ------------------------------------------------------------------------------
void Doctor::busy() {
  const auto& machine = part(m_, "machine");
  if (!machine.is_object()) return;
  const double worst = machine.at("worst"), ticks = machine.at("ticks"), late = machine.at("late");
  if (worst > 700 || late > ticks / 20) add("busy", {{"ms", worst}});
}

// --- Headers and proxies ------------------------------------------------------------------------
constexpr std::array<const char*, 8> kProxyRequest = {
    "via",       "x-forwarded-for", "forwarded", "x-real-ip", "x-bluecoat-via", "proxy-connection",
    "client-ip", "cdn-loop"};
constexpr std::array<const char*, 7> kProxyAnswer = {
    "via", "server", "x-cache", "x-cache-lookup", "age", "cf-ray", "x-squid-error"};

void Doctor::headers() {
  const auto& seen = part(m_, "headers");
  const auto& arrived = part(seen, "arrived");
  if (!arrived.is_object()) return;
  const auto& answer = part(seen, "answer");
  std::string missing;
  for (const auto& name : part(seen, "missing")) {
    missing += (missing.empty() ? "" : ", ") + name.get<std::string>();
  }
  if (!missing.empty()) add("headers-stripped", {{"names", missing}});
  if (answer.is_object() && !answer.contains("x-sigway-probe"))
    add("answer-headers-stripped", {{"names", "x-sigway-probe"}});
  if (text(seen, "http") == "1.0") add("http-1.0");
  std::string marks;
  const auto mark = [&marks](const json& where, const char* name) {
    const auto value = text(where, name);
    if (!value.empty()) marks += (marks.empty() ? "" : "; ") + std::string(name) + ": " + value;
  };
  for (const auto* name : kProxyRequest) mark(arrived, name);
  for (const auto* name : kProxyAnswer) mark(answer, name);
  if (!marks.empty()) add("proxy", {{"names", marks}});
}

}  // namespace

std::string Diagnosis::transport() const {
  return websocket ? "websocket" : sse ? "sse" : poll ? "poll" : "";
}

ordered_json Diagnosis::to_json() const {
  ordered_json out{{"findings", findings},
                   {"works", {{"websocket", websocket}, {"sse", sse}, {"poll", poll}}},
                   {"transport", nullptr}};
  if (const auto best = transport(); !best.empty()) out["transport"] = best;
  return out;
}

Diagnosis diagnose(const json& measurements) { return Doctor(measurements).run(); }

}  // namespace sigway::doctor
