#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest_memo.h"
#include "base/timer_wheel.h"
#include "http/exchange.h"
#include "http/request_parser.h"
#include "net/connection.h"
#include "net/listener.h"
#include "server/access_policy.h"
#include "server/http_server.h"
#include "server/router.h"

namespace sigway::server {

// What a stream's writers on any thread can see of it.
struct StreamState {
  // Bytes in all that a writer may have waiting: less than what stops the reading of a connection.
  static constexpr std::size_t kQueue = 64 * 1024;

  std::atomic<std::size_t> in_transit{0};  // written on other threads, not yet arrived on the shard
  std::atomic<std::size_t> queued{0};      // in the connection's queue when it was last looked at
  std::atomic<bool> closed{false};
  // A writer was told that there is no room; it wants `on_room` to be called. Set before it.
  std::atomic<bool> starved{false};
  std::function<void()> on_room;
};

// One HTTP/1.x connection: requests one after another, each answered before the next is looked at.
// Holds nothing but a timer between requests. Thread and lifetime: a ConnectionHandler's.
class HttpConnection final : public net::ConnectionHandler {
 public:
  HttpConnection(HttpServer& server, net::Connection& connection, net::Admission admission);
  ~HttpConnection() override;
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void on_attached(net::Connection&) override;
  void on_data(net::Connection&, std::span<std::uint8_t> bytes) override;
  void on_eof(net::Connection&) override;
  void on_drained(net::Connection&) override;
  // Closes the connection if it is between requests, or before the first, and none has come.
  void on_stop(net::Connection&) override;
  void on_closed(net::Connection&, net::CloseReason) override;

  // Answers to the request of that sequence number; ignored when it is not the one in flight or was
  // answered already.
  void respond(std::uint32_t sequence, http::Response&& response);
  void begin_stream(std::uint32_t sequence, http::Response head,
                    const std::shared_ptr<StreamState>& state);
  void write_stream(std::uint32_t sequence, base::Bytes bytes);
  void end_stream(std::uint32_t sequence);
  void abort_stream(std::uint32_t sequence);
  void upgrade(std::uint32_t sequence, http::Response head,
               std::unique_ptr<net::ConnectionHandler> next);
  void set_on_gone(std::uint32_t sequence, std::function<void()> callback);

  HttpServer& server() const { return server_; }
  net::Connection& connection() const { return connection_; }
  Caller caller() const;
  base::DigestMemo& digest_memo();

 private:
  enum class Phase : std::uint8_t {
    idle,       // between requests, or before the first
    head,       // of a request, being read
    body,       // the same
    handling,   // the route's handler runs
    waiting,    // for an answer by id
    sending,    // the answer, in slices
    streaming,  // the answer
    over,       // closing, or given away
  };

  struct SlicedAnswer;

  // A request that is being read, and from its head on what was decided about it. Ends with the
  // call of its route.
  struct Incoming {
    explicit Incoming(const http::ParserLimits& limits) : parser(limits) {}

    http::RequestParser parser;
    Router::Match match;
    std::optional<http::Problem> refusal;  // by the access policy
  };

  // What is remembered of a request from its head to the end of its answer, which for a stream or
  // a poll is long.
  struct Pending {
    bool varies_by_origin = false;
    AccessPolicy::Headers headers;  // for the answer
    int version_minor = 1;
    bool is_head = false;
    bool keep_alive = true;
    std::function<void()> on_gone;
    std::shared_ptr<StreamState> stream;
    std::unique_ptr<SlicedAnswer> sliced;
    // Where the type of `sliced` is complete.
    Pending();
    ~Pending();
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;
  };

  bool is_answering() const;
  bool is_current(std::uint32_t sequence, Phase phase) const;
  void process(std::string_view bytes);
  base::Duration head_timeout() const;
  void close_if_finished();
  void count_held();
  void begin_request();
  bool read_request(std::string_view& bytes);
  void time_request();
  bool accept_head();
  bool body_moves();
  void handle_request();
  void answer_request(Incoming& incoming);
  void call_route(const Router::Route& route, http::Request& request);
  void keep_following(std::string_view bytes);
  void continue_later();
  void continue_now();

  void refuse(const http::Problem& problem);
  void refuse_with(http::Response response);
  std::optional<http::Response> admission_refusal() const;
  static http::Response overloaded(std::string message);
  void write_answer(http::Response&& response);
  void begin_slices(http::Response&& response);
  void queue_slice();
  void send_slice(std::uint32_t sequence);
  void slice_has_gone();
  void write_head(http::Response& response, http::Framing framing, bool keep_alive);
  // With room for so many bytes behind it.
  std::string make_head(http::Response& response, http::Framing framing, bool keep_alive,
                        std::size_t room) const;
  void finish_answer(bool keep_alive);
  bool may_keep_alive(const http::Response& response) const;
  void go_idle();
  void close();
  void forget_pending();
  void on_timer();
  void on_timeout();

  HttpServer& server_;
  net::Connection& connection_;
  std::unique_ptr<Incoming> incoming_;             // only while a request is being read
  std::unique_ptr<Pending> pending_;               // from a request's head to the end of its answer
  std::string following_;                          // bytes of further requests
  std::unique_ptr<base::DigestMemo> digest_memo_;  // once a route has asked for it
  std::size_t body_mark_ = 0;                      // bytes of the body when its timeout began
  base::Timer timer_ = base::Timer::calling<&HttpConnection::on_timer>(this);
  std::uint32_t sequence_ = 0;
  Phase phase_ = Phase::idle;
  net::Admission admission_;
  bool is_processing_ = false;
  bool is_timed_ = false;  // the timeout of `head` or `body` runs
  bool peer_finished_ = false;
};

}  // namespace sigway::server
