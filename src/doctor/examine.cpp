#include "doctor/examine.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "doctor/certificate.h"
#include "doctor/diagnose.h"
#include "doctor/machine.h"
#include "doctor/network.h"
#include "doctor/uploads.h"

namespace sigway::doctor {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kSpell{4000};     // somebody else's answers are waited out for so long
constexpr int kRepeated = 42;            // requests that show what is lost, and what comes twice
constexpr int kAtOnce = 4;               // answers that are waited for at once
constexpr milliseconds kHold{500};       // each of them is held
constexpr milliseconds kUnserved{2500};  // so much later, nobody serves its connection
constexpr milliseconds kLeast{2000};     // the least time for which watching is worth it
// More than the blocks of 4 KiB in which some proxies pass a WebSocket, and no multiple of them.
constexpr std::size_t kBlock = 6000;

std::string outcome_of(const json& result) { return result.value("kind", ""); }
int status_of(const json& result) { return result.value("status", 0); }
bool is_answered(const json& result) { return outcome_of(result) == "answered"; }

bool is_stranger(const json& result) {
  static constexpr std::array<int, 4> kNetworks = {413, 502, 503, 504};
  if (outcome_of(result) == "redirected") return true;
  return outcome_of(result) == "foreign" &&
         std::find(kNetworks.begin(), kNetworks.end(), status_of(result)) == kNetworks.end();
}

std::string iso_time() {
  const auto now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

/// One examination.
class Examination {
 public:
  Examination(const client::Endpoint& endpoint, const Times& times, const Progress& progress)
      : network_(endpoint), endpoint_(endpoint), times_(times), progress_(progress) {
    found_ = {{"schema", "sigway-doctor/1"},
              {"url", (endpoint.url.tls ? "https://" : "http://") + endpoint.url.host_and_port()},
              {"at", iso_time()},
              {"times",
               {{"cap", times.watch.count()},
                {"whole", times.whole.count()},
                {"request", times.request.count()},
                {"reach", times.reach.count()}}}};
  }

  json run() {
    const MachineWatch machine;
    if (endpoint_.url.tls)
      step("Certificate", [&] { found_["certificate"] = look_at_certificate(endpoint_); });
    step("Asking the server", [&] { reach(); });
    if (is_answered(found_["reach"])) {
      look_closer();
      step("What came twice", [&] { afterwards(); });
    }
    found_["machine"] = machine.report();
    found_["took"] = std::chrono::duration<double, std::milli>(Clock::now() - began_).count();
    return std::move(found_);
  }

 private:
  bool is_over() const { return Clock::now() - began_ > times_.whole; }

  template <typename Act>
  void step(const std::string& name, Act act) {
    tell(name, false);
    act();
    tell(name, true);
  }
  void tell(const std::string& name, bool ended) {
    const std::lock_guard lock(mutex_);
    progress_(name, ended);
  }
  void keep(const char* name, json value) {
    const std::lock_guard lock(mutex_);
    found_[name] = std::move(value);
  }

  /// A failure is asked about again: only what stays is the network's rule and not its luck. While
  /// somebody else answers for a while, that is waited out.
  template <typename Act, typename Good>
  json insist(Act act, Good is_good, int times = 3) {
    const auto until = Clock::now() + kSpell;
    for (;;) {
      json result = act();
      if (is_good(result)) return result;
      if (is_stranger(result) && Clock::now() < until) {
        std::this_thread::sleep_for(milliseconds(300));
      } else {
        times -= outcome_of(result) == "timeout" ? 2 : 1;  // a timeout is patience enough
      }
      if (times <= 0 || is_over()) return result;
    }
  }
  json ask(const Network::Ask& what = {}) { return network_.ask("echo", what); }

  json hold();
  template <typename Act>
  void side_by_side(int count, Act act);

  void reach();
  void connections();
  void look_closer();
  json lasting(int interval);
  void websocket();
  void streams();
  void headers();
  void cache();
  void repeats();
  void post();
  void methods();
  void afterwards();

  Network network_;
  const client::Endpoint& endpoint_;
  Times times_;  // `watch` becomes less where there is no time for it
  const Progress& progress_;
  const Clock::time_point began_ = Clock::now();
  std::mutex mutex_;  // of found_ and progress_ while threads run
  json found_;
  int served_ = 0;  // connections at a time, of kAtOnce
};

void Examination::reach() {
  json before = json::array();
  for (;;) {
    json result = ask({.timeout = times_.request});
    result.erase("report");
    if (is_answered(result) || Clock::now() - began_ > times_.reach) {
      result["before"] = std::move(before);
      found_["reach"] = std::move(result);
      return;
    }
    if (before.size() < 20) before.push_back(std::move(result));
    std::this_thread::sleep_for(milliseconds(500));
  }
}

/// `act` on so many threads at once.
template <typename Act>
void Examination::side_by_side(int count, Act act) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) threads.emplace_back(act);
  for (auto& thread : threads) thread.join();
}

