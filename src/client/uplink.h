#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/backoff.h"
#include "client/cadence.h"
#include "client/failure.h"
#include "client/network.h"
#include "client/outgoing.h"
#include "client/scheduler.h"

namespace sigway::client {

/// Something said by the application. `fields` are JSON members without braces: `"type":"offer"`.
struct Message {
  std::uint64_t id = 0;  ///< what the application knows it by
  std::string fields;
};

/// Where messages go up, as the uplink sees it: the session.
class UplinkHost {
 public:
  /// The active carrier, or else the one that was told to take over, by a number that is never used
  /// again.
  struct Way {
    std::uint64_t id;
    bool frames;  ///< messages go as its frames; else by uploads
  };
  virtual std::optional<Way> way() const = 0;
  /// `request` is a JSON object without the key.
  virtual void send_frame(std::string request) = 0;
  /// To /v1/send. The request gets the key in front of it. Gives up after `deadline`, with the
  /// code `deadline`, or with `unsent`: pump() is called when it is to go again.
  virtual Network::Id upload(std::string members, Duration deadline,
                             std::function<void(const HttpAnswer&)> done) = 0;
  /// Whether uploads go in ASCII, which makes them up to three times as large.
  virtual bool ascii() const = 0;
  virtual bool may_upload() const = 0;
  virtual int slack() const = 0;  ///< times as long for an answer
  /// The shortest that was measured; nothing before one was.
  virtual std::optional<Duration> least_round_trip() const = 0;
  /// See Session.
  virtual Duration patience(Duration least, Duration unknown) const = 0;
  /// An upload that takes longer does not hold up the next one.
  virtual Duration overdue() const = 0;
  /// When the last upload without messages began that waits or is under way.
  virtual std::optional<Time> confirming() const = 0;
  /// An upload with messages has been answered, or is not waited for any more.
  virtual void landed() = 0;
  virtual void give_up(Network::Id upload) = 0;
  virtual std::uint64_t cursor() const = 0;          ///< the last event received
  virtual void acknowledged(std::uint64_t ack) = 0;  ///< the server has heard of it
  virtual Duration round_trip() const = 0;           ///< smoothed
  virtual void broken(const Failure& failure) = 0;   ///< an answer about the session
  /// Whether so many failed uploads in a row, this one the last, mean that the way is dead.
  virtual bool is_way_dead(const Failure& failure, int failures) = 0;
  virtual void way_is_dead(Failure failure) = 0;
  virtual void check_way() = 0;  ///< no answer for long: does it live?
  virtual void swallowed() = 0;  ///< an upload was lost without a word
  /// Members for an upload that goes in any case, to find out whether a silent way down lives;
  /// empty: there is nothing to find out. Else `question_settled` follows: was that upload
  /// answered?
  virtual std::string question() = 0;
  virtual void question_settled(bool answered) = 0;
  virtual void learned(const std::string& lesson) = 0;  ///< of the cadence; may be empty

 protected:
  ~UplinkHost() = default;
};

/// The messages that the server has not taken yet, in order, and how they get there: numbered,
/// batched, some uploads in flight, again until acknowledged, in pieces where bodies are refused
/// for their size. docs/protocol.md, "Up". Thread: the client's.
class Uplink {
 public:
  Uplink(Scheduler& scheduler, const Random& random, Cadence& cadence, UplinkHost& host,
         std::size_t key_size);

  void push(const Message& message);
  /// The server has taken all up to this number.
  void taken(std::uint64_t up);
  /// What went by that way and is not acknowledged goes again.
  void release(std::uint64_t way);
  /// Ends a pause after a failure.
  void hurry();
  /// There is another way, or room again.
  void pump() { pump(false); }
  /// The server shuts down: it has taken what comes before that number, and nothing from there on,
  /// by whatever way it went. The rest is for the next server. 0: it did not say.
  void closed_at(std::uint64_t number);
  /// The server has ended a carrier because more came than it takes: as many as any server takes
  /// from now on, or half as many.
  void too_fast();
  /// Messages a second, 0: as many as the server takes.
  void limit_rate(unsigned rate);
  void limits(std::size_t body, std::size_t messages);

