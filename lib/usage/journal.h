// The appliance's own journal of usage records: what is in it is acknowledged, and waits there for the sinks
// that it is delivered to. One process a directory, one writing thread, one thread for each sink.
//
// Files of the directory: segments (journal_segment.h), "cursor-SINK" with the number of the next record that
// the sink is to get, and "lock". Record numbers rise for good, also over a lost directory: a new segment
// begins with at least the start number. When the bound is reached the oldest segments go whose records all
// sinks have; where the oldest still waits for a sink, nothing more is taken.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "lib/base/file.h"
#include "lib/usage/journal_segment.h"

namespace linecast::usage {

struct JournalConfig {
  std::string directory;  // must exist
  // Of all segments. A record takes 87 bytes and its channel's name.
  uint64_t most_bytes = uint64_t{256} << 20;
  uint64_t segment_bytes = uint64_t{16} << 20;  // at most a quarter of most_bytes is used
  uint64_t start_number = 0;                    // of the appliance: above all former ones
  std::vector<std::string> sinks;  // names, good for files; those missing here are not waited for
};

struct Segment {
  uint64_t first = 0;    // number of its first record
  uint64_t records = 0;  // on the disk
  uint64_t bytes = 0;    // with header
  uint64_t end() const { return first + records; }
};

class Journal {
 public:
  // Finds what is there, cuts off what a crash left half written, and opens. Throws Error where the directory
  // can't be used.
  explicit Journal(const JournalConfig& config);
  ~Journal();

  // What was found wrong on opening, one sentence each: bytes that were cut off or can't be read.
  const std::vector<std::string>& notes() const { return notes_; }

  // The writer's. When it returns, all of them are on the disk. Throws Error, and then none is taken: the
  // disk is full or broken, or the bound is reached. About 10,000 at once is a good number.
  void append(std::span<const UsageRecord> records);

  // --- of any thread, from here on ---

  // The segment that holds record `number`, or the next one that has any above; none: there are no more.
  std::optional<Segment> segment_at(uint64_t number) const;
  std::string path_of(const Segment& segment) const;
  // Where a sink goes on. `sink`: index in JournalConfig::sinks.
  uint64_t cursor(size_t sink) const;
  // All records before `next` have been delivered. On the disk when it returns; throws Error where that
  // fails, and then the sink may get them again after a restart.
  void delivered(size_t sink, uint64_t next);
  uint64_t waiting(size_t sink) const;  // records that it has not got
  uint64_t bytes() const;
  uint64_t most_bytes() const { return config_.most_bytes; }

 private:
  void lock_directory();
  void find_segments();
  bool take_up(const SegmentScan& scan, uint64_t first, bool last);
  void find_cursors();
  std::string cursor_path(size_t sink) const;
  void make_room(uint64_t bytes);
  void open_segment();
  void give_up_segment();

  const JournalConfig config_;
  const uint64_t segment_bytes_;
  std::unique_ptr<FileDescriptor> lock_;
  std::vector<std::string> notes_;
  // The writer's:
  std::unique_ptr<FileDescriptor> current_;  // null: the next append opens a new segment
  uint64_t next_number_;
  std::string frames_;  // of the batch in hand
  // Under the mutex, which nobody holds while the disk is waited for: others ask for the status. The writer
  // alone changes segments_, and so reads it without; a sink's thread alone changes its cursor.
  mutable std::mutex mutex_;
  std::deque<Segment> segments_;  // by number; the last is current_'s while that is open
  std::vector<uint64_t> cursors_;
};

}  // namespace linecast::usage
