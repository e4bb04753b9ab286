// Usage records as JSON lines: append-only files.
//
// `path` is written; when it has grown beyond `most_bytes` it becomes path.1, that path.2 and so on, and the
// last of `files` is removed. Whoever moves the file away (logrotate) need not tell: a new one is made. After
// a crash a half written line is cut off, and records that are there already (by the number in the last line
// of path, or of path.1) are not written again.
#pragma once

#include <memory>

#include "lib/base/file.h"
#include "lib/usage/sink.h"

namespace linecast::usage {

class JsonLinesSink : public Sink {
 public:
  struct Config {
    std::string path;
    uint64_t most_bytes = uint64_t{64} << 20;  // of a file, but that batches are kept together
    unsigned files = 10;                       // with the one that is written; at least 1
  };

  explicit JsonLinesSink(const Config& config) : config_(config) {}

  void deliver(std::span<const NumberedRecord> records) override;

 private:
  void open();
  bool moved_away() const;
  uint64_t last_number_in(const std::string& path, int fd, uint64_t& good_bytes) const;
  void write(std::string_view text);
  void rotate();
  std::string rotated(unsigned n) const { return config_.path + '.' + std::to_string(n); }

  const Config config_;
  std::unique_ptr<FileDescriptor> file_;  // null: to be opened
  uint64_t size_ = 0;                     // of it
  uint64_t last_ = 0;                     // number of the last record written
};

}  // namespace linecast::usage
