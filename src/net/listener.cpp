#include "net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

#include "net/poller.h"
#include "net/spare_descriptor.h"

namespace sigway::net {

namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr std::size_t kReclaimedAtOnce = 16;
constexpr auto kPause = std::chrono::milliseconds(100);

class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(std::exchange(other.value_, -1));
    return *this;
  }

  int get() const { return value_; }
  bool is_valid() const { return value_ >= 0; }
  int release() { return std::exchange(value_, -1); }
  void reset(int value = -1) {
    if (value_ >= 0) ::close(value_);
    value_ = value;
  }

 private:
  int value_;
};

bool set_option(int descriptor, int level, int option, int value) {
  return ::setsockopt(descriptor, level, option, &value, sizeof value) == 0;
}

std::string system_error(const std::string& what) {
  return what + ": " + std::generic_category().message(errno) + ".";
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress to_sockaddr(const Address& address) {
  SocketAddress result;
  if (address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port());
    std::memcpy(&v4.sin_addr, address.bytes().data() + 12, 4);
    std::memcpy(&result.storage, &v4, sizeof v4);
    result.size = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port());
    std::memcpy(&v6.sin6_addr, address.bytes().data(), 16);
    std::memcpy(&result.storage, &v6, sizeof v6);
    result.size = sizeof v6;
  }
  return result;
}

enum class Sharing { alone, shared };

std::variant<Descriptor, std::string> bind_socket(const Address& address, Sharing sharing) {
  const int family = address.is_v4() ? AF_INET : AF_INET6;
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_valid()) return system_error("Cannot make a socket");
  // A restart must not wait for the old connections' TIME_WAIT.
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (family == AF_INET6) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (sharing == Sharing::shared) set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  const SocketAddress target = to_sockaddr(address);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&target.storage), target.size) != 0) {
    return system_error("Cannot listen on " + address.to_string());
  }
  return socket;
}

// Options of the connections. The kernel hands those of the listening socket on to each of them.
void prepare(int listening, const ConnectionOptions& options) {
  set_option(listening, IPPROTO_TCP, TCP_NODELAY, 1);
  const auto timeout = options.user_timeout.count();
  if (timeout > 0) set_option(listening, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(timeout));
}

// Binds one socket for each shard, the first alone: that is what makes a foreign listener on the
// port an error. Only then is the port opened to the others.
std::variant<std::vector<Descriptor>, std::string> bind_all(Address address, std::size_t count,
                                                            const ListenOptions& options) {
  std::vector<Descriptor> sockets;
  for (std::size_t i = 0; i < count; ++i) {
    auto bound = bind_socket(address, i == 0 ? Sharing::alone : Sharing::shared);
    if (auto* error = std::get_if<std::string>(&bound)) return std::move(*error);
    sockets.push_back(std::move(std::get<Descriptor>(bound)));
    if (i == 0) {
      address = Address::local_of(sockets.front().get());
      if (count > 1) set_option(sockets.front().get(), SOL_SOCKET, SO_REUSEPORT, 1);
    }
  }
  for (const Descriptor& socket : sockets) {
    prepare(socket.get(), options.connections);
    if (::listen(socket.get(), options.backlog) != 0) {
      return system_error("Cannot listen on " + address.to_string());
    }
  }
  return sockets;
}

}  // namespace

// One shard's share of a port. Lives on its shard; only its construction and, once the shard has
// stopped, its destruction happen elsewhere.
class Listener::Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(Shard& shard, Descriptor socket, const ListenOptions& options,
           std::shared_ptr<const PortInfo> port, std::shared_ptr<ConnectionLimits> limits,
           MakeHandler make_handler)
      : shard_(shard),
        socket_(std::move(socket)),
        port_(std::move(port)),
        limits_(std::move(limits)),
        tls_(options.tls),
        overload_answer_(options.overload_answer),
        address_answer_(options.address_answer),
        make_handler_(std::move(make_handler)) {}

  void start() {
    if (!socket_.is_valid() || watch_.is_started()) return;
    try {
      // By level: connections that are left in the queue are told again in the next turn.
      watch_.start(shard_.poller(), socket_.get(), Trigger::level);
    } catch (const std::bad_alloc&) {
      pause();
      throw;
    }
  }

  void close() {
    pause_.cancel();
    watch_.stop();
    socket_.reset();
  }

 private:
  void on_ready(Ready) { accept_some(); }
  void pause() {
    watch_.pause();
    shard_.schedule_in(pause_, kPause);
  }
  void resume() {
    if (!watch_.is_started()) return start();
    watch_.resume();
  }
  void accept_some();
  void accept_batch();
  bool survive_exhaustion();
  int accepts_in_this_turn();
  void welcome(int descriptor, const Address& peer);
  void turn_away(int descriptor, std::string_view answer);

  Shard& shard_;
  Descriptor socket_;
  SpareDescriptor& spare_ = SpareDescriptor::of_process();
  const std::shared_ptr<const PortInfo> port_;
  const std::shared_ptr<ConnectionLimits> limits_;
  const std::shared_ptr<const TlsContext> tls_;
  const std::string overload_answer_;
  const std::string address_answer_;
  const MakeHandler make_handler_;
  int most_accepted_ = 1;        // in the last turn
  std::uint32_t last_turn_ = 0;  // in which something was accepted
  Watch watch_ = Watch::calling<&Acceptor::on_ready>(this);
  base::Timer pause_ = base::Timer::calling<&Acceptor::resume>(this);
};