/// Answers that are waited for, at once. A connection that nobody serves says nothing at all; once
/// more, because that may be luck.
void Examination::connections() {
  const auto timeout =
      kHold + kUnserved + milliseconds(static_cast<int>(2 * found_["reach"]["ms"].get<double>()));
  for (int i = 0; i < 2 && served_ <= kFew && !is_over(); ++i) {
    std::atomic<int> heard{0};
    side_by_side(kAtOnce, [&] {
      const auto result = network_.ask(
          "hold", {.query = {{"ms", std::to_string(kHold.count())}}, .timeout = timeout});
      if (outcome_of(result) != "timeout") ++heard;
    });
    served_ = std::max(served_, heard.load());
  }
  keep("connections", {{"asked", kAtOnce}, {"served", served_}, {"hold", kHold.count()}});
}

json Examination::hold() {
  const auto result = network_.ask("hold", {.query = {{"ms", std::to_string(times_.watch.count())}},
                                            .timeout = times_.watch + times_.request});
  json hold{{"kind", outcome_of(result)}, {"ms", result["ms"]}};
  if (result.contains("status")) hold["status"] = result["status"];
  return hold;
}

/// What mostly waits, side by side; the rest one after another.
void Examination::look_closer() {
  step("Connections at a time", [this] { connections(); });
  const auto quick = [this] {
    step("WebSocket", [this] { websocket(); });
    step("Event streams", [this] { streams(); });
    step("Headers and proxies", [this] { headers(); });
    step("Caches", [this] { cache(); });
    step("Lost and repeated requests", [this] { repeats(); });
    step("How much a request may carry", [this] { post(); });
    step("Other methods", [this] { methods(); });
  };
  const auto longest = [this] {
    step("How long an answer may last", [this] { keep("longAnswer", lasting(1000)); });
  };
  const auto held = [this] {
    step("How long an answer may be waited for", [this] { keep("hold", hold()); });
  };
  std::vector<std::thread> threads;
  if (is_few(served_)) {
    // What is watched would keep the connections from everything else: afterwards, only the two
    // that matter most, and no longer than there is time.
    quick();
    const bool alone = served_ < 2;
    const auto left =
        std::chrono::duration_cast<milliseconds>(began_ + times_.whole - Clock::now()) -
        2 * times_.request;
    const auto each = std::min(times_.watch, alone ? left / 2 : left);
    times_.watch = std::max(kHold, each);
    found_["times"]["cap"] = times_.watch.count();
    if (each < kLeast) return;
    threads.emplace_back(longest);
    if (alone) threads.front().join();
    threads.emplace_back(held);
  } else {
    const auto beside = [&](const char* name, const char* key, auto act) {
      threads.emplace_back([this, name, key, act] { step(name, [&] { keep(key, act()); }); });
    };
    beside("How long a WebSocket lives", "websocketLife", [this] {
      return network_.socket({times_.watch, milliseconds(1000), times_.request});
    });
    beside("How long a WebSocket may be silent", "websocketSilence",
           [this] { return network_.socket({.life = times_.watch, .timeout = times_.request}); });
    beside("How long an answer may be silent", "silentAnswer",
           [this] { return lasting(static_cast<int>(times_.watch.count())); });
    threads.emplace_back(longest);
    threads.emplace_back(held);
    quick();
  }
  for (auto& thread : threads) {
    if (thread.joinable()) thread.join();
  }
}

