#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/endpoint.h"
#include "doctor/http.h"

namespace sigway::doctor {

/// The doctor's hands: one probe each (docs/protocol.md, "Probes"), and what came of it as the
/// measurement that web/doctor/network.js makes of it. Thread: any; each call blocks its own.
/// Throws nothing for what a network does.
class Network {
 public:
  using Query = std::vector<std::pair<std::string, std::string>>;

  explicit Network(const client::Endpoint& endpoint);

  /// Unlike any other's.
  std::string nonce();

  struct Ask {
    std::string method = "POST";
    Query query{};
    std::string body{};
    std::vector<std::pair<std::string, std::string>> headers{{"Content-Type", "text/plain"}};
    std::chrono::milliseconds timeout{6000};
    std::string u{};  ///< empty: a new nonce
  };
  /// {"kind","ms","u","status","type","headers","report" | "code" | "text" | "reason"}
  nlohmann::json ask(const std::string& route, const Ask& ask);

  struct StreamPlan {
    std::string type = "events";
    int interval = 100;
    int size = 128;
    int count = 30;
    std::chrono::milliseconds timeout{9000};
  };
  /// {"kind","ms","asked","reads","lines","bytes","status","head","type","encoding"}
  nlohmann::json stream(const StreamPlan& plan);

  struct SocketPlan {
    std::chrono::milliseconds life{0};
    std::chrono::milliseconds interval{0};
    std::chrono::milliseconds timeout{6000};
    int last = 1;          ///< last words, each said when the one before came back
    std::size_t size = 0;  ///< bytes of a word at the least; the server counts short ones only
  };
  /// {"kind","ms","opened","greeted","trips","said","foreign","unanswered"}; lives for `life` with
  /// something said each `interval` (0: silence, then the last words), or until it is cut.
  nlohmann::json socket(const SocketPlan& plan);

  /// Every echo so far: {"u","method","kind","ms","status","server","request","closes"}.
  nlohmann::json asked() const;

 private:
  nlohmann::json ask_once(const std::string& route, Ask ask);
  std::string path(const std::string& route, const Query& query) const;
  void note(const std::string& method, const nlohmann::json& result);

  const client::Endpoint& endpoint_;
  Http http_;
  std::string prefix_;
  std::atomic<unsigned> count_{0};
  mutable std::mutex mutex_;
  nlohmann::json asked_ = nlohmann::json::array();
};

/// FNV-1a, as the server's.
std::string checksum(std::string_view bytes);

}  // namespace sigway::doctor
