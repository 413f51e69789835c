#include "server/folder.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <system_error>

namespace sigway::server {

namespace {

// Names that begin with a dot hold what no visitor is meant to see: .git, .env, .htpasswd. The one
// folder for the world is /.well-known/ (RFC 8615 section 3).
bool is_hidden(std::string_view file) {
  constexpr std::string_view kWellKnown = ".well-known/";
  if (file.starts_with(kWellKnown)) file.remove_prefix(kWellKnown.size());
  return file.starts_with('.') || file.find("/.") != std::string_view::npos;
}

// Where an open file or folder is now. Empty if the system does not say.
std::string path_of(int descriptor) {
  const auto link = "/proc/self/fd/" + std::to_string(descriptor);
  std::string path(PATH_MAX, '\0');
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  path.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return path;
}

// Whether a file that symbolic links led to has a hidden name. Two dots at the beginning hide
// nothing here: Kubernetes keeps the files of a ConfigMap in ..data, and links to them.
bool leads_to_hidden(int folder, int file) {
  const auto root = path_of(folder);
  auto path = path_of(file);
  if (root.empty() || !path.starts_with(root)) return true;
  if (root != "/") path.erase(0, root.size());
  if (!path.starts_with('/')) return true;
  for (std::size_t at = 0; (at = path.find("/..", at)) != std::string::npos;) path.erase(at + 1, 2);
  return is_hidden(std::string_view(path).substr(1));
}

// Opens a file below the folder; the kernel itself refuses every way out of it, symbolic links and
// a race with somebody who moves things included.
int open_below(int folder, std::string_view file) {
  if (is_hidden(file)) return -1;
  const std::string path(file);
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  const auto open = [&] {
    return static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how));
  };
  int opened = open();
  if (opened < 0 && errno == ELOOP) {
    // There is a symbolic link: what it leads to has a name of its own.
    how.resolve &= ~std::uint64_t{RESOLVE_NO_SYMLINKS};
    opened = open();
    if (opened < 0 || !leads_to_hidden(folder, opened)) return opened;
    ::close(opened);
    return -1;
  }
  if (opened >= 0 || (errno != ENOSYS && errno != EPERM)) return opened;

  // An old kernel or a sandbox: walk by hand and follow no link at all.
  int directory = ::fcntl(folder, F_DUPFD_CLOEXEC, 0);
  std::string_view rest = file;
  while (directory >= 0) {
    const std::size_t slash = rest.find('/');
    const std::string name(rest.substr(0, slash));
    const bool is_last = slash == std::string_view::npos;
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (is_last ? 0 : O_DIRECTORY);
    const int next = name == ".." ? -1 : ::openat(directory, name.c_str(), flags);
    ::close(directory);
    if (is_last || next < 0) return next;
    directory = next;
    rest.remove_prefix(slash + 1);
  }
  return -1;
}

// A regular file that is open.
class OpenFile {
 public:
  OpenFile(int folder, std::string_view file) : descriptor_(open_below(folder, file)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  // None if it is no regular file.
  std::optional<FileVersion> version() const {
    struct stat status {};
    if (!is_open() || ::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode))
      return std::nullopt;
    return FileVersion(status);
  }

 private:
  const int descriptor_;
};

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

FileVersion::FileVersion(const struct stat& status)
    : device(status.st_dev),
      inode(status.st_ino),
      size(static_cast<std::size_t>(status.st_size)),
      modified(nanoseconds(status.st_mtim)),
      changed(nanoseconds(status.st_ctim)) {}

std::string FileVersion::etag() const {
  // FNV-1a. Nobody gains by forging an ETag.
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const std::uint64_t part :
       {std::uint64_t{device}, std::uint64_t{inode}, static_cast<std::uint64_t>(modified),
        static_cast<std::uint64_t>(changed)}) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
      hash ^= (part >> shift) & 0xFFU;
      hash *= 0x100000001b3U;
    }
  }
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "\"%016llx-%zu\"",
                                   static_cast<unsigned long long>(hash), size);
  return {text.data(), static_cast<std::size_t>(length)};
}

