#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "scenario/site.h"

namespace sigway::testing {

enum class Transport { websocket, sse, poll };
inline constexpr Transport kTransports[] = {Transport::websocket, Transport::sse, Transport::poll};

/// What the carriers of one client share: its session, as the client knows it.
struct SessionState {
  std::string key;
  std::uint64_t received = 0;  ///< all events up to this number have come, on some carrier
  bool acknowledges = true;    ///< polls say what was received; else they say nothing
  int heartbeat_answers = 1;   ///< 0: the client neither answers pings nor probes
};

struct Event {
  std::uint64_t number;
  Json body;
};

/// How a carrier came to its end, as its client sees it.
struct CarrierEnd {
  std::string code;    ///< of docs/protocol.md, "Ends"; "cut" if there was no word
  int close_code = 0;  ///< WebSocket's
  Json body;           ///< the control `end`, the poll's `ended`
};

/// How a request was answered.
struct Answer {
  std::string error;  ///< the code; empty: taken
  int status = 200;   ///< of HTTP, or what a WebSocket's close code says of it
  std::optional<std::uint64_t> up;
  Json body;  ///< the welcome of an attach, the error with its hint, or the whole answer
};

/// A client's end of one carrier. Reads with deadlines and nothing in the background: what has come
/// is seen by whoever waits for something.
class Carrier {
 public:
  Carrier(Site& site, SessionState& session, std::string name)
      : name(std::move(name)), site_(site), session_(session) {}
  virtual ~Carrier() = default;
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  static std::unique_ptr<Carrier> make(Transport transport, Site& site, SessionState& session,
                                       std::string name);

  const std::string name;

  /// Sends the request that attaches: `key` and `carrier` are added. `finish_attach` waits for
  /// `welcome`, or for why not: an error, or the end of a carrier that may not come back (its code
  /// with the status 204).
  virtual void start_attach(Json request) = 0;
  virtual Answer finish_attach() = 0;
  Answer attach(Json request) {
    start_attach(std::move(request));
    return finish_attach();
  }

  /// Sends a request up beside this carrier, or on it where it has a way up, and waits for its
  /// answer.
  virtual Answer ask(Json request) = 0;

  /// Activates and waits for the answer: the control `activated` or `standby`.
  Json activate(std::uint64_t turn);

  /// The next event on this carrier, or nothing in that time.
  std::optional<Event> event(Clock::duration patience = kPatience);
  /// The next control of that name; `heartbeat` is SSE's comment as well. Fails the test if none.
  Json control(const std::string& name);
  /// Waits for the carrier's end. Fails the test if it does not come.
  CarrierEnd end();
  bool has_ended() const noexcept { return end_.has_value(); }
  /// What has come and was not asked for.
  std::deque<Event> leave_events() { return std::exchange(events_, {}); }

  /// Reads once, or until the deadline. False if nothing came.
  virtual bool pump(Clock::time_point deadline) = 0;

  /// Returns when the server knows that the client is there. An attach shows it of a stream, but
  /// not of polls, whose next one may still be on its way.
  virtual void arrive() {}

  /// The network breaks.
  virtual void cut() = 0;

 protected:
  virtual void send_activation(const Json& request) = 0;
  /// A member that is asked whether it is there.
  virtual void answer_probe() = 0;

  void take_event(std::uint64_t number, Json body);
  void take_control(Json control);
  std::optional<Json> find_control(const std::string& name);
  Answer upload(Json request);  ///< POST /v1/send

  Site& site_;
  SessionState& session_;
  std::deque<Event> events_;
  std::deque<Json> controls_;
  std::optional<CarrierEnd> end_;
  std::uint64_t counted_ = 0;  // the number of the event that comes next, as the server says

 private:
  std::unique_ptr<Site::Uploader> uploader_;
};

/// What an HTTP answer says.
Answer to_answer(int status, const Json& body);

}  // namespace sigway::testing
