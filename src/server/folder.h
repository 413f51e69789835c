#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "http/response.h"

namespace sigway::server {

// What tells one version of a file from every other, without a look at its bytes: whoever writes to
// it changes the times, whoever replaces it the inode. The times change when a write begins, so a
// file that is found in the middle of its last write may be sent half old: replace files by rename.
struct FileVersion {
  dev_t device = 0;
  ino_t inode = 0;
  std::size_t size = 0;
  std::int64_t modified = 0;  // nanoseconds since the epoch
  std::int64_t changed = 0;

  explicit FileVersion(const struct stat& status);
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the comparison's 0 for a pointer
  auto operator<=>(const FileVersion&) const = default;
  std::string etag() const;  // strong, with quotes
};

// The files below one folder. A file is read in slices while it is sent, so the size of a file
// decides neither how long a read takes nor how much memory an answer holds. All answers that are
// at the same slice of one version share its bytes. No descriptor stays open between two slices.
// No file is found whose path has a name that begins with a dot, except below /.well-known/.
// Thread: any. No lock is held during a read. Lifetime: bodies and slices keep their folder alive.
class Folder : public std::enable_shared_from_this<Folder> {
 public:
  static constexpr std::size_t kSliceBytes = std::size_t{64} * 1024;
  // As pread(2).
  using ReadAt = std::function<ssize_t(int descriptor, void* into, std::size_t size, off_t at)>;

  // The error is a sentence: the folder cannot be opened.
  static std::variant<std::shared_ptr<const Folder>, std::string> open(const std::string& path,
                                                                       ReadAt read_at);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  // The version of a file that is there now; none if there is no such regular file.
  std::optional<FileVersion> find(std::string_view file) const;
  // The bytes of that version. `next` fails if the file has another version by then.
  std::shared_ptr<http::BodySource> body(std::string file, const FileVersion& version) const;
  // How many slices are in memory.
  std::size_t held_slices() const;

 private:
  class Slice;
  class Body;
  using SliceKey = std::pair<FileVersion, std::size_t>;  // the version, and the slice's offset
  Folder(int descriptor, ReadAt read_at);
  std::shared_ptr<const Slice> slice(const std::string& file, const SliceKey& key) const;
  std::unique_ptr<char[]> read(const std::string& file, const SliceKey& key,
                               std::size_t size) const;
  void forget(const SliceKey& key) const;

  const int descriptor_;  // everything is opened relative to it
  const ReadAt read_at_;
  mutable std::mutex mutex_;
  mutable std::map<SliceKey, std::weak_ptr<const Slice>> slices_;  // guarded by mutex_
};

}  // namespace sigway::server
