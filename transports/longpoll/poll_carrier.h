#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "longpoll/poll_answer.h"
#include "session/carrier.h"
#include "session/session.h"

namespace sigway::longpoll {

/// One request that waits for its answer. It may stand for a connection on another shard. Thread:
/// the session's shard.
class PollReply {
 public:
  virtual ~PollReply() = default;
  /// The body of a complete 200. Called once, last, and calls nothing back.
  virtual void answer(std::string body) = 0;
  /// Instead of `answer`: the carrier has ended, and the dialect's `body` says so.
  virtual void over(session::End /*reason*/, std::string body) { answer(std::move(body)); }
  /// Instead of `answer`: there is no memory for one. The client sends the poll again.
  virtual void abandon() noexcept = 0;
};

/// A row of polls as one carrier (docs/protocol.md, "Long-polling"): it lives between the polls. A
/// lost answer costs nothing, because events stay in the outbox until a later poll acknowledges
/// them; a repeated request is harmless, because the number tells a copy from a newer one. Holds no
/// copy of any answer: what it said under a number is a range of the outbox.
class PollCarrier final : public session::Carrier {
 public:
  static constexpr std::size_t kMaxCopies = 4;
  /// An answer stops growing here; the rest comes with the next poll.
  static constexpr std::size_t kMaxAnswerBytes = 256U << 10U;

  PollCarrier(const session::Session& session, base::Duration linger, EncodeAnswer encode)
      : session_(session), linger_(linger), encode_(std::move(encode)) {}

  enum class Begun : std::uint8_t {
    fresh,  ///< the newest poll: `finish` is to follow
    copy,   ///< of the newest one: likewise
    stale,  ///< an older one: answer it with `empty`
  };
  /// A poll has come with this number (none: the next). A newer one replaces the parked ones, which
  /// get an empty answer. `cursor` is where its client has come to. To be called before the rest of
  /// the request acts, so that what the rest does to the carrier is told in this poll's answer.
  Begun begin(std::optional<std::uint64_t> n, std::uint64_t cursor);

  /// The poll that has begun is not answered while the session waits for the bus, so that its
  /// answer has all that was asked for.
  void gather() noexcept { gathers_ = true; }

  /// Answers at once if there is something to say (or `at_once`), else parks it until `deadline`.
  /// `welcome` is for this poll's answer, in its dialect, or empty. `connection` names the request
  /// for `detach`.
  void finish(std::unique_ptr<PollReply> reply, std::uint64_t connection, std::string welcome,
              bool at_once, base::TimePoint deadline, session::Outbox& outbox);

  /// What a stale poll gets.
  std::string empty() const;
  /// What a poll of an ended carrier gets.
  static std::string ended(session::End reason, base::Duration retry,
                           const session::Session& session, const EncodeAnswer& encode);

  bool detach(std::uint64_t connection) override;
  bool connected() const override { return !parked_.empty(); }
  void pump(session::Outbox& outbox) override;
  void activated(std::uint64_t turn, bool fresh, session::Outbox& outbox) override;
  void standby(std::uint64_t turn, const session::Outbox& outbox) override;
  void probe() override;
  void end(session::End reason, base::Duration retry) override;
  base::TimePoint next_deadline() const override {
    return parked_.empty() ? base::TimePoint::max() : deadline_;
  }
  std::optional<session::End> on_timer(base::TimePoint now, session::Outbox& outbox) override;
  base::Duration linger() const override { return linger_; }

 private:
  struct Parked {
    std::uint64_t connection;
    std::unique_ptr<PollReply> reply;
    std::string welcome;
  };

  /// The answer to the newest poll: decides its range of events once, and says the same again to a
  /// copy.
  std::string answer(std::string_view welcome, const session::Outbox& outbox);
  void answer_parked(const session::Outbox& outbox);
  /// Gives each parked poll the answer that `make` returns for it.
  template <typename Make>
  void answer_all(Make make) noexcept;
  void answer_soon();
  void choose_range(session::Outbox& outbox);
  bool is_gathering() const noexcept { return gathers_ && session_.awaits_bus(); }

  const session::Session& session_;
  base::Duration linger_;
  EncodeAnswer encode_;
  std::uint64_t n_ = 0;
  std::uint64_t cursor_ = 0;
  // What the answer to poll `n_` says; `last_` is 0 while it has no events.
  bool answered_ = false;
  std::uint64_t last_ = 0;
  std::optional<std::uint64_t> activated_, standby_;
  bool probe_ = false;
  bool gathers_ = false;

  std::vector<Parked> parked_;
  base::TimePoint deadline_{};
};

}  // namespace sigway::longpoll
