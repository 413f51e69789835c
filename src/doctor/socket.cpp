// Network::socket: a WebSocket that talks, or keeps silent, and what becomes of it.
#include <algorithm>
#include <condition_variable>
#include <map>
#include <optional>
#include <thread>

#include "client/websocket_link.h"
#include "doctor/network.h"

namespace sigway::doctor {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Shared by the thread on which the socket runs and the one that talks.
struct Talk {
  std::mutex mutex{};
  std::condition_variable changed{};
  std::optional<double> opened{}, greeted{};
  std::map<std::string, double> waiting{};  // words that have not come back, and when they went
  std::vector<double> trips{};
  bool foreign = false;
  bool closed = false;
  int code = 0, status = 0;
  std::string reason{};
};

}  // namespace

json Network::socket(const SocketPlan& plan) {
  const auto life = plan.life, interval = plan.interval, timeout = plan.timeout;
  const auto began = Clock::now();
  const auto at = [began] {
    return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
  };
  Talk talk;
  client::WebSocketLink link(endpoint_);
  const client::WebSocketLink::Handlers handlers{
      .open =
          [&] {
            const std::lock_guard lock(talk.mutex);
            talk.opened = at();
            talk.changed.notify_all();
          },
      .text =
          [&](const std::string& text) {
            const std::lock_guard lock(talk.mutex);
            if (const auto word = talk.waiting.find(text); word != talk.waiting.end()) {
              talk.trips.push_back(at() - word->second);
              talk.waiting.erase(word);
            } else {
              const auto greeting = json::parse(text, nullptr, false);
              if (greeting.is_object() && greeting.contains("server")) {
                if (!talk.greeted) talk.greeted = at();
              } else {
                talk.foreign = true;
              }
            }
            talk.changed.notify_all();
          },
      .closed =
          [&](int code, std::string reason, int status) {
            const std::lock_guard lock(talk.mutex);
            talk.closed = true;
            talk.code = code;
            talk.reason = std::move(reason);
            talk.status = status;
            talk.changed.notify_all();
          }};
  std::thread thread([&] { link.run(path("ws", {{"u", nonce()}}), handlers); });

  std::vector<std::string> said;
  std::string kind;
  std::unique_lock lock(talk.mutex);
  talk.changed.wait_until(lock, began + timeout, [&] { return talk.opened || talk.closed; });
  if (!talk.opened) kind = talk.closed ? "failed" : "timeout";
  bool last = false;
  int left = plan.last;
  auto next = interval.count() > 0 ? Clock::now() : began + life;
  while (kind.empty()) {
    if (talk.closed) {
      kind = "cut";
    } else if (last && left == 0 && talk.waiting.empty()) {
      kind = talk.foreign || !talk.greeted ? "foreign" : "lived";
    } else if (std::any_of(talk.waiting.begin(), talk.waiting.end(), [&](const auto& word) {
                 return at() - word.second > static_cast<double>(timeout.count());
               })) {
      kind = "silent";
    } else if (last ? talk.waiting.empty() : Clock::now() >= next) {
      last = last || Clock::now() >= began + life;
      if (last) --left;
      auto word = nonce();
      if (word.size() < plan.size) word.resize(plan.size, '-');
      talk.waiting.emplace(word, at());
      if (said.size() < 16 && plan.size == 0) said.push_back(word);
      lock.unlock();
      link.send(std::move(word));
      lock.lock();
      next = std::min(Clock::now() + interval, began + life);
      if (interval.count() == 0 || next < Clock::now()) next = began + life;
    } else {
      // Until something comes, there is something to say, or the eldest word is too old.
      auto until = last ? Clock::now() + timeout : next;
      for (const auto& word : talk.waiting) {
        const auto due = began +
                         std::chrono::duration_cast<Clock::duration>(
                             std::chrono::duration<double, std::milli>(word.second)) +
                         timeout + milliseconds(1);
        until = std::min(until, due);
      }
      talk.changed.wait_until(lock, until);
    }
  }
  const double ended = at();
  lock.unlock();
  link.stop();
  thread.join();

  json result{{"kind", kind},
              {"ms", ended},
              {"opened", nullptr},
              {"greeted", nullptr},
              {"trips", talk.trips},
              {"said", said},
              {"foreign", talk.foreign},
              {"unanswered", talk.waiting.size()}};
  if (talk.opened) result["opened"] = *talk.opened;
  if (talk.greeted) result["greeted"] = *talk.greeted;
  if (kind == "cut" || kind == "failed") result["code"] = talk.code;
  if (talk.status != 0) result["status"] = talk.status;
  if (!talk.reason.empty()) result["reason"] = talk.reason;
  return result;
}

}  // namespace sigway::doctor
