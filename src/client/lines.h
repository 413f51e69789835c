#pragma once

#include <map>
#include <optional>

#include "client/cadence.h"
#include "client/network.h"
#include "client/scheduler.h"

namespace sigway::client {

/// Whose uploads and polls these are: the session.
class LinesHost {
 public:
  /// The shortest that was measured; nothing before one was.
  virtual std::optional<Duration> least_round_trip() const = 0;
  /// Whether an event stream or a WebSocket holds a connection for certain.
  virtual bool has_stream() const = 0;
  /// Ends this upload without an answer; it is to be sent again at once.
  virtual void call_off(Network::Id upload) = 0;
  /// An upload may begin now.
  virtual void may_upload_again() = 0;
  virtual void learned(const std::string& lesson) = 0;

 protected:
  ~LinesHost() = default;
};

/// How many connections the network serves at a time. Where it serves fewer than we open, a request
/// waits unsent and nothing says so: all that can be seen is an upload that has no answer yet. A
/// poll that was answered has just given its connection back: if an upload has waited for long, all
/// are called off and sent again, by that one, before the next poll. Where that has helped twice in
/// a row, one connection is served at a time: no stream is tried, and polls and uploads take turns.
/// Thread: the client's.
class Lines {
 public:
  Lines(Scheduler& scheduler, Cadence& cadence, LinesHost& host);

  // -- uploads

  /// Whether one may begin beside what is under way.
  bool is_free() const;
  /// After which an upload that has no answer may be waiting for a connection.
  Duration patience() const;
  void began(Network::Id upload);
  /// Bytes that hears() has been told of.
  std::uint64_t heard() const noexcept { return heard_; }
  /// Before anybody else hears of it.
  void ended(Network::Id upload, bool answered);

  // -- the poll carrier

  /// Whether it may send the next poll. If not `again` is called when it is to ask once more; that
  /// is not from within this call. `came_slowly`: the answer to the one before did, so that uploads
  /// wait for a slow line and not for a connection.
  bool may_poll(bool came_slowly, Scheduler::Task again);
  /// So many bytes came of the answer to a poll.
  void hears(std::size_t bytes) { heard_ += bytes; }
  /// For how long the next poll may be held at the most: until an upload that is under way may be
  /// waiting.
  Duration hold() const;
  /// It was sent: what waits may look for other connections. `carries`: it brings the events, and
  /// is not only an attempt.
  void polled(bool carries);
  /// One that carries has ended.
  void poll_answered();
  /// There is no poll carrier any more. What began beside it may have got a connection that nobody
  /// serves, while the poll's is free now: what has no answer soon is sent again, by that one.
  void polling_ended();

  /// The session is over, and its uploads with it.
  void stop();

 private:
  Duration usual() const;
  void retry_ended(bool helped);
  void begin_anew();
  void free();
  /// Calls off the uploads that began by then and have no answer: they are sent again.
  void call_off_until(Time began);

  Scheduler& scheduler_;
  Cadence& cadence_;
  LinesHost& host_;
  struct Upload {
    Time began, due;         // when it may be waiting
    bool is_behind = false;  // stood behind an answer that came slowly
  };
  std::map<Network::Id, Upload> uploads_;
  std::optional<int> places_;  // for uploads, until the next poll is sent
  bool polls_ = false;         // one that carries is under way
  bool alone_ = false;         // while an upload is sent again: no stream has a connection
  int proofs_ = 0;
  std::uint64_t heard_ = 0;
  int slack_ = 1;  // doubled by each call, until an upload is answered soon: it may have been slow
  Scheduler::Task next_poll_;
  Timer retry_;
  Timer poll_;
  Timer late_;  // after the polls have ended
};

}  // namespace sigway::client
