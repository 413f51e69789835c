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
#include "client/pieces.h"
#include "client/threaded_network.h"
#include "client/waiter.h"

namespace sigway {
namespace {

using client::Json;

constexpr std::size_t kMostWaiting = std::size_t{4} << 20U;
constexpr std::size_t kMostData = 65'536;
constexpr int kMostLevels = 64;

// 144 random bits as 24 characters.
std::string make_key() {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, 24> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("the system has no random bytes");
  std::string key;
  for (const auto byte : bytes) key += kLetters[byte & 63U];
  return key;
}

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

int levels_of(std::string_view json) {
  int depth = 0, most = 0;
  bool inside = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (inside) {
      if (c == '\\') ++i;
      if (c == '"') inside = false;
    } else if (c == '"') {
      inside = true;
    } else if (c == '{' || c == '[') {
      most = std::max(most, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return most;
}

void check_type(std::string_view type) {
  constexpr std::string_view kRest = "._:-";
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_good = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || kRest.find(c) != std::string_view::npos;
  };
  if (type.empty() || type.size() > 64 || !is_letter(type.front()) ||
      !std::all_of(type.begin(), type.end(), is_good))
    throw ClientError(
        "bad_type",
        "'" + std::string(type) +
            "' is not a type: a letter first, then letters, digits, '.', '_', ':' or '-'");
}

// Throws where the text is not UTF-8, which JSON has to be.
std::string member(std::string_view name, std::string_view text) {
  try {
    return '"' + std::string(name) + "\":" + Json(std::string(text)).dump();
  } catch (const Json::exception&) {
    throw ClientError("bad_utf8", std::string(name) + " is not UTF-8 text");
  }
}

void check_data(std::string_view data) {
  if (data.size() > kMostData)
    throw ClientError("too_large", "the data has " + std::to_string(data.size()) +
                                       " bytes; a message carries 65536 at the most");
  if (!Json::accept(data))
    throw ClientError("bad_json", "the data is not JSON; text needs quotes around it");
  if (levels_of(data) > kMostLevels)
    throw ClientError("too_deep", "the data nests deeper than 64 levels");
}

}  // namespace

class Client::Implementation final : private client::ConnectionListener {
 public:
  Implementation(const ClientOptions& options, ClientHandlers handlers)
      : handlers_(std::move(handlers)),
        memory_(memory_of(options)),
        scheduler_(client::Waiter::now()),
        network_(endpoint_of(options), scheduler_, [this](Task task) { post(std::move(task)); }),
        connection_(scheduler_, network_, *this, connection_options(options)) {
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
  // Ids are given in the order in which the connection hears.
  std::uint64_t say(std::size_t bytes, Said said) {
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(mutex_);
      if (closing_ || seen_.state == ClientState::closed)
        throw ClientError("closed", "the client has been closed");
      if (seen_.bytes + queued_bytes_ + bytes > kMostWaiting)
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

  client::Connection& connection() { return connection_; }

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
    lock.unlock();
    if (handlers_.on_closed) handlers_.on_closed(end_);
  }

  bool is_closing() const {
    const std::lock_guard lock(mutex_);
    return closing_;
  }

  // Stands still while the application is told something: what comes meanwhile waits in `tasks_`,
  // and would seem to be late. Nothing on the way is to blame for that.
  client::Time now() const { return client::Waiter::now() - away_; }

  template <class Handler, class Value>
  void call(const Handler& handler, const Value& value) {
    const auto began = client::Waiter::now();
    handler(value);
    away_ += client::Waiter::now() - began;
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

  void on_event(const ClientEvent& event) override { tell(handlers_.on_event, event); }
  void on_state(ClientState state) override {
    see_now();
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
  std::mutex joining_;
  std::atomic<std::thread::id> own_thread_;
  std::thread thread_;
};

Client::Client(const ClientOptions& options, ClientHandlers handlers) {
  if (!options.room.empty()) member("room", options.room);
  if (!options.name.empty()) member("name", options.name);
  implementation_ = std::make_unique<Implementation>(options, std::move(handlers));
}

Client::~Client() = default;

std::uint64_t Client::send(std::string_view type, std::string_view data,
                           const std::vector<std::string>& to, std::string_view room) {
  check_type(type);
  auto fields = member("type", type);
  if (to.size() == 1) fields += ',' + member("to", to.front());
  if (to.size() > 1) {
    std::string list;
    for (const auto& each : to) {
      if (!list.empty()) list += ',';
      list += member("", each).substr(3);
    }
    fields += ",\"to\":[" + list + ']';
  }
  if (!room.empty()) fields += ',' + member("room", room);
  if (!data.empty()) {
    check_data(data);
    fields += ",\"data\":";
    fields += data;
  }
  const auto bytes = fields.size();
  return implementation_->say(bytes, [connection = &implementation_->connection(),
                                      fields = std::move(fields)](std::uint64_t id) {
    connection->say({id, fields});
  });
}

std::uint64_t Client::join(std::string_view room, unsigned capacity) {
  const auto bytes = member("room", room).size();
  return implementation_->say(
      bytes, [connection = &implementation_->connection(), room = std::string(room),
              capacity](std::uint64_t id) { connection->join(id, room, capacity); });
}

std::uint64_t Client::leave(std::string_view room) {
  const auto bytes = member("room", room).size();
  return implementation_->say(
      bytes, [connection = &implementation_->connection(),
              room = std::string(room)](std::uint64_t id) { connection->leave(id, room); });
}

std::uint64_t Client::login(std::string_view name) {
  auto fields = R"("type":"login",)" + member("name", name);
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
