// Small files that matter (keys, start numbers): descriptors that close themselves, bounded reading, writing
// that has reached the disk. Control path only. errno says why where a call answers false or a bad
// descriptor.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace linecast {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Reads to the end, at most `text.size()` bytes, and cuts `text` to what was read: a full one may mean that
// there is more. Takes the memory from the caller, who may have to wipe it.
inline bool read_bounded(const FileDescriptor& file, std::string& text) {
  size_t got = 0;
  while (got < text.size()) {
    const ssize_t n = ::read(file.get(), &text[got], text.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  text.resize(got);
  return true;
}

inline bool write_and_sync(const FileDescriptor& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return ::fsync(file.get()) == 0;
}

// A new or renamed file is sure to be found again only once its directory is on the disk.
inline bool sync_directory(const std::string& directory) {
  const FileDescriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened.ok() && ::fsync(opened.get()) == 0;
}

inline std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// A path as a shell takes it, for commands in messages.
inline std::string shell_quoted(std::string_view path) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%";
  if (!path.empty() && path.front() != '-' && path.find_first_not_of(kPlain) == std::string_view::npos)
    return std::string(path);
  std::string quoted = "'";
  for (const char c : path) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

// Behind a message that the file can't be made or written: what is to be done, by errno's value; empty where
// that says enough.
inline std::string advice_to_write(int why, const std::string& path) {
  const std::string directory = shell_quoted(directory_of(path));
  switch (why) {
    case EACCES:
    case EPERM:
      return ". Its directory must be writable by the user that runs linecast: chown \"$USER\" " + directory;
    case EROFS:
      return ". Make its file system writable: mount -o remount,rw \"$(findmnt -no TARGET -T " + directory +
             ")\"";
    case ENOSPC:
    case EDQUOT:
      return ". Make room; what is full shows: df -h " + directory + " && df -i " + directory;
    case ENOENT:
      return ". Make its directory: mkdir -p -m 700 " + directory;
    default:
      return "";
  }
}

}  // namespace linecast
