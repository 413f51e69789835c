#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "longpoll/poll_carrier.h"
#include "native/native.h"
#include "session/end.h"
#include "session/stream_carrier.h"

/// The far ends of carriers: they write down what they are told. A log outlives its connection, as
/// a client's memory does.
namespace sigway::testing {

using Json = nlohmann::json;

inline std::string joined_types(std::span<const Json> events) {
  std::string types;
  for (const auto& event : events) {
    if (!types.empty()) types += ' ';
    types += event.at("type").get<std::string>();
  }
  return types;
}

/// What one connection of a stream has been told.
struct StreamLog {
  std::optional<dialects::native::Welcome> welcome;
  std::vector<std::uint64_t> numbers;  ///< of `events`
  std::vector<Json> events;
  std::vector<std::string> controls;  ///< "activated 1 next 2", "end moved", …
  std::size_t room = SIZE_MAX;        ///< bytes that the connection still takes
  bool ended = false;

  std::string types() const { return types_from(0); }
  /// The types of the events since the last call, with spaces between them.
  std::string news() { return types_from(std::exchange(seen_, events.size())); }
  std::uint64_t last() const { return numbers.empty() ? 0 : numbers.back(); }
  std::string control() const { return controls.empty() ? "" : controls.back(); }

 private:
  std::string types_from(std::size_t first) const {
    return joined_types(std::span(events).subspan(first));
  }
  std::size_t seen_ = 0;
};

class RecordingSink final : public session::StreamSink {
 public:
  explicit RecordingSink(std::shared_ptr<StreamLog> log) : log_(std::move(log)) {}

  std::size_t room() override { return log_->room; }
  std::size_t unsent() override { return 0; }
  void events(std::uint64_t first, std::span<const dialects::EncodedEvent> events) override {
    for (const auto& event : events) {
      log_->room -= std::min(log_->room, event->size());
      log_->numbers.push_back(first++);
      log_->events.push_back(Json::parse(event->bytes));
    }
  }
  void activated(std::uint64_t turn, std::uint64_t next) override { say("activated", turn, next); }
  void standby(std::uint64_t turn, std::uint64_t next) override { say("standby", turn, next); }
  void hello(std::uint64_t which) override {
    log_->controls.emplace_back("hello " + std::to_string(which));
  }
  void heartbeat(std::uint64_t next) override {
    log_->controls.push_back("heartbeat next " + std::to_string(next));
  }
  void probe() override { log_->controls.emplace_back("probe"); }
  void end(session::End reason, base::Duration) override {
    log_->controls.push_back("end " + std::string(session::info(reason).name));
    log_->ended = true;
  }

 private:
  void say(const char* what, std::uint64_t turn, std::uint64_t next) {
    log_->controls.push_back(std::string(what) + " " + std::to_string(turn) + " next " +
                             std::to_string(next));
  }

  std::shared_ptr<StreamLog> log_;
};

/// What became of one request that is answered once.
struct ReplyLog {
  std::optional<Json> answer;  ///< of a poll
  int answers = 0;
  std::optional<dialects::Error> error;
  std::optional<session::End> ended;  ///< an attach to a carrier that the server had ended
  std::uint64_t up = 0;               ///< of an upload
  bool done = false;

  /// The wire name of the refusal, or empty.
  std::string refusal() const {
    return error ? std::string(dialects::info(error->code).name) : std::string();
  }
  std::string types() const { return joined_types(answer->at("events").get<std::vector<Json>>()); }
};

class RecordingReply final : public longpoll::PollReply {
 public:
  explicit RecordingReply(std::shared_ptr<ReplyLog> log) : log_(std::move(log)) {}

  void abandon() noexcept override {}
  void answer(std::string body) override {
    log_->answer = Json::parse(body);
    ++log_->answers;
    log_->done = true;
  }

 private:
  std::shared_ptr<ReplyLog> log_;
};

}  // namespace sigway::testing
