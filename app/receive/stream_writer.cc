#include "app/receive/stream_writer.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <cstring>

namespace linecast::app {
namespace {

constexpr int kLookAgainMs = 100;

size_t piece_size(int fd) {
  struct stat about {};
  const bool is_file = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  return is_file ? size_t{1} << 20 : PIPE_BUF;
}

}  // namespace

StreamWriter::StreamWriter(int fd, std::string name)
    : fd_(fd), name_(std::move(name)), piece_bytes_(piece_size(fd)), thread_([this] { run(); }) {}

StreamWriter::~StreamWriter() {
  finish(0);
  thread_.join();
}

bool StreamWriter::write(Bytes bytes) {
  if (state() != State::kGood) return false;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() + bytes.size() > kQueueBytes) return false;
    queue_.insert(queue_.end(), bytes.begin(), bytes.end());
  }
  changed_.notify_all();
  return true;
}

void StreamWriter::finish(int seconds) {
  std::unique_lock lock(mutex_);
  finishing_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, std::chrono::seconds(seconds), [this] { return idle_ && queue_.empty(); });
  abandoned_.store(true, std::memory_order_release);
}

std::string StreamWriter::failure() const {
  const std::lock_guard lock(mutex_);
  return fmt::format("cannot write to {}: {}", name_, std::strerror(error_));
}

void StreamWriter::run() {
  std::vector<uint8_t> taken;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      idle_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return !queue_.empty() || finishing_; });
      if (queue_.empty()) return;
      idle_ = false;
      taken.clear();
      taken.swap(queue_);
    }
    Bytes rest = taken;
    while (!rest.empty() && !abandoned_.load(std::memory_order_acquire) && write_some(rest)) {
    }
    if (rest.empty()) continue;
    const std::lock_guard lock(mutex_);
    queue_.clear();
    idle_ = true;
    changed_.notify_all();
    return;
  }
}

// False where nothing more can be written.
bool StreamWriter::write_some(Bytes& rest) {
  pollfd ready{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
  if (poll(&ready, 1, kLookAgainMs) <= 0) return true;
  const ssize_t written = ::write(fd_.get(), rest.data(), std::min(rest.size(), piece_bytes_));
  if (written >= 0) {
    rest = rest.subspan(static_cast<size_t>(written));
    return true;
  }
  const int why = errno;
  if (why == EAGAIN || why == EINTR) return true;
  {
    const std::lock_guard lock(mutex_);
    error_ = why;
  }
  state_.store(why == EPIPE ? State::kClosed : State::kFailed, std::memory_order_release);
  return false;
}

}  // namespace linecast::app
