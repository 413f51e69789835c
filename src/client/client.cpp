#include "client/client.h"

#include <openssl/rand.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "client/connection.h"
#include "client/memory.h"
#include "client/message_fields.h"
#include "client/pieces.h"
#include "client/requests.h"
#include "client/threaded_network.h"
#include "client/waiter.h"

namespace sigway {
namespace {

constexpr std::size_t kMostWaiting = std::size_t{4} << 20U;
// Others decide how many requests come, and each may be larger to answer than to ask: answers leave
// room for what the application says by itself.
constexpr std::size_t kSparedBytes = std::size_t{1} << 20U;
constexpr std::size_t kMostBehind = 1024;  // messages
constexpr std::size_t kIdHalf = 12;        // characters, of the client and of the request

// Six random bits each.
std::string random_text(std::size_t characters) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text(characters, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(text.data()), static_cast<int>(text.size())) != 1)
    throw std::runtime_error("the system has no random bytes");
  for (auto& each : text) each = kLetters[static_cast<unsigned char>(each) & 63U];
  return text;
}

std::string make_key() { return random_text(24); }

client::Endpoint endpoint_of(const ClientOptions& options) {
  client::Endpoint endpoint;
  const auto url = client::parse_url(options.url);
  if (!url)
    throw ClientError(
        "bad_url",
        "'" + options.url + "' is not the URL of a server; write it like http://localhost:8080");
  endpoint.url = *url;
  const auto environment = [](const char* name) {
    const auto* const value =
        std::getenv(name);  // NOLINT(concurrency-mt-unsafe): not while it changes
    return std::string(value == nullptr ? "" : value);
  };
  const auto proxy =
      options.proxy ? *options.proxy : client::proxy_of_environment(*url, environment);
  if (!proxy.empty()) {
    endpoint.proxy = client::parse_proxy(proxy);
    if (!endpoint.proxy)
      throw ClientError(
          "bad_proxy",
          "'" + proxy + "' is not a proxy; write it like http://proxy.example.org:3128");
  }
  endpoint.ca_file = options.ca_file;
  endpoint.insecure = options.insecure;
  return endpoint;
}

std::optional<client::Memory> memory_of(const ClientOptions& options) {
  const auto url = client::parse_url(options.url);
  if (options.memory_file.empty() || !url) return std::nullopt;
  return client::Memory(options.memory_file,
                        (url->tls ? "https://" : "http://") + url->host_and_port() + url->path);
}

}  // namespace

class Client::Implementation final : private client::ConnectionListener {
 public:
  Implementation(const ClientOptions& options, ClientHandlers handlers)
      : handlers_(std::move(handlers)),
        memory_(memory_of(options)),
        scheduler_(client::Waiter::now()),
        network_(endpoint_of(options), scheduler_, [this](Task task) { post(std::move(task)); }),
        connection_(scheduler_, network_, *this, connection_options(options)),
        requests_(scheduler_, random_text(kIdHalf), request_hooks()),
        deadline_(options.deadline),
        opening_(scheduler_) {
    // As the network's threads: a signal is the application's business.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;
  ~Implementation() {
    close();
    if (thread_.joinable()) thread_.join();
  }

  using Said = std::function<void(std::uint64_t id)>;
  // Ids are given in the order in which the connection hears. `spared`: bytes that it leaves for
  // other messages.
  std::uint64_t say(std::size_t bytes, Said said, std::size_t spared = 0) {
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(mutex_);
      if (closing_ || seen_.state == ClientState::closed)
        throw ClientError("closed", "the client has been closed");
      if (seen_.bytes + queued_bytes_ + bytes > kMostWaiting - spared)
        throw ClientError("busy", "4 MiB wait to be sent: wait until they are");
      id = ++ids_;
      queued_bytes_ += bytes;
      ++queued_;
      tasks_.emplace_back([this, id, bytes, said = std::move(said)] {
        said(id);
        const std::lock_guard inner(mutex_);
        queued_bytes_ -= bytes;
        --queued_;
        see();
      });
    }
    waiter_.wake();
    return id;
  }

