#pragma once

#include <string>
#include <utility>
#include <vector>

#include "client/json.h"
#include "client/network.h"
#include "client/scheduler.h"
#include "fake_network.h"

namespace sigway::testing {

/// The network of a shared case (tests/client/cases/README.md) in front of a fake one: it notes
/// what goes out, and does to it what the case's rules say.
class ScriptedNetwork final : public client::Network {
 public:
  struct Entry {
    std::string out;  ///< `poll`, `sse`, `send`, `websocket`, `frame`
    client::Duration at;
    client::Json body;
  };

  ScriptedNetwork(FakeNetwork& inner, client::Scheduler& scheduler, const client::Json& rules);

  Id post(std::string_view path, std::string body,
          std::function<void(const client::HttpAnswer&)> done,
          std::function<void(std::size_t bytes)> alive = {}) override;
  Id stream(std::string_view path, std::string body, StreamHandlers handlers) override;
  Id websocket(std::string_view path, SocketHandlers handlers) override;
  void send_text(Id socket, std::string text) override;
  void drop(Id id) override;
  bool ascii() const override { return false; }
  void forget_idle() override {}

  /// Since it was made.
  client::Duration now() const {
    return std::chrono::duration_cast<client::Duration>(scheduler_.now() - began_);
  }
  const std::vector<Entry>& log() const { return log_; }

  /// Whether `body` has what `wanted` says.
  static bool has(const client::Json& body, const client::Json& wanted);

 private:
  struct Link {
    Id inner = 0;       // 0: the case answers it, if anybody does
    bool mute = false;  // nothing passes either way
  };
  struct Rule {
    client::Json json;
    int left;
  };

  /// Notes it. What the case does to it; null if nothing.
  client::Json goes(const std::string& out, client::Json body);
  Id add(bool mute = false) {
    links_[++count_].mute = mute;
    return count_;
  }
  /// Unless the link was dropped meanwhile.
  void later(client::Duration delay, Id id, client::Scheduler::Task task);
  void drip(client::Duration each, std::size_t bytes, Id id,
            const std::function<void(std::size_t)>& alive);

  FakeNetwork& inner_;
  client::Scheduler& scheduler_;
  client::Time began_;
  std::vector<Rule> rules_;
  std::vector<Entry> log_;
  std::map<Id, Link> links_;
  Id count_ = 0;
};

}  // namespace sigway::testing