// An allocation that fails for one connection must not end the accepting.
void Listener::Acceptor::accept_some() {
  const auto self = shared_from_this();  // a handler may let go of the listener
  try {
    accept_batch();
  } catch (const std::bad_alloc&) {
    pause();
    throw;
  }
}

// Connections that come one by one are taken one by one, without a call that only finds the queue
// empty. Where they come in consecutive turns there is a queue, and each turn takes more of it.
int Listener::Acceptor::accepts_in_this_turn() {
  const std::uint32_t turn = shard_.turn();
  const bool is_next = turn == last_turn_ + 1;
  last_turn_ = turn;
  most_accepted_ = is_next ? std::min(2 * most_accepted_, kAcceptsPerTurn) : 1;
  return most_accepted_;
}

void Listener::Acceptor::accept_batch() {
  if (!socket_.is_valid()) return;
  const int most = accepts_in_this_turn();
  for (int i = 0; i < most; ++i) {
    Address peer;
    const int descriptor = spare_.accept(socket_.get(), &peer);
    if (descriptor >= 0) {
      welcome(descriptor, peer);
      continue;
    }
    switch (errno) {
      case EAGAIN: most_accepted_ = 1; return;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        // Reclaimed descriptors are free from the next turn on.
        if (!survive_exhaustion()) pause();
        return;
      case EINVAL:
      case EBADF: return close();  // it listens no longer
      default: continue;           // a connection that failed before it was accepted
    }
  }
}

// True when there was progress, so that it makes sense to try again at once.
bool Listener::Acceptor::survive_exhaustion() {
  if (shard_.reclaim_idle(kReclaimedAtOnce) > 0) return true;
  return spare_.accept_to_refuse(
      socket_.get(), [this](int descriptor) { turn_away(descriptor, overload_answer_); });
}

void Listener::Acceptor::welcome(int descriptor, const Address& peer) {
  Descriptor owned(descriptor);  // until a stream has it
  auto permit = limits_->count(peer);
  auto admission = Admission::normal;
  // The address first: its own excess must not cost others their idle connections.
  if (limits_->is_address_exceeded(peer)) {
    if (limits_->are_address_refusals_exceeded(peer))
      return turn_away(owned.release(), address_answer_);
    admission = Admission::address_full;
  } else if (limits_->is_total_exceeded() && shard_.reclaim_idle(1) == 0) {
    admission = Admission::server_full;
  }
  if (admission != Admission::normal && limits_->are_refusals_exceeded())
    return turn_away(owned.release(), overload_answer_);
  auto stream = tls_ ? tls_->make_stream(descriptor) : make_plain_stream(descriptor);
  if (!stream) return;
  owned.release();
  shard_.adopt(
      std::move(stream), port_,
      [&](Connection& connection) { return make_handler_(connection, admission); },
      std::move(permit), peer);
}

// Accepts only to say no. What the client has sent already is read, because closing over unread
// input would reset the connection and destroy the answer.
void Listener::Acceptor::turn_away(int descriptor, std::string_view answer) {
  const Descriptor owned(descriptor);
  if (tls_) return;
  std::array<char, 4096> ignored{};
  while (::recv(descriptor, ignored.data(), ignored.size(), 0) == ssize_t{ignored.size()}) {
  }
  (void)!::send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL);
  ::shutdown(descriptor, SHUT_WR);
}

std::variant<std::unique_ptr<Listener>, std::string> Listener::open(
    const ListenOptions& options, const Shards& shards,
    const std::shared_ptr<ConnectionLimits>& limits, const MakeHandler& make_handler) {
  const auto address = Address::parse(options.address, options.port);
  if (!address) {
    return "Cannot listen on \"" + options.address +
           "\": it is not an IP address such as 127.0.0.1, 0.0.0.0 or ::1.";
  }
  auto bound = bind_all(*address, shards.size(), options);
  if (auto* error = std::get_if<std::string>(&bound)) return std::move(*error);
  auto& sockets = std::get<std::vector<Descriptor>>(bound);

  auto port = std::make_shared<PortInfo>();
  port->local = Address::local_of(sockets.front().get());
  port->is_tls = options.tls != nullptr;
  port->label = options.label;
  port->connections = options.connections;

  std::unique_ptr<Listener> listener(new Listener(port, shards));
  for (std::size_t i = 0; i < shards.size(); ++i) {
    auto acceptor = std::make_shared<Acceptor>(*shards[i], std::move(sockets[i]), options, port,
                                               limits, make_handler);
    listener->acceptors_.push_back(acceptor);
    shards[i]->post([acceptor] { acceptor->start(); });
  }
  return listener;
}

Listener::Listener(std::shared_ptr<const PortInfo> port, const Shards& shards)
    : port_(std::move(port)), shards_(shards) {}

Listener::~Listener() { stop(); }

void Listener::stop() {
  for (std::size_t i = 0; i < acceptors_.size(); ++i) {
    shards_[i]->post([acceptor = acceptors_[i]] { acceptor->close(); });
  }
}

}  // namespace sigway::net
