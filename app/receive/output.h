// Takes a channel's packets to where they are played: datagrams as they are, or as the bytes of a stream.
#pragma once

#include <memory>

#include "app/receive/output_target.h"
#include "app/receive/stream_writer.h"
#include "lib/base/counters.h"
#include "lib/smart/receive/playout_buffer.h"

namespace linecast::app {

#define LINECAST_OUTPUT_COUNTERS(_)                                                             \
  _(kDropped, "output_dropped", "packets that the output did not take: its reader is too slow") \
  _(kUnfit, "output_unfit", "packets that the output cannot carry: broken RTP, or opaque ones to RTP")
LINECAST_COUNTER_LIST(OutputCounter, LINECAST_OUTPUT_COUNTERS)
using OutputCounters = CounterSet<OutputCounter, kOutputCounterCount>;

class Output {
 public:
  explicit Output(OutputCounters& counters) : counters_(counters) {}
  virtual ~Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  virtual void play(const smart::PlayedPacket& packet) = 0;
  // What was played may be on its way only after this.
  virtual void flush() {}
  // Waits a while for what is still on its way.
  virtual void finish() {}
  virtual StreamWriter::State state() const { return StreamWriter::State::kGood; }
  virtual std::string failure() const { return {}; }

 protected:
  OutputCounters& counters_;
};

// Throws Error where it cannot be opened.
std::unique_ptr<Output> open_output(const OutputTarget& target, OutputCounters& counters);

}  // namespace linecast::app
