#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

namespace sigway::client {

/// What clients have learnt of the networks on the way to their servers: a JSON object in a file,
/// with an entry for each server's address. An entry counts for half an hour: people come back to a
/// server sooner than they change networks.
///
/// Several processes may write it: the file is replaced as a whole, never written into, so that
/// each reads something whole; of two that write at once one entry may be lost. A file that is not
/// ours, or broken, counts as empty. Thread: any, one at a time for each object.
class Memory {
 public:
  using WallClock = std::function<std::chrono::system_clock::time_point()>;

  Memory(std::filesystem::path file, std::string address,
         WallClock now = std::chrono::system_clock::now);

  /// The JSON object last kept for this address; empty if there is none, or it is too old.
  std::string recall() const;
  /// Keeps a JSON object for this address; what is too old of the others goes. The folder is made
  /// where it is missing. Returns what went wrong, empty if nothing did.
  std::string keep(const std::string& what) const;

 private:
  std::filesystem::path file_;
  std::string address_;
  WallClock now_;
};

}  // namespace sigway::client