// A part of one version of a file, for all answers that send it at the same time.
class Folder::Slice {
 public:
  Slice(std::shared_ptr<const Folder> folder, const SliceKey& key, std::unique_ptr<char[]> bytes,
        std::size_t size)
      : folder_(std::move(folder)), key_(key), bytes_(std::move(bytes)), size_(size) {}
  ~Slice() { folder_->forget(key_); }
  Slice(const Slice&) = delete;
  Slice& operator=(const Slice&) = delete;

  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  const std::shared_ptr<const Folder> folder_;
  const SliceKey key_;
  const std::unique_ptr<char[]> bytes_;
  const std::size_t size_;
};

class Folder::Body final : public http::BodySource {
 public:
  Body(std::shared_ptr<const Folder> folder, std::string file, const FileVersion& version)
      : folder_(std::move(folder)), file_(std::move(file)), version_(version) {}

  std::size_t size() const override { return version_.size; }
  std::optional<base::Bytes> next() override {
    auto slice = folder_->slice(file_, {version_, offset_});
    if (!slice) return std::nullopt;
    const std::string_view bytes = slice->view();
    offset_ += bytes.size();
    return base::Bytes::borrowed(std::move(slice), bytes);
  }

 private:
  const std::shared_ptr<const Folder> folder_;
  const std::string file_;
  const FileVersion version_;
  std::size_t offset_ = 0;
};

std::variant<std::shared_ptr<const Folder>, std::string> Folder::open(const std::string& path,
                                                                      ReadAt read_at) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return "Cannot serve the folder " + path + ": " + std::generic_category().message(errno) + ".";
  return std::shared_ptr<const Folder>(new Folder(descriptor, std::move(read_at)));
}

Folder::Folder(int descriptor, ReadAt read_at)
    : descriptor_(descriptor), read_at_(std::move(read_at)) {}

Folder::~Folder() { ::close(descriptor_); }

std::optional<FileVersion> Folder::find(std::string_view file) const {
  return OpenFile(descriptor_, file).version();
}

std::shared_ptr<http::BodySource> Folder::body(std::string file, const FileVersion& version) const {
  return std::make_shared<Body>(shared_from_this(), std::move(file), version);
}

std::size_t Folder::held_slices() const {
  const std::lock_guard lock(mutex_);
  return slices_.size();
}

// Null: it cannot be read, or the file has changed.
std::shared_ptr<const Folder::Slice> Folder::slice(const std::string& file,
                                                   const SliceKey& key) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = slices_.find(key); found != slices_.end()) {
      if (auto slice = found->second.lock()) return slice;
    }
  }
  const auto& [version, offset] = key;
  if (offset >= version.size) return nullptr;
  const std::size_t size = std::min(kSliceBytes, version.size - offset);
  auto bytes = read(file, key, size);
  if (!bytes) return nullptr;
  // Destroyed after the lock, which its destructor takes too.
  auto made = std::make_shared<const Slice>(shared_from_this(), key, std::move(bytes), size);
  const std::lock_guard lock(mutex_);
  auto& entry = slices_[key];
  // Another shard may have read the same slice meanwhile: one copy is enough.
  if (auto other = entry.lock()) return other;
  entry = made;
  return made;
}

std::unique_ptr<char[]> Folder::read(const std::string& file, const SliceKey& key,
                                     std::size_t size) const {
  const auto& [version, offset] = key;
  // Opened for each slice: an answer that waits for a slow client holds no descriptor, or files
  // would use up those that connections need.
  const OpenFile open(descriptor_, file);
  if (!open.is_open()) return nullptr;
  auto bytes = std::make_unique<char[]>(size);
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t count = read_at_(open.descriptor(), bytes.get() + filled, size - filled,
                                   static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return nullptr;  // zero: it has become shorter
    filled += static_cast<std::size_t>(count);
  }
  // After the read, so that a write that began since the version was found is noticed.
  return open.version() == version ? std::move(bytes) : nullptr;
}

// Called by a slice that dies. Another one may have taken its place already.
void Folder::forget(const SliceKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = slices_.find(key);
  if (found != slices_.end() && found->second.expired()) slices_.erase(found);
}

}  // namespace sigway::server
