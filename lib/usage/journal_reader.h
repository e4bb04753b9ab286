// Reads a journal on from a record, while it is written. One thread.
#pragma once

#include "lib/usage/journal.h"

namespace linecast::usage {

class JournalReader {
 public:
  // The journal must outlive it.
  explicit JournalReader(const Journal& journal) : journal_(journal) {}

  // The next records from number `from` on, `most` at most, of one segment; replaces `out`. None: there are
  // no more yet. Quick where `from` is where the last call ended. Throws Error where the segment can't be
  // read.
  void read(uint64_t from, size_t most, std::vector<NumberedRecord>& out);

 private:
  void open(const Segment& segment);
  bool next(UsageRecord& out);

  const Journal& journal_;
  std::unique_ptr<FileDescriptor> file_;
  std::string path_;
  uint64_t first_ = 0;    // the open segment's first number
  uint64_t number_ = 0;   // of the record that comes next
  std::string buffer_;    // what was read of the file ..
  size_t at_ = 0;         // .. and how far it is used
  uint64_t offset_ = 0;   // of the file: where the buffer ends
  uint64_t on_disk_ = 0;  // bytes of the file; what stands behind may be half written yet
};

}  // namespace linecast::usage
