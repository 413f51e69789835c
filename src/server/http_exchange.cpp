#include "server/http_exchange.h"

#include <algorithm>
#include <utility>

#include "base/reserve.h"
#include "net/shard.h"

namespace sigway::server {

namespace {

// Calls `action` with the HttpConnection of that id, if it still is one, on its shard.
template <class Action>
void with_connection(net::Shard& shard, net::ConnectionId id, Action&& action) {
  shard.run_for(id, [&](net::Connection& connection) {
    if (auto* http = dynamic_cast<HttpConnection*>(connection.handler())) action(*http);
  });
}

// A stream by the name of its exchange, so that it may be held anywhere and outlive everything.
class ShardStream final : public http::StreamWriter {
 public:
  ShardStream(net::Shard& shard, const http::ExchangeId& id, std::shared_ptr<StreamState> state)
      : shard_(shard), id_(id), state_(std::move(state)) {}

  void write(base::Bytes bytes) override {
    if (is_closed()) return;
    if (shard_.is_current_thread()) {
      with_connection(shard_, id_.connection, [&](HttpConnection& http) {
        http.write_stream(id_.sequence, std::move(bytes));
      });
      return;
    }
    const std::size_t size = bytes.size();
    state_->in_transit.fetch_add(size, std::memory_order_relaxed);
    shard_.post(
        [&shard = shard_, id = id_, state = state_, bytes = std::move(bytes), size]() mutable {
          state->in_transit.fetch_sub(size, std::memory_order_relaxed);
          with_connection(shard, id.connection, [&](HttpConnection& http) {
            http.write_stream(id.sequence, std::move(bytes));
          });
        });
  }

  void end() override {
    on_shard([](HttpConnection& http, std::uint32_t sequence) { http.end_stream(sequence); });
  }

  void abort() override {
    on_shard([](HttpConnection& http, std::uint32_t sequence) { http.abort_stream(sequence); });
  }

  std::size_t queued_bytes() const override {
    return state_->in_transit.load() + state_->queued.load();
  }

  std::size_t room() override {
    if (is_closed()) return 0;
    if (const std::size_t room =
            StreamState::kQueue - std::min(StreamState::kQueue, queued_bytes()))
      return room;
    // Looked at again, because the queue may have run empty before the flag could be seen.
    state_->starved = true;
    const std::size_t room = StreamState::kQueue - std::min(StreamState::kQueue, queued_bytes());
    if (room != 0) state_->starved = false;
    return room;
  }

  std::size_t unsent() override {
    if (queued_bytes() == 0) return 0;
    state_->starved = true;
    // As above.
    const std::size_t unsent = queued_bytes();
    if (unsent == 0) state_->starved = false;
    return unsent;
  }

  void set_on_room(std::function<void()> callback) override {
    state_->on_room = std::move(callback);
  }

  bool is_closed() const override { return state_->closed.load(std::memory_order_relaxed); }

 private:
  template <class Action>
  void on_shard(Action action) {
    if (is_closed()) return;
    if (shard_.is_current_thread()) {
      with_connection(shard_, id_.connection,
                      [&](HttpConnection& http) { action(http, id_.sequence); });
      return;
    }
    // Also called by destructors.
    base::try_from_reserve([&] {
      shard_.post([&shard = shard_, id = id_, action] {
        with_connection(shard, id.connection,
                        [&](HttpConnection& http) { action(http, id.sequence); });
      });
    });
  }

  net::Shard& shard_;
  const http::ExchangeId id_;
  const std::shared_ptr<StreamState> state_;
};

}  // namespace

std::shared_ptr<http::StreamWriter> open_stream(net::Shard& shard, const http::ExchangeId& id,
                                                http::Response head) {
  auto state = std::make_shared<StreamState>();
  const auto begin = [&shard, id, state](http::Response&& response) {
    bool is_there = false;
    with_connection(shard, id.connection, [&](HttpConnection& http) {
      is_there = true;
      http.begin_stream(id.sequence, std::move(response), state);
    });
    if (!is_there) state->closed = true;
  };
  if (shard.is_current_thread()) {
    begin(std::move(head));
  } else {
    shard.post([begin, head = std::move(head)]() mutable { begin(std::move(head)); });
  }
  return std::make_shared<ShardStream>(shard, id, std::move(state));
}

HttpExchange::HttpExchange(HttpConnection& connection, std::uint32_t sequence,
                           http::Request& request)
    : http_(connection),
      id_{connection.connection().shard().index(), connection.connection().id(), sequence},
      request_(request) {}

const Client& HttpExchange::client() const {
  if (!client_) client_ = http_.server().policy().client_of(request_, http_.caller());
  return *client_;
}

std::string HttpExchange::base_url() const {
  const std::string& host = client().host;
  return client().scheme + "://" +
         (host.empty() ? http_.connection().port().local.to_string() : host);
}

void HttpExchange::respond(http::Response response) {
  http_.respond(id_.sequence, std::move(response));
}

std::shared_ptr<http::StreamWriter> HttpExchange::begin_stream(http::Response head) {
  return open_stream(http_.connection().shard(), id_, std::move(head));
}

void HttpExchange::on_gone(std::function<void()> callback) {
  http_.set_on_gone(id_.sequence, std::move(callback));
}

void HttpExchange::upgrade(http::Response head, std::unique_ptr<net::ConnectionHandler> next) {
  http_.upgrade(id_.sequence, std::move(head), std::move(next));
}

}  // namespace sigway::server
