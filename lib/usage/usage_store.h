// Keeps usage records: takes them from the control lcore without ever making it wait, brings them into the
// journal, and from there to the sinks, each on a thread of its own.
//
// Two threads meet in the queue only: the control lcore pushes, the writer pops. Sinks' threads share the
// journal with the writer. A record is acknowledged when it is in the journal: at most kCommitNs and one
// write after push(). While the journal can't be written (disk full, bound reached) the writer tries again
// every second and the queue fills; when it is full, push() answers false.
#pragma once

#include "lib/base/record_queue.h"
#include "lib/usage/deliverer.h"
#include "lib/usage/worker.h"

namespace linecast::usage {

struct NamedSink {
  std::string name;  // good for a file's name; where it is new, the sink gets all that the journal has
  std::unique_ptr<Sink> sink;
};

struct StoreStatus {
  uint64_t acknowledged = 0;  // records in the journal, since the start
  uint64_t journal_bytes = 0, journal_most_bytes = 0;
  TimeNs failing_since = kNever;  // of the journal; kNever: it can be written
  std::string last_error;         // empty: none since the start
  std::vector<SinkStatus> sinks;
};

class UsageStore {
 public:
  static constexpr TimeNs kCommitNs = 100 * kNsPerMs;
  static constexpr TimeNs kRetryNs = kNsPerSecond;

  struct Config {
    JournalConfig journal;  // `sinks` is filled in here
    size_t queue = 65'536;  // records, about 160 bytes each
  };

  // Opens the journal and starts the threads. Throws Error where the journal can't be used; sinks that can't
  // are tried again.
  UsageStore(Config config, std::vector<NamedSink> sinks, Clock clock);
  ~UsageStore() { stop(); }

  // The control lcore's. Never waits; false where the queue is full.
  bool push(const UsageRecord& record) { return queue_.push(record); }
  // The control lcore's, after the last push(): what was pushed goes into the journal, and then on to the
  // sinks, kLastBatches for each at most; what is left waits for the next start. Waits for the threads.
  // Returns how many records could not be brought into the journal, and are lost.
  size_t stop();

  // Of any thread.
  StoreStatus status() const;
  const std::vector<std::string>& notes() const { return journal_.notes(); }

 private:
  static constexpr size_t kBatch = 10'000;
  static constexpr int kLastBatches = 20;

  TimeNs write(TimeNs now);

  const Clock clock_;
  RecordQueue<UsageRecord> queue_;
  Journal journal_;
  std::vector<std::unique_ptr<Deliverer>> deliverers_;
  std::vector<UsageRecord> batch_;  // the writer's: taken off the queue, and not in the journal yet
  bool stopped_ = false;
  // Under the mutex, written by the writer's thread:
  mutable std::mutex mutex_;
  uint64_t acknowledged_ = 0;
  TimeNs failing_since_ = kNever;
  std::string last_error_;
  // Last: they use all of the above.
  std::vector<std::unique_ptr<Worker>> sink_threads_;
  std::unique_ptr<Worker> writer_;
};

}  // namespace linecast::usage
