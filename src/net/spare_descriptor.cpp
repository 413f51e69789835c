#include "net/spare_descriptor.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <utility>

namespace sigway::net {

namespace {

int accept_descriptor(int listening, Address* peer) {
  sockaddr_storage from{};
  auto* const generic = reinterpret_cast<sockaddr*>(&from);
  socklen_t size = sizeof from;
  const int descriptor = ::accept4(listening, generic, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor >= 0 && peer) *peer = Address::from_sockaddr(*generic);
  return descriptor;
}

}  // namespace

SpareDescriptor& SpareDescriptor::of_process() {
  static SpareDescriptor spare;
  return spare;
}

SpareDescriptor::SpareDescriptor() { ensure_spare(); }

SpareDescriptor::~SpareDescriptor() { release_spare(); }

int SpareDescriptor::accept(int listening, Address* peer) {
  const std::shared_lock lock(mutex_);
  return accept_descriptor(listening, peer);
}

bool SpareDescriptor::accept_to_refuse(int listening,
                                       const std::function<void(int descriptor)>& refuse) {
  const std::lock_guard lock(mutex_);
  if (!ensure_spare()) return false;
  release_spare();
  const int descriptor = accept_descriptor(listening, nullptr);
  if (descriptor >= 0) refuse(descriptor);
  ensure_spare();
  return descriptor >= 0;
}

bool SpareDescriptor::ensure_spare() {
  if (spare_ < 0) spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return spare_ >= 0;
}

void SpareDescriptor::release_spare() {
  if (spare_ >= 0) ::close(std::exchange(spare_, -1));
}

}  // namespace sigway::net
