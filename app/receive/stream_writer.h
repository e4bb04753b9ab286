// Writes a stream to a file, a pipe or a terminal from a thread of its own, so that a slow reader never holds
// the network side up: what does not fit in the queue is dropped as a whole and said so.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/file.h"

namespace linecast::app {

class StreamWriter {
 public:
  static constexpr size_t kQueueBytes = 16 << 20;

  // Takes over the descriptor. `name` for messages.
  StreamWriter(int fd, std::string name);
  ~StreamWriter();
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;

  // Queues all of it or, returning false, nothing. Never blocks for long.
  bool write(Bytes bytes);
  // Waits until all is written, but no longer than `seconds` where the reader does not read.
  void finish(int seconds);

  enum class State : uint8_t { kGood, kClosed, kFailed };
  // kClosed: the reader of the pipe has gone.
  State state() const { return state_.load(std::memory_order_acquire); }
  std::string failure() const;

 private:
  void run();
  bool write_some(Bytes& rest);

  const FileDescriptor fd_;
  const std::string name_;
  size_t piece_bytes_;  // that a descriptor takes without blocking once it is ready
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<uint8_t> queue_;  // guarded by mutex_, as the next three
  bool finishing_ = false;
  bool idle_ = true;
  int error_ = 0;
  std::atomic<State> state_{State::kGood};
  std::atomic<bool> abandoned_{false};
  std::thread thread_;
};

}  // namespace linecast::app
