#include "server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace sigway::floor {
namespace {

constexpr std::size_t kInput = 256U << 10U;

int check(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

rlim_t raise_descriptor_limit() {
  rlimit limit{};
  check(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  check(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
  return limit.rlim_cur;
}

}  // namespace

Server::Server(std::uint16_t port)
    : listener_(check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")),
      epoll_(check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      connections_(raise_descriptor_limit()),
      buffer_(kHeadRoom + kInput + kTailRoom) {
  const int on = 1;
  check(setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
  // Accepted sockets inherit it.
  check(setsockopt(listener_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  sockaddr_in address{};
  socklen_t size = sizeof address;
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  check(bind(listener_, generic, size), "bind");
  check(listen(listener_, 4096), "listen");
  check(getsockname(listener_, generic, &size), "getsockname");
  port_ = ntohs(address.sin_port);
  watch(listener_, false, EPOLL_CTL_ADD);
}

Server::~Server() {
  close(listener_);
  close(epoll_);
}

void Server::watch(int descriptor, bool writes, int operation) const {
  epoll_event event{};
  event.events = EPOLLIN | (writes ? EPOLLOUT : 0U);
  event.data.fd = descriptor;
  check(epoll_ctl(epoll_, operation, descriptor, &event), "epoll_ctl");
}

void Server::run() {
  std::array<epoll_event, 512> events{};
  for (;;) {
    const auto count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const auto& event = events.at(static_cast<std::size_t>(i));
      const auto descriptor = event.data.fd;
      if (descriptor == listener_) {
        accept_all();
        continue;
      }
      if (at(descriptor).is_open && (event.events & EPOLLOUT) != 0) write(descriptor);
      if (at(descriptor).is_open && (event.events & ~static_cast<unsigned>(EPOLLOUT)) != 0) {
        read(descriptor);
      }
    }
  }
}

void Server::accept_all() {
  for (int i = 0; i < 64; ++i) {
    const auto descriptor = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return;
    at(descriptor).is_open = true;
    watch(descriptor, false, EPOLL_CTL_ADD);
  }
}

void Server::drop(int descriptor) {
  auto& connection = at(descriptor);
  if (connection.kind != Kind::none) rooms_.leave(connection.room, descriptor);
  connection = Connection();
  close(descriptor);
}

void Server::send(int descriptor, std::string_view bytes) {
  auto& connection = at(descriptor);
  if (!connection.output) {
    const auto sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (bytes.empty()) return;
    connection.output = std::make_unique<std::string>();
  }
  connection.output->append(bytes);
  if (!connection.waits_to_write) watch(descriptor, true, EPOLL_CTL_MOD);
  connection.waits_to_write = true;
}

void Server::write(int descriptor) {
  auto& connection = at(descriptor);
  if (!connection.output) return;
  auto& output = *connection.output;
  const auto sent = ::send(descriptor, output.data(), output.size(), MSG_NOSIGNAL);
  if (sent > 0) output.erase(0, static_cast<std::size_t>(sent));
  if (!output.empty()) return;
  connection.output.reset();
  connection.waits_to_write = false;
  watch(descriptor, false, EPOLL_CTL_MOD);
}

void Server::read(int descriptor) {
  auto& connection = at(descriptor);
  Payload input{buffer_.data() + kHeadRoom, 0};
  if (connection.input) {
    input.size = connection.input->copy(input.data, kInput);
    connection.input.reset();
  }
  const auto got = recv(descriptor, input.data + input.size, kInput - input.size, 0);
  if (got <= 0) {
    if (got == 0 || errno != EAGAIN) drop(descriptor);
    return;
  }
  input.size += static_cast<std::size_t>(got);
  while (input.size > 0) {
    const auto used = connection.kind == Kind::socket ? take_frame(descriptor, input)
                                                      : take_request(descriptor, input);
    if (!connection.is_open) return;
    if (used == 0) {
      connection.input = std::make_unique<std::string>(input.data, input.size);
      return;
    }
    input.data += used;
    input.size -= used;
  }
}

void Server::relay(const Connection& from, Payload payload) {
  rooms_.relay(
      from.room, from.seat, payload,
      [this](int descriptor, std::string_view bytes) { send(descriptor, bytes); },
      [this](int descriptor) { at(descriptor).kind = Kind::none; });
}

}  // namespace sigway::floor
