// Where records go from the journal: what a further kind of sink has to implement.
#pragma once

#include <span>
#include <string>

#include "lib/usage/usage_record.h"

namespace linecast::usage {

class Sink {
 public:
  Sink() = default;
  virtual ~Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  // All calls come from one thread of the sink's own, which may take its time, but must not wait for ever.
  // Stores a batch, in order and by rising numbers, so that it survives a power cut. Throws Error where it
  // can't; the same records then come again, as they do after a crash: each must end up there once.
  virtual void deliver(std::span<const NumberedRecord> records) = 0;
};

}  // namespace linecast::usage
