#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "client/carrier.h"
#include "client/event_stream.h"

namespace sigway::client {

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
  void upload_got_through() override;
  bool stranded() const override;
  std::string question() override;
  void question_settled(bool answered) override;

 protected:
  void on_stop() override;
  void on_active() override;

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
  bool got_through_ = false;      // an upload beside it was answered
  Timer head_;
  QuietTimer held_;
  Timer echo_later_;
  QuietTimer way_up_;  // that there is one beside this stream
};

}  // namespace sigway::client
