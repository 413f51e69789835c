#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/carrier.h"
#include "client/lines.h"
#include "client/network_profile.h"
#include "client/uplink.h"

namespace sigway::client {

/// What a session tells the Connection.
class SessionListener {
 public:
  virtual void on_event(const Json& event, std::uint64_t number, Transport transport) = 0;
  virtual void on_welcome() = 0;
  virtual void on_attached(Carrier& carrier) = 0;
  virtual void on_proved(Carrier& carrier) = 0;
  virtual void on_activated(Carrier& carrier) = 0;
  virtual void on_ended(Carrier& carrier, bool was_active, const Failure& failure) = 0;
  /// The server has disowned the session, or will not have it.
  virtual void on_broken(const Failure& failure) = 0;
  /// The active carrier needs the connections, or the line, of those that are only being tried.
  virtual void on_crowded() = 0;
  virtual void on_taken(std::uint64_t id) = 0;
  virtual void on_journal(std::string_view line) = 0;

 protected:
  ~SessionListener() = default;
};

/// All that belongs to one key: cursor, turns, acknowledgements, uplink, carriers. When the server
/// has forgotten the key the Connection drops the whole object, so that nothing old can leak into
/// the next one. Thread: the client's.
class Session final : public UplinkHost, public LinesHost {
 public:
  /// `open` is the JSON object of the opening request.
  Session(Scheduler& scheduler, Network& network, const Random& random, NetworkProfile& profile,
          SessionListener& listener, std::string key, std::string open);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // -- for the Connection
  Carrier& start(Transport transport, std::string name, bool take_over);
  /// Tells it to take over, by a turn higher than `seen_turn`. Messages go up by it from now on, if
  /// none is active.
  void activate(Carrier& carrier, std::uint64_t seen_turn = 0);
  void discard(Carrier& carrier);
  /// The network may be another one: what somebody on the last one asked for, an hour perhaps, does
  /// not bind. Ends pauses.
  void hurry();
  Carrier* active() const noexcept { return active_; }
  /// Ends everything; see Uplink::abandon().
  std::vector<Message> stop(std::vector<std::uint64_t>& lost);
  const std::string& peer() const noexcept { return peer_; }
  const std::string& ice_servers() const noexcept { return ice_; }
  /// Names of features: empty with a server of the first `sigway.v1`, none before its welcome.
  const std::shared_ptr<const std::vector<std::string>>& features() const noexcept {
    return features_;
  }
  /// For how long the server keeps our place without a connection; 0 before its welcome.
  Duration resume() const noexcept { return resume_; }
  bool welcomed() const noexcept { return !server_.empty(); }
  Duration round_trip() const override { return profile_.trips().usual(); }
  std::size_t carrier_count() const;

  // -- for its carriers
  Scheduler& scheduler() noexcept { return scheduler_; }
  Network& network() noexcept { return network_; }
  const Random& random() const noexcept { return random_; }
  NetworkProfile& profile() noexcept { return profile_; }
  Cadence& cadence() noexcept { return profile_.cadence(); }
  Uplink& uplink() noexcept { return uplink_; }
  int slack() const override { return profile_.slack(); }
  Lines& lines() noexcept { return lines_; }
  const std::string& key() const noexcept { return key_; }
  std::string identity() const;  ///< the member `open` or `resume`
  std::uint64_t next_turn(std::uint64_t seen = 0) { return turn_ = std::max(turn_, seen) + 1; }
  /// What it means that another server than the session's has welcomed that carrier. While one of
  /// our own server's lives, something has sent it elsewhere. Else ours is gone, and the other one
  /// knows the key by an opening that ours was quicker to answer.
  Failure other_server(const Carrier& carrier) const;
  /// False if it is another server's.
  bool welcome(const Json& welcome);
  /// Takes it if it is the next one. Repeats are dropped, a gap ends the carrier.
  void event(Carrier& carrier, std::uint64_t number, Json event);
  void attached(Carrier& carrier) { listener_.on_attached(carrier); }
  void proved(Carrier& carrier) { listener_.on_proved(carrier); }
  void activated(Carrier& carrier);
  void ended(Carrier& carrier, const Failure& failure);
  /// Does it then, unless the session is over.
  void later(Duration delay, Scheduler::Task task);
  /// A pause before somebody tries again: as later(), but no longer than until hurry().
  void rest(Duration delay, Scheduler::Task task);
  bool has(std::uint64_t serial) const;  ///< a carrier that has not ended
  /// Whether so many failed uploads in a row, this one the last, mean that the carrier is dead.
  /// Where something on the way refuses them the active one has a while, as the way down may live.
  bool is_dead(const Carrier& carrier, const Failure& failure, int failures);
  /// Another carrier than this one, which has not ended, has asked for that turn.
  bool is_anothers(std::uint64_t turn, const Carrier& carrier) const;
  /// What a round trip hardly ever takes longer than: `least` at the least, and `unknown` before
  /// one was measured (RFC 6298 §2).
  Duration patience(Duration least, Duration unknown) const override {
    return profile_.trips().patience(least, unknown);
  }
  void learned(const std::string& lesson) override { profile_.learnt(lesson); }
  /// Asks the active carrier again whether events are to be acknowledged.
  void acknowledge_later();
  /// For a request that cannot get lost without its carrier.
  std::uint64_t acknowledging();

