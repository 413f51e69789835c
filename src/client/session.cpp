#include "client/session.h"

#include <algorithm>
#include <utility>

#include "client/pieces.h"
#include "client/poll_carrier.h"
#include "client/stream_carrier.h"
#include "client/websocket_carrier.h"

namespace sigway::client {
namespace {

constexpr Duration kAckDelay{200};
constexpr std::uint64_t kAckEvents = 16;  // acknowledge at once beyond so many
constexpr Duration kRetirement{2000};     // what a carrier before still brings is welcome
constexpr Duration kOverdue{150};
// That an acknowledgement waits for a body to travel in.
constexpr Duration kQuietWait{1000};
constexpr Duration kFarewell{500};
constexpr int kUploadFailures = 4;       // in a row: the way down may live while the way up is dead
constexpr Duration kBehindMost{20'000};  // an upload's answer may stand behind another one
constexpr std::uint64_t kMuch = 256;     // bytes: less in the time of an upload is a drip
// For which uploads may be refused on the way until another way is looked for.
constexpr Duration kFilteredMost{30'000};

std::unique_ptr<Carrier> make_carrier(Session& session, Transport transport, std::string name) {
  switch (transport) {
    case Transport::websocket: return std::make_unique<WebSocketCarrier>(session, std::move(name));
    case Transport::sse: return std::make_unique<StreamCarrier>(session, std::move(name));
    case Transport::automatic:
    case Transport::poll: break;
  }
  return std::make_unique<PollCarrier>(session, std::move(name));
}

// What the server says to an upload; nothing where something on the way answered, or nobody did.
std::optional<std::uint64_t> up_of(const HttpAnswer& answer) {
  const auto body = answer.status == 200 ? parse_object(answer.body) : std::nullopt;
  return body ? number_of(*body, "up") : std::nullopt;
}

}  // namespace

Session::Session(Scheduler& scheduler, Network& network, const Random& random,
                 NetworkProfile& profile, SessionListener& listener, std::string key,
                 std::string open)
    : scheduler_(scheduler),
      network_(network),
      random_(random),
      profile_(profile),
      listener_(listener),
      key_(std::move(key)),
      open_(std::move(open)),
      lines_(scheduler, profile.cadence(), *this),
      uplink_(scheduler, random, profile.cadence(), *this, key_.size()),
      ack_(scheduler),
      bury_(scheduler) {
  uplink_.on_taken = [this](std::uint64_t id) { listener_.on_taken(id); };
}

Session::~Session() {
  std::vector<std::uint64_t> lost;
  stop(lost);
}

std::vector<Message> Session::stop(std::vector<std::uint64_t>& lost) {
  over_ = true;
  active_ = chosen_ = nullptr;
  ack_.stop();
  later_.clear();
  rests_.clear();
  for (const auto& carrier : carriers_) carrier->stop();
  for (const auto& [id, upload] : uploads_) network_.drop(id);
  uploads_.clear();
  lines_.stop();
  waiting_.clear();
  landing_.clear();
  return uplink_.abandon(lost);
}

Carrier& Session::start(Transport transport, std::string name, bool take_over) {
  carriers_.push_back(make_carrier(*this, transport, std::move(name)));
  auto& carrier = *carriers_.back();
  carrier.start(take_over ? next_turn() : 0);
  return carrier;
}

// The server takes uploads by any carrier that is attached: messages need not wait for the answer.
void Session::activate(Carrier& carrier, std::uint64_t seen_turn) {
  chosen_ = &carrier;
  carrier.activate(next_turn(seen_turn));
  uplink_.pump();
}

void Session::discard(Carrier& carrier) {
  carrier.stop();
  if (chosen_ == &carrier) chosen_ = nullptr;
  uplink_.release(carrier.serial);
  bury_later();
}

std::size_t Session::carrier_count() const {
  return static_cast<std::size_t>(std::count_if(
      carriers_.begin(), carriers_.end(), [](const auto& carrier) { return !carrier->done(); }));
}

void Session::later(Duration delay, Scheduler::Task task) {
  const auto id = ++later_count_;
  auto timer = std::make_unique<Timer>(scheduler_);
  timer->set(delay, [this, id, task = std::move(task)] {
    later_.erase(id);
    task();
  });
  later_.emplace(id, std::move(timer));
}

void Session::rest(Duration delay, Scheduler::Task task) {
  const auto id = ++later_count_;
  auto timer = std::make_unique<Timer>(scheduler_);
  timer->set(delay, [this, id] {
    const auto node = rests_.extract(id);
    node.mapped().task();
  });
  rests_.emplace(id, Rest{std::move(timer), std::move(task)});
}

void Session::hurry() {
  for (auto& [id, rest] : std::exchange(rests_, {})) later(Duration(0), std::move(rest.task));
  for (const auto& carrier : carriers_) carrier->hurry();
  uplink_.hurry();
}

bool Session::has(std::uint64_t serial) const {
  return std::any_of(carriers_.begin(), carriers_.end(), [&](const auto& carrier) {
    return carrier->serial == serial && !carrier->done();
  });
}

bool Session::is_anothers(std::uint64_t turn, const Carrier& carrier) const {
  return turn != 0 && std::any_of(carriers_.begin(), carriers_.end(), [&](const auto& other) {
           return other.get() != &carrier && other->turn() == turn && !other->done();
         });
}

std::string Session::identity() const {
  if (server_.empty()) return R"("open":)" + open_;
  return R"("resume":{"server":)" + json_string(server_) + '}';
}

bool Session::welcome(const Json& welcome) {
  auto server = text_of(welcome, "server");
  if (!server_.empty() && server_ != server) return false;
  server_ = std::move(server);
  peer_ = text_of(welcome, "peer");
  resume_ = bounded_duration(number_of(welcome, "resume").value_or(0));
  const auto ice = welcome.find("ice");
  if (ice != welcome.end() && ice->is_array()) ice_ = dump(*ice);
  features_ = std::make_shared<const std::vector<std::string>>(texts_of(welcome, "features"));
  const auto limits = welcome.find("limits");
  if (limits != welcome.end() && limits->is_object())
    uplink_.limits(number_of(*limits, "body").value_or(0),
                   number_of(*limits, "messages").value_or(0));
  cadence().server_says(bounded_duration(number_of(welcome, "hold").value_or(25'000)),
                        bounded_duration(number_of(welcome, "heartbeat").value_or(25'000)));
  turn_ = std::max(turn_, number_of(welcome, "turn").value_or(0));
  listener_.on_welcome();
  uplink_.taken(number_of(welcome, "up").value_or(0));
  acknowledge_soon();
  return true;
}

Failure Session::other_server(const Carrier& carrier) const {
  const bool is_ours_alive =
      std::any_of(carriers_.begin(), carriers_.end(), [&](const auto& other) {
        return other.get() != &carrier && other->welcomed() && !other->done();
      });
  if (is_ours_alive) {
    return {.code = "not_sigway",
            .message = "a welcome by another server in the middle of the session"};
  }
  return {.code = "restarted",
          .message = "another server than the session's answers, and the session's does not"};
}

void Session::event(Carrier& carrier, std::uint64_t number, Json event) {
  if (over_ || number <= cursor_) return;
  if (text_of(event, "type").empty()) {
    carrier.end({.code = "not_sigway", .message = "an event without a type"});
    return;
  }
  if (number != cursor_ + 1) {
    carrier.end(
        {.code = "gap",
         .message = "event " + std::to_string(number) + " came after " + std::to_string(cursor_)});
    return;
  }
  cursor_ = number;
  acknowledge_soon();
  if (const auto re = number_of(event, "re")) {
    if (const auto id = uplink_.id_of(*re)) {
      event["re"] = id;
    } else {
      event.erase("re");  // of something that we said by ourselves
    }
  }
  listener_.on_event(event, number, carrier.transport);
}

void Session::activated(Carrier& carrier) {
  auto* const before = std::exchange(active_, &carrier);
  auto* const chosen = std::exchange(chosen_, nullptr);
  // Told to take over as well, and slower: what it took up may be lost.
  if (chosen != nullptr && chosen != &carrier) uplink_.release(chosen->serial);
  if (before != nullptr && before != &carrier) {
    before->planned_end = true;
    uplink_.release(before->serial);
    later(kRetirement, [this, serial = before->serial] {
      for (const auto& other : carriers_) {
        if (other->serial == serial) other->stop();
      }
      bury_later();
    });
  }
  acknowledge_soon();
  listener_.on_activated(carrier);
  uplink_.pump();
}

void Session::ended(Carrier& carrier, const Failure& failure) {
  bury_later();
  const bool was_active = active_ == &carrier;
  if (was_active) active_ = nullptr;
  if (chosen_ == &carrier) chosen_ = nullptr;
  if (failure.code == "rate_limited") uplink_.too_fast();
  if (failure.code == "draining") uplink_.closed_at(failure.expected);
  uplink_.release(carrier.serial);
  listener_.on_ended(carrier, was_active, failure);
}

// A carrier ends in the middle of its own functions: it goes when they have returned.
void Session::bury_later() {
  bury_.set(Duration(0), [this] {
    std::erase_if(carriers_, [](const auto& carrier) { return carrier->done(); });
  });
}

std::uint64_t Session::acknowledging() {
  acknowledged(cursor_);
  return cursor_;
}

void Session::acknowledged(std::uint64_t ack) {
  filtered_since_.reset();
  acked_ = std::max(acked_.value_or(0), ack);
}

void Session::acknowledge_soon() {
  const bool many = cursor_ >= acked_.value_or(0) + kAckEvents;
  if (!ack_.is_set() || many) acknowledge_in(many ? Duration(0) : kAckDelay);
}

void Session::acknowledge_later() { acknowledge_in(kAckDelay); }

void Session::acknowledge_in(Duration delay) {
  ack_.set(delay, [this] {
    if (over_ || active_ == nullptr || (acked_ && cursor_ <= *acked_)) return;
    active_->acknowledge();
  });
}

std::optional<UplinkHost::Way> Session::way() const {
  const auto* const carrier = carries_up();
  if (carrier == nullptr || over_) return std::nullopt;
  return Way{carrier->serial, carrier->transport == Transport::websocket};
}

void Session::send_frame(std::string request) {
  if (auto* const carrier = carries_up()) carrier->send_frame(std::move(request));
}

Network::Id Session::upload(std::string members, Duration deadline,
                            std::function<void(const HttpAnswer&)> done) {
  if (!lines_.is_free()) {
    waiting_.emplace_back(
        [this, members = std::move(members), deadline, done = std::move(done)]() mutable {
          upload(std::move(members), deadline, std::move(done));
        });
    return 0;
  }
  auto body = R"({"key":)" + json_string(key_);
  if (!members.empty()) body += ',' + members;
  const auto id = std::make_shared<Network::Id>(0);
  *id = network_.post("v1/send", body + '}',
                      [this, id, at = scheduler_.now()](const HttpAnswer& answer) {
                        const bool is_servers = up_of(answer).has_value();
                        if (is_servers)
                          measured(std::chrono::duration_cast<Duration>(scheduler_.now() - at));
                        const auto tell = take_upload(*id, answer.status != 0);
                        if (is_servers && active_ != nullptr) active_->upload_answered();
                        tell(answer);
                      });
  uploads_.insert_or_assign(*id, Upload{std::move(done), std::make_unique<Timer>(scheduler_)});
  expect_answer(*id, deadline, scheduler_.now() + kBehindMost);
  lines_.began(*id);
  return *id;
}

// Where one line carries both, it stands behind a longer answer that is coming. What drips is no
// sign of that.
void Session::expect_answer(Network::Id upload, Duration deadline, Time most) {
  const auto before = lines_.heard();
  uploads_.at(upload).deadline->set(deadline, [this, upload, deadline, most, before] {
    const auto left = std::chrono::duration_cast<Duration>(most - scheduler_.now());
    if (left > Duration(0) && is_hearing() && lines_.heard() - before >= kMuch) {
      expect_answer(upload, std::min(deadline, left), most);
      return;
    }
    network_.drop(upload);
    HttpAnswer none;
    none.late = true;
    const auto waited =
        std::chrono::duration_cast<Duration>(kBehindMost - (most - scheduler_.now()));
    none.problem = "no answer within " + std::to_string(waited.count()) + " ms";
    take_upload(upload, false)(none);
  });
}

bool Session::is_hearing() const {
  return std::any_of(carriers_.begin(), carriers_.end(),
                     [](const auto& carrier) { return carrier->is_hearing(); });
}

void Session::confirm(const Carrier& carrier, std::string fields, Duration deadline,
                      std::function<void(const std::optional<Failure>&)> done) {
  const auto confirmation = std::make_shared<const Confirmation>(
      Confirmation{++confirmations_, carrier.serial, std::move(fields), deadline, scheduler_.now(),
                   std::move(done)});
  const bool is_quiet = confirmation->fields.empty();
  if (!is_quiet) confirming_.emplace(confirmation->id, confirmation->began);
  // Never at once: the caller may be about to pause uploads.
  const auto patience = is_quiet ? kQuietWait : overdue();
  landing_.emplace(confirmation->id, confirmation);
  later(uplink_.flying() ? patience : Duration(0), [this, id = confirmation->id] {
    if (auto node = landing_.extract(id)) send(node.mapped());
  });
}

void Session::send(const ConfirmationPtr& confirmation) {
  if (!has(confirmation->carrier)) {
    settle(*confirmation, std::nullopt);
    return;
  }
  if (confirmation->fields.empty()) {
    if (uplink_.acknowledges(confirmation->began))
      settle(*confirmation, std::nullopt);
    else
      send_alone(confirmation);
    return;
  }
  const auto carried = [this, confirmation](bool is_answered) {
    if (is_answered)
      settle(*confirmation, std::nullopt);
    else
      send_alone(confirmation);
  };
  if (!uplink_.carry(confirmation->fields, carried)) send_alone(confirmation);
}

void Session::send_alone(const ConfirmationPtr& confirmation) {
  if (!has(confirmation->carrier)) {
    settle(*confirmation, std::nullopt);
    return;
  }
  const auto ack = cursor_;
  confirming_.emplace(confirmation->id, confirmation->began);
  auto members = R"("ack":)" + std::to_string(ack);
  if (!confirmation->fields.empty()) members += ',' + confirmation->fields;
  upload(std::move(members), confirmation->deadline,
         [this, confirmation, ack](const HttpAnswer& answer) {
           const auto up = up_of(answer);
           if (!up) {
             auto failure = failure_of(answer);
             if (answer.status == 200)
               failure = {.code = "not_sigway",
                          .message = "an upload was answered by something else"};
             settle(*confirmation, failure);
             return;
           }
           acknowledged(ack);
           uplink_.taken(*up);
           settle(*confirmation, std::nullopt);
         });
}

// Messages may have waited for it.
void Session::settle(const Confirmation& confirmation, const std::optional<Failure>& failure) {
  confirming_.erase(confirmation.id);
  if (has(confirmation.carrier)) confirmation.done(failure);
  if (!over_) uplink_.pump();
}

std::optional<Time> Session::confirming() const {
  std::optional<Time> last;
  for (const auto& [id, began] : confirming_) last = std::max(last.value_or(began), began);
  return last;
}

// When whoever is told of the upload's end has returned.
void Session::landed() {
  for (auto& [id, confirmation] : std::exchange(landing_, {}))
    later(Duration(0), [this, confirmation = confirmation] { send(confirmation); });
}

std::function<void(const HttpAnswer&)> Session::take_upload(Network::Id upload, bool answered) {
  auto node = uploads_.extract(upload);
  lines_.ended(upload, answered);
  if (answered) {
    for (const auto& carrier : carriers_) carrier->upload_got_through();
  }
  return std::move(node.mapped().done);
}

void Session::give_up(Network::Id upload) {
  network_.drop(upload);
  uploads_.erase(upload);
  lines_.ended(upload, false);
}

void Session::call_off(Network::Id upload) {
  network_.drop(upload);
  HttpAnswer none;
  none.unsent = true;
  none.problem = "it waited for a connection";
  take_upload(upload, false)(none);
}

// It may have been lost; or transports that are only being tried need the connection, or the line.
void Session::swallowed() {
  learned(cadence().swallowed());
  if (active_ != nullptr) listener_.on_crowded();
}

void Session::may_upload_again() {
  if (over_) return;
  while (!waiting_.empty() && lines_.is_free()) {
    const auto begin = std::move(waiting_.front());
    waiting_.pop_front();
    begin();
  }
  uplink_.pump();
}

bool Session::has_stream() const {
  return std::any_of(carriers_.begin(), carriers_.end(),
                     [](const auto& carrier) { return carrier->streams() && !carrier->done(); });
}

// Beside a poll that is held an upload that takes much longer than a round trip may be waiting for
// a connection, and so would the next one.
Duration Session::overdue() const {
  const auto* const carrier = carries_up();
  if (carrier != nullptr && carrier->transport == Transport::poll && round_trip() < kOverdue)
    return lines_.patience();
  return kOverdue;
}

void Session::broken(const Failure& failure) {
  if (over_) return;
  const auto* const carrier = carries_up();
  if (carrier == nullptr || failure.code != "gone") {
    listener_.on_broken(failure);
    return;
  }
  // The carrier may be about to say why.
  later(kFarewell, [this, serial = carrier->serial, failure] {
    if (has(serial)) listener_.on_broken(failure);
  });
}

void Session::way_is_dead(Failure failure) {
  failure.of_uploads = true;
  if (auto* const carrier = carries_up()) carrier->end(failure);
}

void Session::check_way() {
  if (auto* const carrier = carries_up()) carrier->check();
}

bool Session::is_way_dead(const Failure& failure, int failures) {
  const auto* const carrier = carries_up();
  return carrier != nullptr && is_dead(*carrier, failure, failures);
}

bool Session::is_dead(const Carrier& carrier, const Failure& failure, int failures) {
  if (!is_filtered(failure) || active_ != &carrier) return failures >= kUploadFailures;
  if (!filtered_since_) filtered_since_ = scheduler_.now();
  return scheduler_.now() - *filtered_since_ >= kFilteredMost;
}

std::string Session::question() {
  if (active_ == nullptr) return {};
  questioned_ = active_->serial;
  return active_->question();
}

void Session::question_settled(bool answered) {
  if (active_ != nullptr && active_->serial == questioned_) active_->question_settled(answered);
}

}  // namespace sigway::client