  /// The application's own time, while this lives.
  class Away {
   public:
    explicit Away(Implementation& client) : client_(client) {}
    ~Away() { client_.away_ += client::Waiter::now() - began_; }
    Away(const Away&) = delete;
    Away& operator=(const Away&) = delete;

   private:
    Implementation& client_;
    const client::Time began_ = client::Waiter::now();
  };

  client::Connection& connection() { return connection_; }
  client::Requests& requests() { return requests_; }

  bool wait_open(std::chrono::milliseconds longest) {
    if (is_own_thread()) return false;
    std::unique_lock lock(mutex_);
    seen_changed_.wait_for(lock, longest, [this] {
      return seen_.state == ClientState::open || seen_.state == ClientState::closed;
    });
    return seen_.state == ClientState::open;
  }

  bool flush(std::chrono::milliseconds longest) {
    if (is_own_thread()) return false;
    std::unique_lock lock(mutex_);
    const auto nothing_left = [this] { return queued_ == 0 && seen_.pending == 0; };
    seen_changed_.wait_for(lock, longest,
                           [&] { return nothing_left() || seen_.state == ClientState::closed; });
    return nothing_left();
  }

  struct Seen {
    ClientState state = ClientState::connecting;
    Transport transport = Transport::automatic;
    std::string peer, ice = "[]";
    std::shared_ptr<const std::vector<std::string>> features;
    std::chrono::milliseconds round_trip{0};
    std::size_t pending = 0, bytes = 0;
  };
  Seen seen() const {
    const std::lock_guard lock(mutex_);
    auto copy = seen_;
    copy.pending += queued_;
    return copy;
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(closing_, true)) tasks_.emplace_back([this] { connection_.close(); });
    }
    waiter_.wake();
    if (is_own_thread()) return;
    const std::lock_guard joining(joining_);
    if (thread_.joinable()) thread_.join();
  }

 private:
  using Task = std::function<void()>;

  client::ConnectionOptions connection_options(const ClientOptions& options) {
    if (options.capacity != 0 && options.room.empty())
      throw ClientError("bad_capacity", "a capacity is for a room: name one");
    return {.room = options.room,
            .name = options.name,
            .capacity = options.capacity,
            .transport = options.transport,
            .message_rate = options.message_rate,
            .make_key = make_key,
            .random =
                [generator = std::make_shared<std::mt19937_64>(std::random_device{}())] {
                  return std::uniform_real_distribution<double>(0, 1)(*generator);
                },
            .remembered = memory_ ? memory_->recall() : std::string{}};
  }

  // Not by `thread_`, which another one may be joining.
  bool is_own_thread() const { return std::this_thread::get_id() == own_thread_.load(); }

  void post(Task task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    waiter_.wake();
  }

  void run() {
    own_thread_ = std::this_thread::get_id();
    connection_.start();
    if (deadline_.count() > 0) opening_.set(deadline_, [this] { give_up(); });
    std::unique_lock lock(mutex_);
    while (!over_) {
      lock.unlock();
      scheduler_.advance(now());
      lock.lock();
      see();
      if (over_) break;
      if (tasks_.empty()) {
        auto next = scheduler_.next();
        if (next) *next += away_;
        lock.unlock();
        waiter_.wait(next);
        lock.lock();
      }
      auto tasks = std::exchange(tasks_, {});
      lock.unlock();
      for (auto& task : tasks) {
        // What has come is older than now. Acknowledgements go out between two tasks, too.
        scheduler_.advance(now());
        task();
        task = {};
      }
      lock.lock();
      see();
    }
    // A request that was made in the last moment is answered, too.
    auto rest = std::exchange(tasks_, {});
    lock.unlock();
    for (auto& task : rest) task();
    requests_.end(end_);
    if (handlers_.on_closed) handlers_.on_closed(end_);
  }

  void give_up() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(closing_, true)) return;
    }
    auto why = "connecting took longer than " + std::to_string(deadline_.count()) + " ms";
    if (!connection_.trouble().empty()) why += "; the latest attempt: " + connection_.trouble();
    connection_.close({"deadline", std::move(why)});
  }

  client::Requests::Hooks request_hooks() {
    return {.answer = [this](const ClientEvent& request,
                             const std::string& data) { answer(request, data); },
            .report = [this](const std::string& what) { on_journal(what); },
            .is_behind = [this] { return seen().pending >= kMostBehind; }};
  }
  void answer(const ClientEvent& request, const std::string& data);

  bool is_closing() const {
    const std::lock_guard lock(mutex_);
    return closing_;
  }

  // Stands still while the application is told something: what comes meanwhile waits in `tasks_`,
  // and would seem to be late. Nothing on the way is to blame for that.
  client::Time now() const { return client::Waiter::now() - away_; }

  template <class Handler, class Value>
  void call(const Handler& handler, const Value& value) {
    const Away away(*this);
    handler(value);
  }
  // Nothing any more once the application has closed it.
  template <class Handler, class Value>
  void tell(const Handler& handler, const Value& value) {
    if (handler && !is_closing()) call(handler, value);
  }

  // With the lock. What other threads may ask for.
  void see() {
    seen_ = {connection_.state(),       connection_.transport(),    connection_.peer(),
             connection_.ice_servers(), connection_.features(),     connection_.round_trip(),
             connection_.pending(),     connection_.pending_bytes()};
    seen_changed_.notify_all();
  }

  // A handler that asks is told what it was called for.
  void see_now() {
    const std::lock_guard lock(mutex_);
    see();
  }

  void on_event(const ClientEvent& event) override {
    if (!is_closing() && requests_.takes(event)) return;
    requests_.refused(event);
    tell(handlers_.on_event, event);
  }
  void on_state(ClientState state) override {
    see_now();
    if (state == ClientState::open) opening_.stop();
    if (state != ClientState::closed) {
      tell(handlers_.on_state, state);
    } else if (handlers_.on_state) {
      call(handlers_.on_state, state);
    }
  }
  void on_transport(Transport transport) override {
    see_now();
    tell(handlers_.on_transport, transport);
  }
  void on_reset(const ClientReset& reset) override {
    see_now();
    tell(handlers_.on_reset, reset);
  }
  void on_lost_session(std::uint64_t first_kept) override { requests_.reset(first_kept); }
  void on_closed(const ClientEnd& end) override {
    end_ = end;
    over_ = true;
  }
  void on_journal(std::string_view line) override {
    if (handlers_.on_journal) call(handlers_.on_journal, line);
  }
  void on_learned(const std::string& what) override {
    if (!memory_) return;
    const auto problem = memory_->keep(what);
    if (problem.empty()) return;
    memory_.reset();  // said once
    on_journal("nothing will be remembered of this network: " + problem);
  }

  const ClientHandlers handlers_;
  std::optional<client::Memory> memory_;
  mutable std::mutex mutex_;
  std::condition_variable seen_changed_;
  std::deque<Task> tasks_;
  Seen seen_;
  std::size_t queued_ = 0, queued_bytes_ = 0;
  std::uint64_t ids_ = 0;
  bool closing_ = false;
  bool over_ = false;               // the client's thread
  client::Time::duration away_{0};  // in handlers; the client's thread
  ClientEnd end_;
  client::Waiter waiter_;
  client::Scheduler scheduler_;
  client::ThreadedNetwork network_;
  client::Connection connection_;
  client::Requests requests_;
  const std::chrono::milliseconds deadline_;
  client::Timer opening_;
  std::mutex joining_;
  std::atomic<std::thread::id> own_thread_;
  std::thread thread_;
};