/// A stream that is only watched for its length. Once more if it never began.
json Examination::lasting(int interval) {
  const auto result = insist(
      [&] {
        return network_.stream({.interval = interval,
                                .size = 64,
                                .count = static_cast<int>(times_.watch.count() / interval) + 1,
                                .timeout = times_.watch + times_.request});
      },
      [](const json& one) { return one.contains("status"); }, 2);
  json brief{{"kind", outcome_of(result)},
             {"ms", result["ms"]},
             {"first", nullptr},
             {"last", nullptr},
             {"chunks", result["lines"].size()}};
  for (const auto* name : {"status", "code", "head"}) {
    if (result.contains(name)) brief[name] = result[name];
  }
  if (!result["lines"].empty()) brief["first"] = result["lines"].front()[2];
  if (!result["reads"].empty()) brief["last"] = result["reads"].back()[0];
  return brief;
}

void Examination::websocket() {
  auto result = insist(
      [&] {
        return network_.socket(
            {milliseconds(900), milliseconds(150), std::min(times_.request, milliseconds(5000))});
      },
      [](const json& one) { return outcome_of(one) == "lived"; }, 2);
  if (outcome_of(result) != "lived" && !result["opened"].is_null() && !result["said"].empty()) {
    // Nothing came back. Did it go up?
    Network::Ask question;
    for (const auto& word : result["said"]) question.query.emplace_back("of", word);
    const auto answer = ask(question);
    if (answer.contains("report")) {
      const auto& seen = answer["report"]["of"];
      result["arrived"] = std::count_if(seen.begin(), seen.end(),
                                        [](const json& count) { return count.get<int>() > 0; });
    }
  }
  result["said"] = result["said"].size();
  if (outcome_of(result) == "lived") {
    // Twice, as some proxies pass the first block as it comes.
    const auto large = network_.socket(
        {.timeout = times_.request + milliseconds(2000), .last = 2, .size = kBlock});
    result["large"] = {{"kind", outcome_of(large)}, {"trips", large["trips"]}};
  }
  keep("websocket", std::move(result));
}

void Examination::streams() {
  const auto one = [this](Network::StreamPlan plan) {
    plan.timeout = milliseconds(plan.interval) * plan.count + times_.request;
    return insist([&] { return network_.stream(plan); },
                  [](const json& result) {
                    return outcome_of(result) == "complete" || !result["lines"].empty();
                  },
                  2);
  };
  json streams{{"events", one({})}};
  const auto& events = streams["events"];
  const auto kind = outcome_of(events);
  // The same bytes by another name show whether the name was the matter.
  if (kind == "foreign" || kind == "failed" || (kind == "timeout" && events["lines"].empty()))
    streams["text"] = one({.type = "text"});
  // Nothing until its end: in larger blocks, or not at all?
  if (kind == "complete" && is_one_delivery(events))
    streams["large"] = one({.interval = 30, .size = 2048, .count = 120});
  keep("streams", std::move(streams));
}

void Examination::headers() {
  const std::vector<std::string> names{"x-sigway-probe", "authorization", "cookie"};
  const auto result = insist(
      [&] {
        return ask({.body = "headers",
                    .headers = {{"Content-Type", "text/plain"},
                                {"X-Sigway-Probe", "yes"},
                                {"Authorization", "Probe sigway"},
                                {"Cookie", "sigway_probe=1"}}});
      },
      is_answered);
  json seen{{"kind", outcome_of(result)}, {"sent", names}};
  if (result.contains("report")) {
    const auto& report = result["report"];
    seen["missing"] = json::array();
    for (const auto& name : names) {
      if (!report["headers"].contains(name)) seen["missing"].push_back(name);
    }
    seen["arrived"] = report["headers"];
    seen["answer"] = result["headers"];
    for (const auto* name : {"http", "address"}) {
      if (report.contains(name)) seen[name] = report[name];
    }
  }
  keep("headers", std::move(seen));
}

