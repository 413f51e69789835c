#include "loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace sigway::load {
namespace {

constexpr std::size_t kInput = 256U << 10U;
constexpr std::uint32_t kSources = 250;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void check(int result, const char* what) {
  if (result < 0) fail(what);
}

sockaddr* generic(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

}  // namespace

Socket::Socket(Loop& loop, SocketUser& user, int descriptor)
    : loop_(loop), user_(user), descriptor_(descriptor) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
  event.data.ptr = this;
  check(epoll_ctl(loop_.epoll_, EPOLL_CTL_ADD, descriptor_, &event), "epoll_ctl");
}

Socket::~Socket() {
  if (descriptor_ >= 0) close(descriptor_);
}

void Socket::watch(bool writes) {
  if (watches_writes_ == writes) return;
  watches_writes_ = writes;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | (writes ? EPOLLOUT : 0U);
  event.data.ptr = this;
  check(epoll_ctl(loop_.epoll_, EPOLL_CTL_MOD, descriptor_, &event), "epoll_ctl");
}

void Socket::write(std::string_view bytes) {
  if (!is_open_) return;
  if (is_connected_ && output_.empty()) {
    const auto sent = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    // A broken connection is noticed by the next read.
  }
  if (bytes.empty()) return;
  output_.append(bytes);
  watch(true);
}

void Socket::flush() {
  const auto sent = send(descriptor_, output_.data(), output_.size(), MSG_NOSIGNAL);
  if (sent > 0) output_.erase(0, static_cast<std::size_t>(sent));
  if (output_.empty()) output_.shrink_to_fit();
}

void Socket::read(std::vector<char>& buffer) {
  const auto got = recv(descriptor_, buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    is_open_ = false;
    close(std::exchange(descriptor_, -1));
    user_.closed();
    return;
  }
  const std::string_view fresh(buffer.data(), static_cast<std::size_t>(got));
  if (input_.empty()) {
    const auto used = user_.received(fresh);
    if (is_open_) input_.assign(fresh.substr(used));
  } else {
    input_.append(fresh);
    input_.erase(0, user_.received(input_));
  }
  if (input_.empty()) input_.shrink_to_fit();
}

void Socket::handle(std::uint32_t events, std::vector<char>& buffer) {
  if (!is_open_) return;
  if (!is_connected_) {
    int error = 0;
    socklen_t size = sizeof error;
    check(getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size), "getsockopt");
    if (error != 0) throw std::system_error(error, std::generic_category(), "connect");
    is_connected_ = true;
    user_.connected();
    if (!is_open_) return;
  }
  if ((events & EPOLLOUT) != 0) {
    if (!output_.empty()) flush();
    if (output_.empty()) watch(false);
  }
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read(buffer);
}

Loop::Loop(std::uint16_t port)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), port_(port), buffer_(kInput) {
  check(epoll_, "epoll_create1");
}

Loop::~Loop() { close(epoll_); }

std::unique_ptr<Socket> Loop::connect(SocketUser& user) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  check(descriptor, "socket");
  auto connection = std::make_unique<Socket>(*this, user, descriptor);
  const int on = 1;
  const linger reset{1, 0};
  check(setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  check(setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on), "bind");
  check(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
  // From many addresses: connections that the server closes occupy their ports for a minute.
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x7f000101U + connections_++ % kSources);
  check(bind(descriptor, generic(address), sizeof address), "bind");
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port_);
  if (::connect(descriptor, generic(address), sizeof address) < 0 && errno != EINPROGRESS) {
    fail("connect");
  }
  return connection;
}

void Loop::discard(std::unique_ptr<Socket> socket) {
  if (!socket) return;
  socket->is_open_ = false;
  if (socket->descriptor_ >= 0) close(std::exchange(socket->descriptor_, -1));
  discarded_.push_back(std::move(socket));
}

void Loop::turn(Time deadline) {
  const auto now = Clock::now();
  if (now >= next_second_) {
    next_second_ = now + std::chrono::seconds(1);
    if (every_second) every_second();
  }
  const auto wait = std::max(Duration::zero(), std::min(deadline, next_second_) - now);
  const auto nanoseconds = std::chrono::nanoseconds(wait).count();
  const timespec timeout{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  std::array<epoll_event, 256> events{};
  auto count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
  if (count == 0 && nanoseconds > 0) {
    // epoll_wait() counts in milliseconds, which is too coarse for a rate.
    pollfd set{epoll_, POLLIN, 0};
    if (ppoll(&set, 1, &timeout, nullptr) > 0) {
      count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
    }
  }
  for (int i = 0; i < count; ++i) {
    auto& event = events.at(static_cast<std::size_t>(i));
    static_cast<Socket*>(event.data.ptr)->handle(event.events, buffer_);
  }
  discarded_.clear();
  garbage_.clear();
}

void Loop::run_until(const std::function<bool()>& is_done, Duration limit, std::string_view what) {
  const auto deadline = Clock::now() + limit;
  while (!is_done()) {
    if (Clock::now() >= deadline) throw std::runtime_error("waited too long: " + std::string(what));
    turn(deadline);
  }
}

void Loop::run_for(Duration duration) {
  const auto deadline = Clock::now() + duration;
  while (Clock::now() < deadline) turn(deadline);
}

}  // namespace sigway::load
