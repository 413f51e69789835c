#include "client/stream_carrier.h"

#include <charconv>
#include <memory>

#include "client/backoff.h"
#include "client/session.h"

namespace sigway::client {
namespace {

constexpr Duration kTellLeast{2500}, kTellUnknown{6000}, kTellMost{20'000};
constexpr Duration kHeadLeast{3000}, kHeadUnknown{5000}, kHeadAlone{10'000};
// By so much the first hello may be later than the head of the stream, and another one than the
// answer to its upload.
constexpr Duration kFirstLeast{1000}, kFirstUnknown{3000};
constexpr Duration kHeldLeast{400}, kHeldUnknown{1500};
constexpr Duration kSilentLeast{2000}, kSilentUnknown{3000};  // where it was silent before
constexpr Duration kHeldLatest{10'000};                       // while the stream flows
constexpr Duration kEchoPause{2000};
// After which the first confirmation, without an answer, may be waiting for the stream's
// connection.
constexpr Duration kStranded{2000};
// That nothing goes up beside a stream which carries without a proof.
constexpr Duration kNoWayUpLeast{3000}, kNoWayUpUnknown{8000}, kNoWayUpMost{10'000};

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

StreamCarrier::StreamCarrier(Session& session, std::string name)
    : Carrier(session, Transport::sse, std::move(name)),
      head_(session.scheduler()),
      held_(session.scheduler()),
      echo_later_(session.scheduler()),
      way_up_(session.scheduler()) {
  parser_.on_item = [this](const EventStream::Item& item) { dispatch(item); };
  parser_.on_comment = [this](std::string_view text) { comment(text); };
  parser_.is_over = [this] { return done(); };
}

void StreamCarrier::start(std::uint64_t turn) {
  turn_ = turn;
  std::string more;
  if (const auto heartbeat = session_.cadence().heartbeat())
    more = R"(,"heartbeat":)" + std::to_string(heartbeat->count());
  if (const auto pad = session_.cadence().pad(); pad != 0)
    more += R"(,"pad":)" + std::to_string(pad);
  const auto unknown = session_.carrier_count() > 1 ? kHeadUnknown : kHeadAlone;
  head_.set(session_.slack() * session_.patience(kHeadLeast, unknown), [this] {
    end({.code = "deadline", .message = "an event stream had no answer in time"});
  });
  stream_ = session_.network().stream(
      "v1/sse", attachment(more),
      {.open = [this](const HttpAnswer& head) { opened(head); },
       .data =
           [this](std::string_view bytes) {
             sign_of_life();
             if (!parser_.feed(bytes)) nonsense("a line of the event stream has no end");
           },
       .closed =
           [this](const HttpAnswer& answer) {
             stream_ = 0;
             if (answer.status == 200) {
               end({.code = "network", .message = "the event stream was cut"});
             } else if (answer.status == 204) {
               end({.code = "moved", .message = "the server has ended this carrier"});
             } else {
               end(failure_of(answer));
             }
           }});
}

void StreamCarrier::opened(const HttpAnswer& head) {
  streams_ = true;
  head_.stop();
  if (head.content_type.starts_with("text/event-stream")) {
    expect(session_.patience(kFirstLeast, kFirstUnknown));
  } else {
    nonsense("the answer is no event stream but '" + head.content_type + "'");
  }
}

void StreamCarrier::comment(std::string_view text) {
  constexpr std::string_view kHeartbeat = " heartbeat, next ";
  if (!text.starts_with(kHeartbeat) || !active()) return;
  const auto next = number_in(text.substr(kHeartbeat.size()));
  if (next && *next > session_.cursor() + 1) {
    end({.code = "gap",
         .message = "expected event " + std::to_string(session_.cursor() + 1) +
                    ", the server is at " + std::to_string(*next)});
    return;
  }
  acknowledge();
}

void StreamCarrier::dispatch(const EventStream::Item& item) {
  auto value = parse_object(item.data);
  if (!value) {
    nonsense("an event that is no JSON object");
    return;
  }
  const auto control = text_of(*value, "control");
  if (refuses_stranger(control)) return;
  if (item.name != "control") {
    if (const auto number = number_in(item.id)) {
      session_.event(*this, *number, std::move(*value));
    } else {
      nonsense("an event without a number");
    }
    return;
  }
  if (control == "probe") {
    // Any sign of life keeps our place. Not a mere acknowledgement, which may wait.
    tell(R"("carrier":")" + name + '"');
  } else if (control == "hello") {
    greeted(number_of(*value, "hello").value_or(0));
  } else {
    take_control(control, *value);
  }
}

void StreamCarrier::greeted(std::uint64_t hello) {
  if (hello <= hello_) return;
  hello_ = hello;
  waits_ = was_silent_ = false;
  held_.stop();
  if (hello == 1) {
    echo();
  } else if (asked_) {
    way_up_.stop();
    session_.measured(std::chrono::duration_cast<Duration>(session_.scheduler().now() - *asked_));
    prove();
  }
}

void StreamCarrier::echo() {
  echo_later_.stop();
  asks();
  tell(R"("carrier":")" + name + R"(","hello":)" + std::to_string(hello_), [this, hello = hello_] {
    if (hello_ == hello) expect_hello();
  });
}

std::string StreamCarrier::question() {
  if (hello_ == 0 || waits_ || silence() < kEchoPause) return {};
  echo_later_.stop();
  asks();
  questioned_ = hello_;
  return R"("carrier":")" + name + R"(","hello":)" + std::to_string(hello_);
}

void StreamCarrier::question_settled(bool answered) {
  if (hello_ > questioned_) return;
  if (!answered) {
    waits_ = false;
    return;
  }
  expect_hello();
}

void StreamCarrier::asks() {
  asked_ = session_.scheduler().now();
  waits_ = true;
  was_silent_ = silence() >= kEchoPause;
}

// What brings nothing though something was written a moment ago is held back; what was silent
// before may be dead, and is given more time.
void StreamCarrier::expect_hello() {
  expect(was_silent_ ? session_.patience(kSilentLeast, kSilentUnknown)
                     : session_.patience(kHeldLeast, kHeldUnknown));
}

void StreamCarrier::expect(Duration patience) {
  // Where much is on its way before the hello, a slow line holds nothing back.
  held_.set(
      patience, kHeldLatest, [this] { return silence(); },
      [this] {
        if (was_silent_) {
          end({.code = "silence",
               .message = "nothing was heard for " + std::to_string(silence().count()) +
                          " ms, though uploads are answered"});
        } else {
          end({.code = "held_back", .message = "the stream is held back on the way"});
        }
      });
}

// It took over with its attach. Where it has the only connection that is served nothing is
// acknowledged, and the server ends a session of which nothing was acknowledged within 15 s.
void StreamCarrier::on_active() {
  if (hello_ > 1) return;
  const auto patience = std::min(kNoWayUpMost, session_.patience(kNoWayUpLeast, kNoWayUpUnknown));
  // While the stream flows the answers may stand behind what it brings, on a slow line.
  way_up_.set(
      patience, kNoWayUpMost, [this] { return silence(); }, [this] { end(no_way_up()); });
}

void StreamCarrier::upload_got_through() {
  got_through_ = true;
  way_up_.stop();
}

bool StreamCarrier::stranded() const {
  return hello_ == 1 && !got_through_ && asked_ &&
         session_.scheduler().now() - *asked_ >= kStranded;
}

void StreamCarrier::activate(std::uint64_t turn) {
  turn_ = turn;
  tell(R"("carrier":")" + name + R"(","turn":)" + std::to_string(turn));
}

void StreamCarrier::acknowledge() {
  const auto due = asked_.value_or(Time{}) + kEchoPause;
  const auto left = std::chrono::duration_cast<Duration>(due - session_.scheduler().now());
  if (hello_ == 0 || waits_) {
    acknowledge_alone();
  } else if (left <= Duration(0)) {
    echo();
  } else {
    acknowledge_alone();
    // What came last may have held back something that comes after it.
    if (!echo_later_.is_set()) echo_later_.set(left, [this] { check(); });
  }
}

void StreamCarrier::acknowledge_alone() {
  if (acknowledging_) return;  // its answer looks again
  acknowledging_ = true;
  tell({}, [this] {
    acknowledging_ = false;
    session_.acknowledge_later();
  });
}

void StreamCarrier::check() {
  if (hello_ > 0 && !waits_) echo();
}

void StreamCarrier::tell(std::string fields, std::function<void()> answered, int failures) {
  if (done()) return;
  const auto deadline = std::min(
      kTellMost, session_.slack() * session_.patience(kTellLeast, kTellUnknown) * (1 << failures));
  auto again = [this, fields, answered](int failed) { tell(fields, answered, failed); };
  session_.confirm(
      *this, std::move(fields), deadline,
      [this, failures, answered = std::move(answered),
       again = std::move(again)](const std::optional<Failure>& failure) {
        if (!failure) {
          if (answered) answered();
        } else if (failure->code == "unsent") {
          again(failures);
        } else if (verdict(*failure) != Verdict::retry) {
          session_.broken(*failure);
        } else if (session_.is_dead(*this, *failure, failures + 1)) {
          auto reason = *failure;
          reason.of_uploads = true;
          end(reason);
        } else {
          const auto pause = std::max(failure->retry, backoff(session_.random(), failures));
          session_.rest(pause, [&session = session_, serial = serial, failures, again] {
            if (session.has(serial)) again(failures + 1);
          });
        }
      });
}

void StreamCarrier::on_stop() {
  head_.stop();
  held_.stop();
  echo_later_.stop();
  way_up_.stop();
  if (stream_ != 0) session_.network().drop(stream_);
  stream_ = 0;
}

}  // namespace sigway::client
