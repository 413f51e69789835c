#include "doctor/diagnose.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "doctor/certificate.h"
#include "doctor/measured.h"
#include "doctor/requests.h"
#include "doctor/streams.h"

namespace sigway::doctor {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr double kYoung = 10000;        // ms; what is cut younger is no transport to stay on
constexpr double kSlow = 300;           // ms for a round trip that people notice
constexpr double kNarrow = 500;         // kbit/s
constexpr std::int64_t kFilled = 4096;  // bytes of a block that the clients fill with padding

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
      find_dead();
      diagnosis.websocket = websocket();
      diagnosis.sse = event_stream();
      diagnosis.poll = polling();
      for (auto& finding : findings_of_requests(m_)) findings_.push_back(std::move(finding));
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
  void find_dead();
  /// Connections at a time; 0: not known.
  int served() const {
    return static_cast<int>(number(part(m_, "connections"), "served").value_or(0));
  }
  bool has_socket() const {
    const auto kind = kind_of(part(m_, "websocket"));
    return kind == "lived" || kind == "cut";
  }
  bool websocket();
  bool event_stream();
  bool polling();
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
  if (has_socket()) {
    cuts_.life = cut("websocketLife");
    cuts_.silence = cut("websocketSilence");
  }
  cuts_.answer = cut("longAnswer");
  cuts_.quiet_answer = cut("silentAnswer");
  const auto& hold = part(m_, "hold");
  const auto held = number(hold, "ms");
  if (held && kind_of(hold) != "answered" && *held > 1500 && *held < cap_) cuts_.hold = held;
  // A browser whose connection is cut before the answer sends the request again, and so waits for
  // longer.
  if (kind_of(hold) == "timeout" && cuts_.quiet_answer) cuts_.hold = cuts_.quiet_answer;
  // A connection that was used before is cut sooner than a new one.
  const bool any_answer =
      cuts_.answer && cuts_.quiet_answer && cuts_.hold && kind_of(hold) == "failed";
  if (any_answer && (!has_socket() || (cuts_.life && *cuts_.answer < *cuts_.life * 1.3))) {
    cuts_.all = std::max({cuts_.life.value_or(0), *cuts_.answer, *cuts_.quiet_answer, *cuts_.hold});
    add("connections-cut", {{"ms", *cuts_.all}});
  }
}

/// Nothing comes any more on what is watched, and nobody ended it.
void Doctor::find_dead() {
  if (is_few(served())) {
    add("few-connections", {{"count", served()}});
    return;
  }
  int of = 0, answers = 0, sockets = 0;
  const auto look = [&](const char* name, const char* dead, int& count) {
    const auto& one = part(m_, name);
    if (!one.is_object()) return;
    ++of;
    if (kind_of(one) == dead) ++count;
  };
  for (const auto* name : {"longAnswer", "silentAnswer", "hold"}) look(name, "timeout", answers);
  if (has_socket()) {
    for (const auto* name : {"websocketLife", "websocketSilence"}) look(name, "silent", sockets);
  }
  // One may be a request that was lost.
  if (answers > 1) add("connections-die", {{"count", answers + sockets}, {"of", of}});
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
  if (kind_of(part(socket, "large")) == "silent") {
    add("websocket-blocks");
    return false;
  }
  const auto lasted = kind == "cut" ? number(socket, "ms") : cuts_.life;
  if (lasted && !cuts_.all) add("websocket-cut", {{"ms", *lasted}});
  if (!lasted && cuts_.silence) add("websocket-silence-cut", {{"ms", *cuts_.silence}});
  // Where everything is cut nothing else lives longer.
  if (lasted && *lasted < kYoung && !cuts_.all) return false;
  const auto& life = part(m_, "websocketLife");
  const double lived = kind_of(life) == "silent"
                           ? std::max(0.0, number(life, "ms").value_or(0) -
                                               number(m_.at("times"), "request").value_or(0))
                           : cap_;
  add("websocket-works", {{"opened", rounded(*opened)},
                          {"trip", rounded(*quantile(trips, 0.5))},
                          {"ms", lasted.value_or(lived)},
                          {"least", !lasted}});
  return true;
}

// --- Event streams ------------------------------------------------------------------------------
bool Doctor::event_stream() {
  const auto& streams = part(m_, "streams");
  if (streams.is_null()) return false;
  if (served() == 1) {
    add("stream-alone");
    return false;
  }
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
  const auto& long_answer = part(m_, "longAnswer");
  const double lived =
      kind_of(long_answer) == "timeout" ? number(long_answer, "last").value_or(0) : cap_;
  add("stream-works", {{"first", rounded(events.at("lines").front().at(2).get<double>())},
                       {"ms", lasted.value_or(lived)},
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
    const double waited = kind_of(part(m_, "hold")) == "timeout"
                              ? number(part(m_, "connections"), "hold").value_or(0)
                              : cap_;
    add("poll-works", {{"ms", cuts_.hold.value_or(waited)}, {"least", !cuts_.hold}});
  } else {
    add("post-refused");
  }
  if (number(post, "refused").value_or(0) > 0) {
    if (text(post, "reason") == "timeout") {
      // Where few connections are served it may have waited for one.
      if (!is_few(served())) add("post-slow", {{"bytes", post.at("largest")}});
    } else if (passes) {
      add("post-limit", with_status({{"bytes", post.at("largest")}}, post));
    }
  }
  return passes;
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
