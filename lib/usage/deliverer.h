// Moves records from the journal to one sink, in batches, and tries again what fails. step() is for a thread
// of its own, as sinks may be slow; status() for any.
#pragma once

#include <memory>

#include "lib/usage/journal_reader.h"
#include "lib/usage/sink.h"

namespace linecast::usage {

struct SinkStatus {
  std::string name;
  uint64_t waiting = 0;           // records in the journal that it has not got
  uint64_t delivered = 0;         // since the start
  uint64_t failures = 0;          // since the start
  TimeNs failing_since = kNever;  // kNever: the last attempt went well
  TimeNs next_attempt = 0;        // while it fails
  std::string last_error;         // empty: none since the start
};

class Deliverer {
 public:
  static constexpr size_t kBatch = 10'000;  // records
  static constexpr TimeNs kIdleNs = 200 * kNsPerMs;
  static constexpr TimeNs kFirstBackOffNs = kNsPerSecond;  // doubles with each failure in a row, up to:
  static constexpr TimeNs kLongestBackOffNs = 60 * kNsPerSecond;

  // index: of the sink in JournalConfig::sinks. The journal must outlive it.
  Deliverer(Journal& journal, size_t index, std::string name, std::unique_ptr<Sink> sink);

  // Delivers a batch, or tries to. Returns when to call again: now, where there is more.
  TimeNs step(TimeNs now);
  SinkStatus status() const;

 private:
  TimeNs failed(TimeNs now, std::string what);

  Journal& journal_;
  const size_t index_;
  // The sink's thread:
  std::unique_ptr<Sink> sink_;
  JournalReader reader_;
  std::vector<NumberedRecord> batch_;
  TimeNs back_off_ = kFirstBackOffNs;
  // Under the mutex, written by the sink's thread:
  mutable std::mutex mutex_;
  SinkStatus status_;
};

}  // namespace linecast::usage
