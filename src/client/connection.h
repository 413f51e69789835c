#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/network_profile.h"
#include "client/race.h"
#include "client/session.h"

namespace sigway::client {

/// What a Connection tells the application.
class ConnectionListener {
 public:
  virtual void on_event(const ClientEvent& event) = 0;
  virtual void on_state(ClientState state) = 0;
  virtual void on_transport(Transport transport) = 0;
  virtual void on_reset(const ClientReset& reset) = 0;
  /// The server has forgotten the session. Messages from `first_kept` on have not gone out, and go
  /// out in the next one.
  virtual void on_lost_session(std::uint64_t /*first_kept*/) {}
  virtual void on_closed(const ClientEnd& end) = 0;
  virtual void on_journal(std::string_view line) = 0;
  /// What is known of the network by now: for ConnectionOptions::remembered of the next one.
  virtual void on_learned(const std::string& what) = 0;

 protected:
  ~ConnectionListener() = default;
};

struct ConnectionOptions {
  std::string room, name;
  unsigned capacity = 0;
  Transport transport = Transport::automatic;
  unsigned message_rate = 160;  ///< a second; 0: as many as the server takes
  std::function<std::string()> make_key;
  Random random;
  std::string remembered{};  ///< of this network, as on_learned() had it; empty: nothing
};

/// Keeps one session alive, and makes another where the server has forgotten it: everything of the
/// client but its threads and sockets. docs/protocol.md. Thread: one, from which the network's
/// callbacks and the scheduler's tasks come too.
class Connection final : public SessionListener, public RaceHost {
 public:
  Connection(Scheduler& scheduler, Network& network, ConnectionListener& listener,
             ConnectionOptions options);

  void start();
  /// `type` and what goes with it, as members; see Message. Ids rise by one.
  void say(Message message);
  void join(std::uint64_t id, const std::string& room, unsigned capacity);
  void leave(std::uint64_t id, const std::string& room);
  /// Leaves and ends, within three seconds. The application is told `end`.
  void close(ClientEnd end = {"left", "closed by the application"});

  ClientState state() const noexcept { return state_; }
  Transport transport() const noexcept { return transport_; }
  std::string peer() const { return session_ ? session_->peer() : std::string{}; }
  /// None before the first welcome.
  std::shared_ptr<const std::vector<std::string>> features() const {
    return session_ ? session_->features() : nullptr;
  }
  std::string ice_servers() const { return session_ ? session_->ice_servers() : "[]"; }
  /// What the latest attempts met; empty before one has failed.
  const std::string& trouble() const noexcept { return trouble_; }
  Duration round_trip() const { return profile_.trips().usual(); }
  std::optional<Duration> silence(Transport transport) const override;
  bool opened(Transport transport) const override;
  bool stranded(Transport transport) const override;
  std::size_t pending() const;
  std::size_t pending_bytes() const;
  std::size_t carrier_count() const { return session_ ? session_->carrier_count() : 0; }

 private:
  void on_event(const Json& event, std::uint64_t number, Transport transport) override;
  void on_welcome() override;
  void on_attached(Carrier& carrier) override;
  void on_proved(Carrier& carrier) override;
  void on_activated(Carrier& carrier) override;
  void on_ended(Carrier& carrier, bool was_active, const Failure& failure) override;
  void on_broken(const Failure& failure) override;
  void on_taken(std::uint64_t id) override;
  void on_crowded() override { race_.narrow(); }
  void on_journal(std::string_view line) override { journal(line); }

  void start_attempt(Transport transport, bool take_over) override;
  void activate_attempt(Transport transport) override;
  void drop_attempt(Transport transport) override;
  void renewal_failed(Duration retry) override;
  void exhausted(const Failure& failure) override;
  void journal(std::string_view line) override { listener_.on_journal(line); }

  Carrier*& attempt(Transport transport) {
    return attempts_[static_cast<std::size_t>(transport) - 1];
  }
  /// True if the failure was about more than a carrier, and has been dealt with.
  bool ends_session(const Failure& failure);
  bool has_attempt() const;
  /// Learns from the end of an active carrier.
  void learn_of(const Carrier& carrier, const Failure& failure);
  /// Nothing is active any more.
  void lost(const Carrier* carrier, const Failure& failure);
  Duration longest_pause() const;
  void connect_after(Duration pause);
  void connect();
  /// Looks again and again whether the machine has slept.
  void pulse();
  void woke(Duration slept);
  void new_session();
  void reset(const Failure& failure);
  void leave_alone();
  void leave();
  void finish(const ClientEnd& end);
  void set_state(ClientState state);
  void note_place(const Json& event);

  Scheduler& scheduler_;
  Network& network_;
  ConnectionListener& listener_;
  ConnectionOptions options_;
  NetworkProfile profile_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Session> former_;  // one that is over, until nobody is in its functions
  std::array<Carrier*, 3> attempts_{};
  Race race_;
  ClientState state_ = ClientState::connecting;
  Transport transport_ = Transport::automatic;
  struct Place {
    unsigned capacity = 0;  // as it was answered, or else asked for
    bool entered = false;
  };
  std::map<std::string, Place> rooms_;            // that we are in or want to be in
  std::map<std::uint64_t, std::string> joining_;  // what was asked for and not answered, by its id
  std::string name_;
  std::vector<Message> backlog_;      // said while there is no session
  std::optional<ClientReset> reset_;  // to be told with the next welcome
  std::uint64_t carriers_ = 0;
  int failures_ = 0;  // to connect, in a row
  int renewals_ = 0;  // that failed, in a row
  Time lost_at_{};
  Time beat_{};  // when the next pulse is due
  int quick_losses_ = 0;
  int resets_ = 0;
  bool is_between_ = false;  // what was active has ended, and what has taken over has not said so
  bool ever_open_ = false;
  bool started_ = false;
  bool closing_ = false;
  ClientEnd end_;        // once closing
  std::string trouble_;  // of the latest attempts
  Timer connect_;
  Timer pulse_;
  Timer renewal_;
  Timer closing_timer_;
  Timer bury_;
};

}  // namespace sigway::client
