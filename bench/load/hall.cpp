#include "hall.h"

#include <algorithm>
#include <stdexcept>

#include "usage.h"

namespace sigway::load {
namespace {

// Long: a slow server on a busy machine is no failure.
constexpr auto kPatience = std::chrono::minutes(3);

}  // namespace

std::chrono::nanoseconds seconds_of(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(seconds));
}

Hall::Hall(const Options& options)
    : options_(options), loop_(options.port), payload_(options.bytes) {
  const auto size = static_cast<std::size_t>(options_.rooms) * options_.members;
  members_.reserve(size);
  for (std::uint32_t room = 0; room < options_.rooms; ++room) {
    for (std::uint32_t slot = 0; slot < options_.members; ++slot) {
      members_.push_back(make({room, slot, options_.members}));
    }
  }
  said_.resize(size);
  expected_.resize(size, 1);
  is_ready_.resize(size);
  loop_.every_second = [this] {
    for (std::size_t i = 0; i < opened_; ++i) members_[i]->tick();
  };
}

Hall::~Hall() { loop_.every_second = nullptr; }

std::shared_ptr<Member> Hall::make(const Place& place) {
  return make_member(options_.target, options_.transport, loop_, *this, place);
}

Member& Hall::replace(const Place& place) {
  auto& at = members_[index(place)];
  loop_.discard_later(std::exchange(at, make(place)));
  return *at;
}

void Hall::ready(Member& member) {
  const auto at = index(member.place());
  if (is_ready_[at]) return;
  is_ready_[at] = true;
  ++ready_;
  if (!is_opening_) open_more();
}

void Hall::open_more() {
  const auto at_once = std::max<std::size_t>(64, std::size_t{2} * options_.members);
  is_opening_ = true;
  while (opened_ < members_.size() && opened_ - ready_ < at_once) members_[opened_++]->open();
  is_opening_ = false;
}

void Hall::open_all() {
  open_more();
  loop_.run_until([this] { return ready_ == members_.size(); }, kPatience,
                  "not all members became ready");
  loop_.run_for(seconds_of(options_.settle));
}

void Hall::say(std::uint32_t room, std::uint32_t slot, Time due) {
  Stamp stamp;
  stamp.room = room;
  stamp.slot = slot;
  stamp.number = ++said_[index({room, slot})];
  stamp.time = static_cast<std::uint64_t>(due.time_since_epoch().count());
  said_in_all_ += options_.members - 1;
  member(room, slot).say(payload_.with(stamp));
}

void Hall::message(Member& member, const Stamp& stamp) {
  const auto& place = member.place();
  auto& expected = expected_[index(place)];
  if (stamp.room != place.room || stamp.slot == place.slot || stamp.number != expected) {
    throw std::runtime_error("member " + std::to_string(place.slot) + " of room " +
                             std::to_string(place.room) + " expected message " +
                             std::to_string(expected) + " and got message " +
                             std::to_string(stamp.number) + " of member " +
                             std::to_string(stamp.slot) + " of room " + std::to_string(stamp.room));
  }
  ++expected;
  ++delivered_in_all_;
  if (is_measuring_) {
    ++measured_;
    latencies_.add(Clock::now() - Time(Duration(stamp.time)));
  }
  arrived(member, stamp);
}

void Hall::drain() {
  loop_.run_until([this] { return delivered_in_all_ == said_in_all_; }, kPatience,
                  "messages are lost");
}

void Hall::start_measuring() {
  server_time_ = cpu_time(options_.processes);
  start_ = Clock::now();
  is_measuring_ = true;
}

void Hall::stop_measuring() {
  is_measuring_ = false;
  const auto nanoseconds = cpu_time(options_.processes) - server_time_;
  server_microseconds_ = static_cast<double>(nanoseconds) / 1000;
  seconds_ = std::chrono::duration<double>(Clock::now() - start_).count();
}

void Hall::measure(const std::uint64_t& count) {
  loop_.run_for(seconds_of(options_.warm_up));
  start_measuring();
  loop_.run_for(seconds_of(options_.seconds));
  loop_.run_until([&count] { return count > 0; }, kPatience, "nothing happens");
  stop_measuring();
}

Figures Hall::relay_figures() {
  const auto count = static_cast<double>(measured_);
  return {{"deliveries", count},
          {"per_second", count / seconds_},
          {"cpu_us", server_microseconds_ / count},
          {"p50_us", latencies_.percentile(50)},
          {"p99_us", latencies_.percentile(99)}};
}

}  // namespace sigway::load
