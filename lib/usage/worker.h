// A thread that calls a step again and again, each time when the step before said. The clock is the caller's.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "lib/base/time.h"

namespace linecast::usage {

using Clock = std::function<TimeNs()>;  // monotonic; called from any thread

class Worker {
 public:
  using Step = std::function<TimeNs(TimeNs now)>;  // returns when it is to be called again

  Worker(Clock clock, Step step)
      : thread_([this, clock = std::move(clock), step = std::move(step)] { run(clock, step); }) {}
  ~Worker() { stop(); }

  // When it returns, the step does not run any more.
  void stop() {
    {
      const std::lock_guard hold(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  static constexpr TimeNs kLongestNap = 3600 * kNsPerSecond;

  void run(const Clock& clock, const Step& step) {
    std::unique_lock hold(mutex_);
    while (!stopping_) {
      hold.unlock();
      const TimeNs next = step(clock());
      const TimeNs nap = std::clamp<TimeNs>(next - clock(), 0, kLongestNap);
      hold.lock();
      if (nap > 0) wake_.wait_for(hold, std::chrono::nanoseconds(nap), [this] { return stopping_; });
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // under the mutex
  std::thread thread_;     // last: it uses the others
};

}  // namespace linecast::usage