  // -- for the uplink, and for carriers
  std::optional<Way> way() const override;
  void send_frame(std::string request) override;
  /// 0 where it has to wait for its turn.
  Network::Id upload(std::string members, Duration deadline,
                     std::function<void(const HttpAnswer&)> done) override;
  /// An upload without messages, for a carrier: `fields`, JSON members, or nothing but an
  /// acknowledgement. It goes when an upload with messages that is under way has been answered, or
  /// takes long, and with messages that wait if these are quick to send: one connection for all
  /// that goes up. `done` gets nothing where it was answered, else why not; it is not called once
  /// the carrier has ended.
  void confirm(const Carrier& carrier, std::string fields, Duration deadline,
               std::function<void(const std::optional<Failure>&)> done);
  std::optional<Time> confirming() const override;
  void landed() override;
  bool ascii() const override { return network_.ascii(); }
  bool may_upload() const override { return lines_.is_free(); }
  Duration overdue() const override;
  void give_up(Network::Id upload) override;
  std::uint64_t cursor() const override { return cursor_; }
  void acknowledged(std::uint64_t ack) override;
  void measured(Duration round_trip) { profile_.trips().add(round_trip); }
  void broken(const Failure& failure) override;
  void way_is_dead(Failure failure) override;
  void check_way() override;
  bool is_way_dead(const Failure& failure, int failures) override;
  void swallowed() override;
  std::string question() override;
  void question_settled(bool answered) override;

  // -- for the lines
  std::optional<Duration> least_round_trip() const override { return profile_.trips().least(); }
  bool has_stream() const override;
  void call_off(Network::Id upload) override;
  void may_upload_again() override;

 private:
  struct Upload {
    std::function<void(const HttpAnswer&)> done;
    std::unique_ptr<Timer> deadline;
  };
  struct Confirmation {
    std::uint64_t id;
    std::uint64_t carrier;  // its serial
    std::string fields;
    Duration deadline;
    Time began;
    std::function<void(const std::optional<Failure>&)> done;
  };
  using ConfirmationPtr = std::shared_ptr<const Confirmation>;
  void send(const ConfirmationPtr& confirmation);
  void send_alone(const ConfirmationPtr& confirmation);
  void settle(const Confirmation& confirmation, const std::optional<Failure>& failure);
  void expect_answer(Network::Id upload, Duration deadline, Time most);
  bool is_hearing() const;
  /// It is over: what is to be told.
  std::function<void(const HttpAnswer&)> take_upload(Network::Id upload, bool answered);
  Carrier* carries_up() const { return active_ != nullptr ? active_ : chosen_; }
  void acknowledge_soon();
  void acknowledge_in(Duration delay);
  void bury_later();

  Scheduler& scheduler_;
  Network& network_;
  const Random& random_;
  NetworkProfile& profile_;
  SessionListener& listener_;
  const std::string key_;
  const std::string open_;
  std::string server_;
  std::string peer_;
  std::string ice_ = "[]";
  std::shared_ptr<const std::vector<std::string>> features_;
  Duration resume_{0};
  std::uint64_t cursor_ = 0;
  std::optional<std::uint64_t> acked_;  // so that one follows the opening, even if it is 0
  std::uint64_t turn_ = 0;
  bool over_ = false;
  std::vector<std::unique_ptr<Carrier>> carriers_;
  Carrier* active_ = nullptr;
  Carrier* chosen_ = nullptr;  // about to be
  Lines lines_;
  std::map<Network::Id, Upload> uploads_;
  std::deque<Scheduler::Task> waiting_;               // uploads that are to begin
  std::map<std::uint64_t, ConfirmationPtr> landing_;  // which follow an upload with messages
  std::map<std::uint64_t, Time> confirming_;          // since when, by ids
  std::uint64_t confirmations_ = 0;
  struct Rest {
    std::unique_ptr<Timer> timer;
    Scheduler::Task task;
  };
  std::map<std::uint64_t, Rest> rests_;
  std::map<std::uint64_t, std::unique_ptr<Timer>> later_;
  std::uint64_t later_count_ = 0;
  std::optional<Time> filtered_since_;  // uploads are refused on the way
  std::uint64_t questioned_ = 0;        // the carrier that an upload asks
  Uplink uplink_;
  Timer ack_;
  Timer bury_;
};

}  // namespace sigway::client
