#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "allocation/frames.h"

namespace sigway::testing {

using Json = nlohmann::json;

/// One TCP connection, plain or TLS. Reads wait 20 s at the most. No call throws or fails a test:
/// a connection that the server has cut is what these tests are about.
class Line {
 public:
  Line(std::uint16_t port, bool tls);
  ~Line();
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  bool is_open() const noexcept { return descriptor_ >= 0; }
  void send(const std::string& bytes);
  /// Appends to `in`. False: the connection is over, or the wait is.
  bool read();
  bool timed_out() const noexcept { return timed_out_; }
  void close() noexcept;

  struct Answer {
    int status = 0;  ///< 0: none came
    std::string body;
  };
  /// Sends a request and reads its answer, which has a length.
  Answer post(const std::string& path, const Json& body);
  Answer answer();
  /// The rest of the answer with that head.
  Answer body_of(const std::string& text);
  /// To the end of the head, which is left out of `in`. Empty: none came.
  std::string head();

  std::string in;

 private:
  struct Tls;
  int descriptor_ = -1;
  std::unique_ptr<Tls> tls_;
  bool timed_out_ = false;
};

enum class Kind { websocket, sse, poll };

/// A client that keeps to docs/protocol.md: it counts what it gets, resumes when it is cut, and
/// sends again what was not taken.
class Client {
 public:
  Client(std::uint16_t port, bool tls, Kind kind, std::string key);

  void open(Json contents);
  /// Sends a message with the next number.
  void send(Json message);
  void acknowledge();
  /// Reads until an event of that type and that data has come, or the session has ended.
  /// False also if somebody has left the room, unless that is waited for: what would have come from
  /// a member that has ended does not come.
  bool wait_for(const std::string& type, const Json& data = nullptr);
  /// Closes its connections without a word.
  void vanish();

  std::vector<Json> events;
  bool had_trouble() const { return troubles != 0 || (has_ended && end != "left"); }

  bool has_ended = false;
  std::string end;                  ///< why, as the server said
  int troubles = 0;                 ///< how often a connection was cut or a request refused
  std::vector<std::string> faults;  ///< what no client may see: a gap, a silence

 private:
  bool attach(Json request);
  void recover();
  bool upload(const Json& messages);
  bool pump();
  bool pump_frames();
  bool pump_stream();
  bool pump_poll();
  void park();
  void take(const TakenFrame& frame);
  void take_text(const Json& json);
  void take_event(std::uint64_t number, Json event);
  void take_block(const std::string& block);
  void finish(std::string why);
  void send_frame(const std::string& text, unsigned opcode = 1);
  std::optional<Line::Answer> post(const Json& body);
  void refused(int status, const std::string& body);

  const std::uint16_t port_;
  const bool tls_;
  const Kind kind_;
  const std::string key_;
  std::unique_ptr<Line> down_, up_;
  std::uint64_t received_ = 0, next_ = 1;
  std::uint64_t sent_ = 0, taken_ = 0, turn_ = 0, polls_ = 0;
  bool welcomed_ = false, parked_ = false, has_opened_ = false;
  Json opening_;
  std::vector<Json> unacknowledged_;
};

}  // namespace sigway::testing