/// One URL, three times: each has to reach the server.
void Examination::cache() {
  const auto u = network_.nonce();
  json counts = json::array();
  int foreign = 0;
  for (int i = 0; i < 3; ++i) {
    const auto answer = ask({.method = "GET", .u = u});
    if (!is_answered(answer)) continue;
    // Another URL's answer is a cache's too: one that does not look at the query.
    if (answer["report"].value("u", "") == u) {
      counts.push_back(answer["report"].value("seen", 0));
    } else {
      ++foreign;
    }
  }
  keep("cache", {{"counts", counts}, {"foreign", foreign}, {"u", u}});
}

/// What is lost, and what comes twice: many small requests. What became of each is in
/// Network::asked.
void Examination::repeats() {
  const auto until = Clock::now() + std::min(milliseconds(10000), times_.watch / 2);
  const std::string body = "repeats";
  std::atomic<int> next{0}, altered{0};
  side_by_side(is_few(served_) ? 1 : 3, [&] {
    for (int i = next++; i < kRepeated && Clock::now() < until; i = next++) {
      Network::Ask what{.timeout = milliseconds(4000)};
      if (i % 2 == 1) {
        what.method = "GET";
      } else {
        what.body = body;
      }
      const auto answer = ask(what);
      if (i % 2 == 0 && is_answered(answer) &&
          answer["report"].value("checksum", "") != checksum(body))
        ++altered;
    }
  });
  keep("repeats", {{"altered", altered.load()}});
}

void Examination::post() {
  const auto until = Clock::now() + std::min(milliseconds(14000), times_.watch / 2);
  const auto upload = [&](std::size_t size) {
    return ask({.body = std::string(size, 'x'), .timeout = times_.request});
  };
  const UploadProbe probe{.insist =
                              [&](std::size_t size) {
                                // 413 is a rule; a connection that breaks might be luck.
                                return insist([&] { return upload(size); },
                                              [](const json& one) {
                                                return is_answered(one) || status_of(one) == 413;
                                              });
                              },
                          .passes_one_byte = [&] { return is_answered(upload(1)); },
                          .is_over = [&] { return Clock::now() >= until; },
                          .request = times_.request};
  keep("post", find_largest_upload(probe));
}

/// sigway answers OPTIONS with 204 and PUT with its own 405.
void Examination::methods() {
  const auto passes = [this](const char* method, auto is_ours) -> json {
    const auto result = ask({.method = method, .headers = {}});
    if (is_ours(result)) return true;
    // A refusal, but for good: what is allowed passes at the same time.
    const auto status = status_of(result);
    if (!is_answered(ask()) || status == 0 || (status >= 502 && status <= 504)) return nullptr;
    return false;
  };
  json methods;
  methods["options"] = passes("OPTIONS", [](const json& one) { return status_of(one) == 204; });
  methods["put"] =
      passes("PUT", [](const json& one) { return one.value("code", "") == "wrong_method"; });
  keep("methods", std::move(methods));
}

/// How often each request came in, asked when all is over: copies may be late.
void Examination::afterwards() {
  auto all = network_.asked();
  constexpr std::size_t kAtOnce = 16;
  json seen = json::object();
  for (std::size_t i = 0; i < all.size(); i += kAtOnce) {
    const auto answer = insist(
        [&] {
          Network::Ask question;
          for (auto j = i; j < std::min(all.size(), i + kAtOnce); ++j)
            question.query.emplace_back("of", all[j]["u"]);
          return ask(question);
        },
        is_answered);
    if (answer.contains("report")) seen.update(answer["report"]["of"]);
  }
  json rows = json::array();
  const auto shared = found_.contains("cache") ? found_["cache"]["u"].get<std::string>() : "";
  for (auto& row : all) {
    const auto u = row["u"].get<std::string>();
    if (u == shared) continue;  // asked thrice by one name
    row["seen"] = seen.contains(u) ? seen[u] : json(nullptr);
    row.erase("u");
    rows.push_back(std::move(row));
  }
  found_["requests"] = std::move(rows);
}

}  // namespace

json examine(const client::Endpoint& endpoint, const Times& times, const Progress& progress) {
  return Examination(endpoint, times, progress).run();
}

}  // namespace sigway::doctor
