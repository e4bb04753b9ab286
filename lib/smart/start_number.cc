#include "lib/smart/start_number.h"

#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <limits>

#include "lib/base/error.h"
#include "lib/base/process.h"

namespace linecast::smart {
namespace {

constexpr mode_t kMode = 0600;
constexpr size_t kMaxText = 21;  // 20 digits and a newline

[[noreturn]] void fail(const std::string& path, std::string_view what) {
  const int why = errno;
  const std::string advice =
      why == EACCES || why == EPERM  // the directory's files too: they are all linecast's
          ? fmt::format(
                ". The state directory must be writable by the user that runs linecast: chown -R \"$USER\" "
                "{}",
                shell_quoted(directory_of(path)))
          : advice_to_write(why, path);
  throw Error(fmt::format("{}: {}: {}{}", path, what, std::strerror(why), advice));
}

// The lock file stays when its owner ends; the lock does not.
int lock(const std::string& directory) {
  const std::string path = directory + "/lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode);
  if (fd < 0) {
    if (errno == ENOENT)
      throw Error(fmt::format("state directory {} does not exist: run: mkdir -p -m 700 {}", directory,
                              shell_quoted(directory)));
    if (errno == ENOTDIR)
      throw Error(fmt::format(
          "state directory {} is not a directory: name another as headend.state in the lineup", directory));
    fail(path, "cannot be opened");
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const int why = errno;
  ::close(fd);
  if (why == EWOULDBLOCK)
    throw Error(
        fmt::format("state directory {} is {}", directory,
                    in_use_by(holder_of(path), "Give this one its own (headend.state), or stop that one")));
  errno = why;
  fail(path, "cannot be locked");
}

// 0 where there is none yet.
uint64_t read_stored(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.ok()) {
    if (errno == ENOENT) return 0;
    fail(path, "cannot be opened");
  }
  std::string text(kMaxText + 1, '\0');
  if (!read_bounded(file, text)) fail(path, "cannot be read");
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, number);
  const bool sound = fault == std::errc() && stop + 1 == end && *stop == '\n' && number > 0 &&
                     number < std::numeric_limits<uint64_t>::max();
  if (!sound)
    throw Error(
        fmt::format("{}: damaged: it must hold one number, that of the last start, which must never come "
                    "back. If this machine's clock is right (check with: date), start numbers go on from the "
                    "clock: run: rm {}",
                    path, shell_quoted(path)));
  return number;
}

void store(const std::string& directory, const std::string& path, uint64_t number) {
  const std::string fresh = path + ".new";
  {
    const FileDescriptor file(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kMode));
    if (!file.ok() || !write_and_sync(file, fmt::format("{}\n", number))) fail(fresh, "cannot be written");
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) fail(path, "cannot be replaced");
  if (!sync_directory(directory)) fail(path, "cannot be made durable");
}

}  // namespace

StartNumber::StartNumber(const std::string& state_directory, uint64_t clock_ns)
    : directory_(state_directory), lock_(lock(state_directory)) {
  renew(clock_ns);
}

void StartNumber::renew(uint64_t clock_ns) {
  const std::string path = directory_ + "/start-number";
  const uint64_t next = std::max(clock_ns, read_stored(path) + 1);
  store(directory_, path, next);
  value_ = next;
}

}  // namespace linecast::smart