Client::Client(const ClientOptions& options, ClientHandlers handlers) {
  if (!options.room.empty()) client::member("room", options.room);
  if (!options.name.empty()) client::member("name", options.name);
  implementation_ = std::make_unique<Implementation>(options, std::move(handlers));
}

Client::~Client() = default;

void Client::Implementation::answer(const ClientEvent& request, const std::string& data) {
  // What came by name is from somebody with whom we may share no room.
  const bool by_name = request.room.empty() && !request.name.empty();
  auto fields = client::message_fields(request.type, data,
                                       {by_name ? '@' + request.name : request.from}, request.room);
  const auto bytes = fields.size();
  say(
      bytes,
      [this, fields = std::move(fields)](std::uint64_t id) {
        connection_.say({id, fields});
      },
      kSparedBytes);
}

std::uint64_t Client::send(std::string_view type, std::string_view data,
                           const std::vector<std::string>& to, std::string_view room) {
  auto fields = client::message_fields(type, data, to, room);
  const auto bytes = fields.size();
  return implementation_->say(bytes, [connection = &implementation_->connection(),
                                      fields = std::move(fields)](std::uint64_t id) {
    connection->say({id, fields});
  });
}

std::uint64_t Client::request(std::string_view type, std::string_view data,
                              std::function<void(const ClientAnswer&)> on_answer,
                              const ClientRequest& request) {
  if (!data.empty()) client::check_data(data);
  auto& requests = implementation_->requests();
  const auto id = requests.id(random_text(kIdHalf));
  const auto to = request.to.empty() ? std::vector<std::string>{} : std::vector{request.to};
  auto fields =
      client::message_fields(type, client::Requests::envelope(id, data), to, request.room);
  const auto bytes = fields.size();
  return implementation_->say(
      bytes, [implementation = implementation_.get(), &requests, id, type = std::string(type),
              deadline = request.deadline, on_answer = std::move(on_answer),
              fields = std::move(fields)](std::uint64_t number) {
        requests.expect(id, number, type, deadline,
                        [implementation, on_answer](const ClientAnswer& answer) {
                          const Implementation::Away away(*implementation);
                          if (on_answer) on_answer(answer);
                        });
        implementation->connection().say({number, fields});
      });
}

