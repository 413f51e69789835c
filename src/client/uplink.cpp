#include "client/uplink.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "client/json.h"
#include "client/pieces.h"

namespace sigway::client {
namespace {

constexpr std::ptrdiff_t kInFlight = 2, kPiecesInFlight = 3;
// A refusal costs a round trip and nothing else; to feel one's way costs one for each step.
constexpr std::size_t kJoined = 65'536, kGrowth = 4;
// What a server holds behind one that is still under way; of bytes it holds 256 KiB.
constexpr std::size_t kHeldMost = 64, kHeldBytes = 196'608;
constexpr std::size_t kData = 65'536;  // that a server takes in a whole message
constexpr std::size_t kSwelling = 3;   // times that a text grows in ASCII, at the most
constexpr Duration kFilteredPause{2000};
constexpr Duration kAnswerLeast{1200}, kAnswerUnknown{5000}, kAnswerMost{20'000};
constexpr int kImpatience = 16;  // how many times as long it waits after failures, at the most
constexpr double kSlowest = 1, kUnknown = 16;  // bytes a ms that go up
constexpr double kLarger = 1.5;  // times the size of one that came later and has been answered,
constexpr int kOvertaken = 3;    // and times as long under way: it is lost
constexpr Duration kOvertakenLeast{150};
constexpr double kRate = 160;  // below the server's 200 a second and bursts of 400
constexpr double kLeastRate = 5, kUnlimited = 1e6;
constexpr auto kAnySize = std::numeric_limits<std::size_t>::max();
// Ids of flights, apart from those of carriers.
constexpr std::uint64_t kFlights = std::uint64_t{1} << 62U;

}  // namespace

Uplink::Uplink(Scheduler& scheduler, const Random& random, Cadence& cadence, UplinkHost& host,
               std::size_t key_size)
    : scheduler_(scheduler),
      random_(random),
      cadence_(cadence),
      host_(host),
      key_size_(key_size),
      flight_count_(kFlights),
      speed_(kUnknown),
      rate_(kRate),
      tokens_(2 * kRate),
      filled_(scheduler.now()),
      pause_(scheduler),
      soon_(scheduler),
      watch_(scheduler),
      overdue_(scheduler) {}

void Uplink::push(const Message& message) {
  Outgoing entry;
  entry.id = message.id;
  entry.text = '{' + message.fields + '}';
  entry.join();
  bytes_ += entry.text.size();
  queue_.push_back(std::move(entry));
  // What is said in one go travels together.
  if (!soon_.is_set()) soon_.set(Duration(0), [this] { pump(); });
}

// Given once, and then it never means anything else. Not before it goes out: a server cannot have
// taken what was never sent.
void Uplink::launch(Outgoing& entry) {
  entry.exposed = true;
  if (entry.n != 0) return;
  entry.n = next_++;
  if (entry.id != 0 &&
      (ids_.empty() || entry.id - ids_.back().second != entry.n - ids_.back().first))
    ids_.emplace_back(entry.n, entry.id);
}

void Uplink::limits(std::size_t body, std::size_t messages) {
  if (body >= BodyLimit::kLeast + overhead()) server_body_ = body;
  if (messages > 0) messages_most_ = messages;
}

std::uint64_t Uplink::id_of(std::uint64_t number) const {
  auto known = std::upper_bound(ids_.begin(), ids_.end(), number,
                                [](auto n, const auto& entry) { return n < entry.first; });
  if (known == ids_.begin()) return 0;
  --known;
  return known->second + (number - known->first);
}

void Uplink::taken(std::uint64_t up) {
  if (over_ || up <= up_ || up >= next_) return;
  if (!queue_.empty()) measure_frames(up);
  up_ = up;
  batch_most_ = std::min<std::size_t>(256, batch_most_ * 2);
  while (!queue_.empty() && queue_.front().n != 0 && queue_.front().n <= up) {
    const auto id = queue_.front().id;
    bytes_ -= queue_.front().text.size();
    queue_.pop_front();
    if (id != 0 && on_taken) on_taken(id);
  }
  if (over_) return;
  watch_anew();
  pump();
}

void Uplink::closed_at(std::uint64_t number) {
  if (closed_ || over_ || number <= up_) return;
  closed_ = true;
  taken(number - 1);
  for (auto& entry : queue_) entry.exposed = false;
  watch_.stop();
}

void Uplink::free(std::uint64_t via) {
  for (auto& entry : queue_) entry.release(via);
}

void Uplink::release(std::uint64_t way) {
  free(way);
  watch_anew();
  pump();
}

void Uplink::hurry() {
  if (over_ || !pause_.is_set()) return;
  pause_.stop();
  pump();
}

void Uplink::pump(bool is_urgent) {
  soon_.stop();
  while (!over_ && !closed_ && !pause_.is_set()) {
    const auto way = host_.way();
    if (!way || (!way->frames && !may_fly(std::exchange(is_urgent, false)))) return;
    const auto run = next_run(*way, kAnySize);
    if (run.size == 0) return;
    if (way->frames) {
      send_frames(run, *way);
    } else {
      send_upload(run);
    }
  }
}

bool Uplink::acknowledges(Time since) {
  pump(true);
  return std::any_of(flights_.begin(), flights_.end(),
                     [&](const auto& flight) { return flight.second.started >= since; });
}

bool Uplink::carry(const std::string& fields, std::function<void(bool)> done) {
  const auto way = host_.way();
  if (over_ || closed_ || pause_.is_set() || slack_ > 1 || !way || way->frames ||
      !host_.may_upload() || !host_.least_round_trip())
    return false;
  const auto quick = speed_ * static_cast<double>(host_.round_trip().count());
  const auto run = next_run(*way, static_cast<std::size_t>(quick));
  if (run.size == 0) return false;
  send_upload(run, fields, std::move(done));
  return true;
}

// One upload at a time, and a further one beside those that take long: fewer requests are fewer
// that can get lost. Several at once only where bodies must be small.
bool Uplink::may_fly(bool is_urgent) {
  if (std::none_of(queue_.begin(), queue_.end(),
                   [](const Outgoing& each) { return each.waits(); }) ||
      !host_.may_upload())
    return false;
  const auto confirming = host_.confirming();
  if (flights_.empty() && !confirming) return true;
  const bool small = cadence_.body().is_known();
  const auto awaited = std::count_if(flights_.begin(), flights_.end(),
                                     [](const auto& flight) { return !flight.second.overtaken; });
  if (awaited >= (small ? kPiecesInFlight : kInFlight)) return false;
  if (is_urgent || small) return true;
  auto last = confirming.value_or(Time{});
  if (!flights_.empty()) last = std::max(last, flights_.rbegin()->second.started);
  const auto due = last + host_.overdue();
  const auto left = std::chrono::duration_cast<Duration>(due - scheduler_.now());
  if (left <= Duration(0)) return true;
  overdue_.set(left, [this] { pump(); });
  return false;
}

Uplink::Run Uplink::next_run(const UplinkHost::Way& way, std::size_t most_bytes) {
  const auto free = std::find_if(queue_.begin(), queue_.end(),
                                 [](const Outgoing& entry) { return entry.waits(); });
  if (free == queue_.end()) return {};
  Run run{static_cast<std::size_t>(free - queue_.begin()), 0};
  auto most = std::min(batch_most_, messages_most_);
  most = std::min(most, allowance());
  if (way.frames) {
    const auto waiting = static_cast<std::size_t>(
        std::count_if(queue_.begin(), queue_.end(),
                      [&](const Outgoing& entry) { return entry.parts.front().via == way.id; }));
    most = waiting < batch_most_ ? std::min(most, batch_most_ - waiting) : 0;
  }
  if (run.begin > 0 && !flights_.empty())
    most = run.begin < kHeldMost ? std::min(most, kHeldMost - run.begin) : 0;
  if (most == 0) return {};
  auto held = std::numeric_limits<std::size_t>::max();
  if (run.begin > 0 && !flights_.empty()) {
    const auto add = [](std::size_t sum, const Outgoing& entry) { return sum + entry.text.size(); };
    const auto ahead = std::accumulate(queue_.begin(), free, std::size_t{0}, add);
    if (ahead + free->text.size() > kHeldBytes) return {};
    held = kHeldBytes - ahead;
  }

  const auto limit = this->limit(way.frames);
  // Join others not much beyond what has passed before; a first one goes whatever its size.
  const auto joint =
      way.frames ? limit : std::min(limit, std::max(kJoined, kGrowth * cadence_.body().proven()));
  std::size_t bytes = 0;
  for (auto at = run.begin; at < queue_.size() && run.size < most && queue_[at].waits(); ++at) {
    auto& entry = queue_[at];
    if (way.frames && !entry.whole()) entry.join();
    if (!way.frames && (!entry.whole() || entry.text.size() + 24 > limit)) {
      if (run.size > 0) break;
      entry.cut(limit);
      const auto part = std::find_if(entry.parts.begin(), entry.parts.end(),
                                     [](const auto& each) { return each.waits(); });
      if (part->end - part->begin + 24 > most_bytes) break;
      run.part = static_cast<std::size_t>(part - entry.parts.begin());
      run.size = 1;
      break;
    }
    const auto grown = bytes + entry.text.size() + 24;
    if (grown > most_bytes || (run.size > 0 && (grown > joint || grown > held))) break;
    bytes = grown;
    ++run.size;
  }
  tokens_ -= static_cast<double>(run.size);
  return run;
}

// In ASCII a whole message might become larger than the server takes; pieces it puts together as
// they were.
std::size_t Uplink::limit(bool frames) const {
  if (frames) return server_body_ - overhead();
  const auto most = std::min(server_body_, cadence_.body().most());
  if (!host_.ascii()) return most - overhead();
  return (std::min(most, kData) - overhead()) / kSwelling;
}

std::size_t Uplink::allowance() {
  const std::chrono::duration<double> passed = scheduler_.now() - filled_;
  filled_ = scheduler_.now();
  tokens_ = std::min(2 * rate_, tokens_ + passed.count() * rate_);
  if (tokens_ >= 1) return static_cast<std::size_t>(tokens_);
  pause_.set(Duration(50 + static_cast<Duration::rep>(1000 / rate_)), [this] { pump(); });
  return 0;
}

void Uplink::limit_rate(unsigned rate) {
  rate_ = rate == 0 ? kUnlimited : rate;
  tokens_ = 2 * rate_;
}

void Uplink::too_fast() {
  slow_down();
  rate_ = rate_ > kRate ? kRate : std::max(kLeastRate, rate_ / 2);
  tokens_ = 0;
}

void Uplink::send_frames(const Run& run, const UplinkHost::Way& way) {
  std::string text;
  for (auto at = run.begin; at < run.begin + run.size; ++at) {
    auto& entry = queue_[at];
    launch(entry);
    if (!text.empty()) text += ',';
    text += entry.wire(entry.parts.front());
    entry.parts.front().via = way.id;
    entry.since = scheduler_.now();
  }
  const auto ack = host_.cursor();
  host_.send_frame(R"({"ack":)" + std::to_string(ack) + R"(,"messages":[)" + text + "]}");
  host_.acknowledged(ack);
  watch();
}

void Uplink::send_upload(const Run& run, const std::string& fields,
                         std::function<void(bool)> carried) {
  const auto id = ++flight_count_;
  std::string text;
  for (auto at = run.begin; at < run.begin + run.size; ++at) {
    auto& entry = queue_[at];
    auto& part = entry.parts[run.part.value_or(0)];
    part.via = id;
    launch(entry);
    if (!text.empty()) text += ',';
    text += entry.wire(part);
  }
  Flight flight;
  flight.first = queue_[run.begin].n;
  flight.last = queue_[run.begin + run.size - 1].n;
  flight.ack = host_.cursor();
  flight.started = scheduler_.now();
  auto members = R"("ack":)" + std::to_string(flight.ack);
  flight.carried = std::move(carried);
  if (!fields.empty()) {
    members += ',' + fields;
  } else if (auto question = host_.question(); !question.empty()) {
    flight.asks = true;
    members += ',' + std::move(question);
  }
  members += R"(,"messages":[)" + text + ']';
  flight.size = (host_.ascii() ? in_ascii(members).size() : members.size()) + key_size_ + 10;
  flight.upload = host_.upload(std::move(members), patience(flight.size),
                               [this, id](const HttpAnswer& answer) { landed(id, answer); });
  flights_.emplace(id, std::move(flight));
}

// Short enough to notice a loss soon, long enough for a slow way up, and longer each time.
Duration Uplink::patience(std::size_t size) const {
  const auto passing = Duration(static_cast<Duration::rep>(double(size) / speed_));
  return std::min(kAnswerMost,
                  host_.slack() * host_.patience(kAnswerLeast, kAnswerUnknown) + slack_ * passing);
}

void Uplink::landed(std::uint64_t id, const HttpAnswer& answer) {
  const auto flight = flights_.extract(id).mapped();
  host_.landed();
  auto failure = failure_of(answer);
  std::optional<std::uint64_t> up;
  if (answer.status == 200) {
    const auto body = parse_object(answer.body);
    if (body) up = number_of(*body, "up");
    failure = {.code = "not_sigway",
               .message = "an upload was answered with something that is not the server's"};
  }
  if (flight.asks) host_.question_settled(up.has_value());
  if (up)
    succeeded(id, flight, *up);
  else
    failed(id, flight, failure);
  if (flight.carried && !over_) flight.carried(up.has_value());
}

void Uplink::succeeded(std::uint64_t id, const Flight& flight, std::uint64_t up) {
  failures_ = 0;
  slack_ = 1;
  host_.learned(cadence_.body_passed(flight.size));
  for (auto& entry : queue_) entry.landed(id);
  host_.acknowledged(flight.ack);
  const auto took = std::chrono::duration_cast<Duration>(scheduler_.now() - flight.started);
  const auto its = double(flight.size) / double(std::max<Duration::rep>(1, took.count()));
  speed_ = std::max({kSlowest, its, speed_ / 2});
  taken(up);
  if (over_) return;
  overtake(flight, took);
  // All has been answered and not all was taken: say it again. The server drops what it has.
  const auto way = host_.way();
  if (flights_.empty() && way && !way->frames && !queue_.empty() && !queue_.front().waits()) {
    for (auto& entry : queue_) entry.join();
    pause_.set(backoff(random_, 0), [this] { pump(); });
  }
  pump();
}

// What was sent later and is no smaller has been answered: an earlier upload that is still under
// way was probably lost without a word. Its messages need not wait until that is certain.
void Uplink::overtake(const Flight& landed, Duration took) {
  for (auto& [id, flight] : flights_) {
    const auto age = scheduler_.now() - flight.started;
    if (flight.started < landed.started && flight.size <= kLarger * double(landed.size) &&
        age >= kOvertaken * took + kOvertakenLeast) {
      flight.overtaken = true;
      free(id);
    }
  }
}

void Uplink::failed(std::uint64_t id, const Flight& flight, const Failure& failure) {
  free(id);
  if (failure.code == "draining" && failure.expected != 0) {
    closed_at(failure.expected);  // events may still come
    return;
  }
  if (failure.code == "unsent") return;
  if (failure.status == 413) {
    too_large(flight, failure);
    return;
  }
  if (verdict(failure) != Verdict::retry) {
    host_.broken(failure);
    return;
  }
  if (failure.code == "deadline") {
    host_.swallowed();
    host_.check_way();  // is it the upload alone, or has the whole network gone?
  }
  if (flight.overtaken) {
    pump();
    return;
  }
  if (failure.code == "number_gap") {  // of what is still under way: that comes first
    if (flights_.empty()) {            // or of what we thought the server had
      for (auto& entry : queue_) entry.join();
    }
    pause_.set(backoff(random_, 0), [this] { pump(); });
    return;
  }
  // Flights that were lost together are one failure, or the next would wait for far too long.
  const bool counts = flight.started >= failed_at_;
  if (counts) {
    ++failures_;
    failed_at_ = scheduler_.now();
    slow_down();
    if (failure.code == "deadline") slack_ = std::min(kImpatience, 2 * slack_);
  }
  const auto most = is_filtered(failure) ? kFilteredPause : Duration::max();
  const auto pause = failures_ <= 1
                         ? soon(random_)
                         : backoff(random_, std::min(failures_ - 2, 4), Duration(500), most);
  pause_.set(std::max(failure.retry, pause), [this] { pump(); });
  if (counts && host_.is_way_dead(failure, failures_)) {
    failures_ = 0;
    host_.way_is_dead(failure);
  }
}

void Uplink::too_large(const Flight& flight, const Failure& failure) {
  host_.learned(cadence_.body_refused(flight.size, failure.limit));
  if (flight.size <= BodyLimit::kLeast) {
    pause_.set(backoff(random_, failures_++), [this] { pump(); });
    host_.way_is_dead(failure);
    return;
  }
  pump();
}

// An answer that took a round trip says nothing of how slow the line is, but how fast it is at the
// least.
void Uplink::measure_frames(std::uint64_t up) {
  const auto way = host_.way();
  if (!way || !way->frames) return;
  std::size_t bytes = 0;
  for (const auto& entry : queue_) {
    if (entry.n > up) break;
    if (entry.parts.front().via == way->id) bytes += entry.text.size();
  }
  if (bytes == 0) return;
  const auto took = std::chrono::duration_cast<Duration>(scheduler_.now() -
                                                         std::max(queue_.front().since, taken_at_));
  const auto its = double(bytes) / double(std::max<Duration::rep>(1, took.count()));
  if (its > speed_)
    speed_ = its;
  else if (took > 2 * host_.round_trip())
    speed_ = std::max({kSlowest, its, speed_ / 2});
  taken_at_ = scheduler_.now();
}

// A WebSocket that has taken a frame has delivered nothing: if the oldest is not acknowledged in
// time, is it still alive? What is said meanwhile does not begin that time anew.
void Uplink::watch() {
  if (closed_ || watch_.is_set()) return;
  const auto way = host_.way();
  if (!way || !way->frames) return;
  std::size_t size = 0;
  for (const auto& entry : queue_)
    size += entry.parts.front().via == way->id ? entry.text.size() : 0;
  if (size > 0) watch_.set(patience(size), [this] { host_.check_way(); });
}

// What stood behind others on a slow line has its time from now on.
void Uplink::watch_anew() {
  watch_.stop();
  watch();
}

std::vector<Message> Uplink::abandon(std::vector<std::uint64_t>& lost) {
  over_ = true;
  for (const auto& [id, flight] : flights_) host_.give_up(flight.upload);
  flights_.clear();
  for (auto* timer : {&pause_, &soon_, &watch_, &overdue_}) timer->stop();
  std::vector<Message> unsent;
  for (const auto& entry : queue_) {
    if (entry.exposed) {
      lost.push_back(entry.id);
    } else {
      unsent.push_back({entry.id, entry.text.substr(1, entry.text.size() - 2)});
    }
  }
  queue_.clear();
  bytes_ = 0;
  return unsent;
}

}  // namespace sigway::client
