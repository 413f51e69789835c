#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/carrier.h"
#include "client/event_stream.h"

namespace sigway::client {

/// RFC 6455. Proved by a pong, as the frame that asked for it brought an acknowledgement up. The
/// first ping goes with the attach.
class WebSocketCarrier final : public Carrier {
 public:
  WebSocketCarrier(Session& session, std::string name);
  void start(std::uint64_t turn) override;
  void activate(std::uint64_t turn) override;
  void acknowledge() override;
  void check() override;
  void send_frame(std::string text) override;

 protected:
  void on_active() override { ask_when_quiet(); }
  void on_stop() override;

 private:
  void opened();
  void received(const std::string& text);
  void heartbeat(std::uint64_t next);
  void ping();
  void expect_pong();
  /// For `time` at first, then until nothing has come for `patience`, or until `latest`.
  void wait_for_pong(Duration time, Duration patience, Time latest);
  void ask_when_quiet();
  void look_whether_quiet();
  void closed(int code, const std::string& reason, int status);

  Network::Id socket_ = 0;
  bool open_ = false;
  std::uint64_t pings_ = 0;
  std::optional<Time> pinged_;  // what nobody has answered yet
  Timer pong_;
  Time heard_{};  // when the last event came
  Timer quiet_;
};

/// An event stream by POST. Proved causally: hello 1, its confirmation by an upload, hello 2, which
/// the server writes when it answers that upload. Later hellos tell in the same way that the stream
/// still does not hold back what is written.
class StreamCarrier final : public Carrier {
 public:
  StreamCarrier(Session& session, std::string name);
  void start(std::uint64_t turn) override;
  void activate(std::uint64_t turn) override;
  void acknowledge() override;
  void check() override;
  std::string question() override;
  void question_settled(bool answered) override;

 protected:
  void on_stop() override;

 private:
  void opened(const HttpAnswer& head);
  void dispatch(const EventStream::Item& item);
  void comment(std::string_view text);
  void greeted(std::uint64_t hello);
  /// Confirms the last hello.
  void echo();
  /// It is confirmed now, one way or the other.
  void asks();
  void expect_hello();
  /// The next hello has been written: it is to come within that time.
  void expect(Duration patience);
  /// As long from now, because something has come.
  void watch_for_hello();
  /// Without a question whether the stream lives; one at a time.
  void acknowledge_alone();
  /// A request to /v1/send, again until it is answered.
  void tell(std::string fields, std::function<void()> answered = {}, int failures = 0);

  EventStream parser_;
  Network::Id stream_ = 0;
  std::uint64_t hello_ = 0;       // the last that came
  std::optional<Time> asked_;     // when it was confirmed
  bool waits_ = false;            // for the next one
  std::uint64_t questioned_ = 0;  // confirmed by an upload with messages, to find out
  bool was_silent_ = false;       // before it was asked for the next one
  bool acknowledging_ = false;    // by an upload of its own
  Duration held_patience_{0};     // with silence
  Time held_latest_{};
  Timer head_;
  Timer held_;
  Timer echo_later_;
};

/// Complete answers. Proved by the welcome, as a request and its answer have made the round trip.
class PollCarrier final : public Carrier {
 public:
  PollCarrier(Session& session, std::string name);
  void start(std::uint64_t turn) override;
  void activate(std::uint64_t turn) override;
  void acknowledge() override {}  // the next poll does, which goes out as soon as events came
  /// The poll under way may be dead: another one replaces it.
  void check() override;
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
  /// For how long the next one is held, if the cadence allows it.
  Duration most_hold() const;

  Network::Id request_ = 0;
  Network::Id replaced_ = 0;  // the one before it, if that has no answer yet
  std::uint64_t n_ = 0;
  bool told_ = false;         // to take over
  Duration hold_;             // for the next one, if nothing else is tried or waits
  Duration asked_{0};         // of the last one
  std::optional<Time> head_;  // when the first of its answer came
  Time sent_{};
  int failures_ = 0;      // in a row
  int empty_ = 0;         // answers at once, in a row, with nothing in them
  bool carries_ = false;  // it has been active
  Timer deadline_;
  Timer replaced_deadline_;
  Timer pause_;
};

std::unique_ptr<Carrier> make_carrier(Session& session, Transport transport, std::string name);

}  // namespace sigway::client