void Client::respond(std::string_view type,
                     std::function<std::string(const ClientEvent&)> handler) {
  client::check_type(type);
  client::Requests::Handler timed;
  if (handler) {
    timed = [implementation = implementation_.get(),
             handler = std::move(handler)](const ClientEvent& event) {
      const Implementation::Away away(*implementation);
      return handler(event);
    };
  }
  implementation_->requests().respond(std::string(type), std::move(timed));
}

std::uint64_t Client::join(std::string_view room, unsigned capacity) {
  const auto bytes = client::member("room", room).size();
  return implementation_->say(
      bytes, [connection = &implementation_->connection(), room = std::string(room),
              capacity](std::uint64_t id) { connection->join(id, room, capacity); });
}

std::uint64_t Client::leave(std::string_view room) {
  const auto bytes = client::member("room", room).size();
  return implementation_->say(
      bytes, [connection = &implementation_->connection(),
              room = std::string(room)](std::uint64_t id) { connection->leave(id, room); });
}

std::uint64_t Client::login(std::string_view name) {
  auto fields = R"("type":"login",)" + client::member("name", name);
  const auto bytes = fields.size();
  return implementation_->say(bytes, [connection = &implementation_->connection(),
                                      fields = std::move(fields)](std::uint64_t id) {
    connection->say({id, fields});
  });
}

std::uint64_t Client::logout() {
  return implementation_->say(16, [connection = &implementation_->connection()](std::uint64_t id) {
    connection->say({id, R"("type":"logout")"});
  });
}

bool Client::wait_open(std::chrono::milliseconds longest) {
  return implementation_->wait_open(longest);
}
bool Client::flush(std::chrono::milliseconds longest) { return implementation_->flush(longest); }
ClientState Client::state() const { return implementation_->seen().state; }
Transport Client::transport() const { return implementation_->seen().transport; }
std::string Client::peer() const { return implementation_->seen().peer; }
std::chrono::milliseconds Client::round_trip() const { return implementation_->seen().round_trip; }
std::string Client::ice_servers() const { return implementation_->seen().ice; }
std::vector<std::string> Client::features() const {
  const auto features = implementation_->seen().features;
  return features ? *features : std::vector<std::string>{};
}
std::size_t Client::pending() const { return implementation_->seen().pending; }
void Client::close() { implementation_->close(); }

}  // namespace sigway
