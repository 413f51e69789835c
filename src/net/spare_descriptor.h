#pragma once

#include <functional>
#include <shared_mutex>

#include "net/address.h"

namespace sigway::net {

// A descriptor that is kept so that a client can still be told that there is none left. One for the
// process, as the limit is: with one for each acceptor, what one gives up for a refusal another
// takes for a connection, and the first can refuse nobody from then on. Thread: any.
class SpareDescriptor {
 public:
  static SpareDescriptor& of_process();

  SpareDescriptor();
  ~SpareDescriptor();
  SpareDescriptor(const SpareDescriptor&) = delete;
  SpareDescriptor& operator=(const SpareDescriptor&) = delete;

  // accept4(2), non-blocking and close-on-exec, but never with the spare one. `peer` gets the
  // address of the other end.
  int accept(int listening, Address* peer = nullptr);

  // Accepts one connection in place of the spare and hands its descriptor to `refuse`, which closes
  // it. False when nothing could be accepted: nobody waits, or the spare was lost to another part
  // of the process and there is still no descriptor to replace it.
  bool accept_to_refuse(int listening, const std::function<void(int descriptor)>& refuse);

 private:
  bool ensure_spare();
  void release_spare();

  std::shared_mutex mutex_;  // shared by those who accept, alone while the spare is given up
  int spare_ = -1;
};

}  // namespace sigway::net
