#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "client/carrier.h"

namespace sigway::client {

/// Complete answers. Proved by the welcome, as a request and its answer have made the round trip.
class PollCarrier final : public Carrier {
 public:
  PollCarrier(Session& session, std::string name);
  void start(std::uint64_t turn) override;
  void activate(std::uint64_t turn) override;
  void acknowledge() override {}  // the next poll does, which goes out as soon as events came
  /// The poll under way may be dead: another one replaces it.
  void check() override;
  void hurry() override;
  bool is_hearing() const override { return request_ != 0 && head_; }
  void upload_answered() override;

 protected:
  void on_stop() override;

 private:
  void poll();
  void expect_within(Duration time);
  void answered(const HttpAnswer& answer);
  void take(const Json& answer);
  void hear(const Json& answer);
  void failed(const Failure& failure);
  void pause(Duration time);
  /// The next one follows before that one is answered, which then has `time` for it.
  void replace(Duration time);
  void drop_replaced();
  /// Whether its polls are those that uploads share connections with.
  bool polls() const;
  /// For how long the next one is held, if the cadence allows it.
  Duration most_hold() const;

  Network::Id request_ = 0;
  Network::Id replaced_ = 0;  // the one before it, if that has no answer yet
  std::uint64_t n_ = 0;
  Duration hold_;             // for the next one, if nothing else is tried or waits
  Duration asked_{0};         // of the last one
  std::optional<Time> head_;  // when the first of its answer came
  bool came_slowly_ = false;  // its answer, from there to the end
  std::size_t came_ = 0;      // of its answer, since it was last seen to make progress
  Time latest_{};             // when it must have made some again
  Time sent_{};
  int failures_ = 0;      // in a row
  int empty_ = 0;         // answers at once, in a row, with nothing in them
  bool carries_ = false;  // it has been active
  Timer deadline_;
  Timer replaced_deadline_;
  Timer pause_;
};

}  // namespace sigway::client