  std::size_t pending() const noexcept { return queue_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }
  /// Whether uploads are under way; each acknowledges.
  bool flying() const noexcept { return !flights_.empty(); }
  /// Whether one has begun since that moment, or begins now because messages wait.
  bool acknowledges(Time since);
  /// Sends `fields`, JSON members, in the body of messages that wait, if these are up within a
  /// round trip or so. False if there are none; else `done` is told whether that upload was
  /// answered.
  bool carry(const std::string& fields, std::function<void(bool)> done);
  /// The id that the application knows for a number that an event quotes.
  std::uint64_t id_of(std::uint64_t number) const;

  /// At the end of the session. Messages that never went out are returned, to be said in the next
  /// one; `lost` gets the ids of those which may have arrived.
  std::vector<Message> abandon(std::vector<std::uint64_t>& lost);

  /// Told the ids that the server has taken.
  std::function<void(std::uint64_t id)> on_taken;

 private:
  struct Run {  // of parts: so many entries, or one part of one
    std::size_t begin = 0, size = 0;
    std::optional<std::size_t> part{};
  };
  struct Flight {
    Network::Id upload = 0;
    std::uint64_t first = 0, last = 0;  // numbers
    std::size_t size = 0;
    std::uint64_t ack = 0;
    Time started{};
    bool overtaken = false;               // its messages have gone again
    bool asks = false;                    // has a question with it
    std::function<void(bool)> carried{};  // whoever sent something with it
  };

  void slow_down() { batch_most_ = std::max<std::size_t>(1, batch_most_ / 2); }
  void pump(bool is_urgent);
  /// `is_urgent`: a request goes up in any case, so that messages may as well.
  bool may_fly(bool is_urgent);
  Run next_run(const UplinkHost::Way& way, std::size_t most_bytes);
  std::size_t allowance();
  std::size_t limit(bool frames) const;
  std::size_t overhead() const { return key_size_ + 64; }
  void send_frames(const Run& run, const UplinkHost::Way& way);
  void send_upload(const Run& run, const std::string& fields = {},
                   std::function<void(bool)> carried = {});
  void landed(std::uint64_t id, const HttpAnswer& answer);
  void succeeded(std::uint64_t id, const Flight& flight, std::uint64_t up);
  void overtake(const Flight& landed, Duration took);
  void failed(std::uint64_t id, const Flight& flight, const Failure& failure);
  void too_large(const Flight& flight, const Failure& failure);
  void free(std::uint64_t via);
  void launch(Outgoing& entry);
  /// How long the answer to so many bytes may take.
  Duration patience(std::size_t size) const;
  void watch();
  void watch_anew();
  void measure_frames(std::uint64_t up);

  Scheduler& scheduler_;
  const Random& random_;
  Cadence& cadence_;
  UplinkHost& host_;
  std::size_t key_size_;
  std::deque<Outgoing> queue_;
  std::size_t bytes_ = 0;
  std::uint64_t up_ = 0;
  std::uint64_t next_ = 1;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ids_;  // [number, id] where the gap changes
  std::map<std::uint64_t, Flight> flights_;
  std::uint64_t flight_count_;
  int failures_ = 0;  // in a row
  int slack_ = 1;     // doubled where uploads were given up that may only have been slow
  Time failed_at_{};
  std::size_t batch_most_ = 256;
  std::size_t messages_most_ = 256;
  std::size_t server_body_ = 262'144;
  Time taken_at_{};  // the last frames
  double speed_;     // bytes a millisecond that uploads were seen to make
  double rate_;      // messages a second that go out
  double tokens_;
  Time filled_;
  Timer pause_;
  Timer soon_;
  Timer watch_;
  Timer overdue_;
  bool closed_ = false;  // the server takes no more in this session
  bool over_ = false;
};

}  // namespace sigway::client
