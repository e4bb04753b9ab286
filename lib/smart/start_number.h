// Start numbers: each start of a sender has one that is above all before it, whatever the clock does, kept in
// the state directory. Control path; does file I/O, reads no clock.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/file.h"

namespace linecast::smart {

// The start number of this process, and the hold on its state directory: no other process can take a start
// number from the same directory while this lives.
class StartNumber {
 public:
  // value() = max(clock_ns, stored + 1), on the disk before the constructor returns. clock_ns: nanoseconds
  // since 1970. Throws Error where the directory is missing, in use by another process or not writable, and
  // where the stored number cannot be read: it never starts over.
  StartNumber(const std::string& state_directory, uint64_t clock_ns);

  // Takes a further one, for streams that begin later in this process: value() from now on. Throws likewise,
  // and value() is then as before.
  void renew(uint64_t clock_ns);

  uint64_t value() const { return value_; }

 private:
  const std::string directory_;
  FileDescriptor lock_;
  uint64_t value_ = 0;
};

}  // namespace linecast::smart
