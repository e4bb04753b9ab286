// Holds packets back and plays them in order, each as long after it came as the next, so that the sender's
// spacing is kept. A hole waits as long as the packet that revealed it, then it is given up. One thread.
#pragma once

#include "lib/base/time.h"
#include "lib/smart/receive/packet_pool.h"
#include "lib/smart/receive/receive_counters.h"
#include "lib/smart/receive/sequence_ring.h"
#include "lib/smart/wire.h"

namespace linecast::smart {

struct PlayedPacket {
  Bytes payload;  // only during the call
  PacketFormat format;
  uint64_t sequence;
  TimeNs due_ns;  // when it is to be played: the call may come a little later
};

// Where packets go, in order.
class PlayoutSink {
 public:
  virtual ~PlayoutSink() = default;
  virtual void play(const PlayedPacket& packet) = 0;
  // The sequences first .. first + count - 1 did not come in time.
  virtual void give_up(uint64_t first, uint64_t count) = 0;
};

// A payload in a block that was taken from the pool for it; the buffer gives the block back once it is
// played.
struct StoredPayload {
  uint8_t* block = nullptr;
  uint16_t size = 0;  // bytes
  PacketFormat format = PacketFormat::kOpaque;
};

class PlayoutBuffer {
 public:
  // max_packets: places for packets and holes, a power of two.
  PlayoutBuffer(TimeNs buffer_ns, size_t max_packets, PacketPool& pool, PlayoutSink& sink,
                ReceiveCounters& counters);
  PlayoutBuffer(const PlayoutBuffer&) = delete;
  PlayoutBuffer& operator=(const PlayoutBuffer&) = delete;

  // What follows is a new run of sequences from `first` on, of which `skipped` just before it are known to be
  // lost; it begins at `now`. What is held of the old run is played first, by its own times.
  void start(uint64_t first, uint64_t skipped, TimeNs now);

  // All sequences below `end` exist, as seen at `now`: places are kept for those not yet there. The caller
  // bounds how many that are (kMaxSequenceJump).
  void reveal(uint64_t end, TimeNs now);
  // Nothing but what is known had been sent by `now`: a later gap began after it.
  void confirm(TimeNs now) { confirmed_ns_ = now; }

  enum class Verdict : uint8_t { kStored, kFilled, kLate, kBeforeStart, kDuplicate };
  // Takes the block only on kStored (new at the end) and kFilled (it was missing).
  Verdict insert(uint64_t sequence, const StoredPayload& payload, TimeNs now);

  // Plays and gives up what is due.
  void play_due(TimeNs now);
  // Plays all that is held, at once and in order.
  void play_all();
  // Plays the first place early, to make room. False where nothing is held.
  bool release_early();

  TimeNs next_due() const;
  bool empty() const { return old_.empty() && current_.empty(); }
  size_t size() const { return old_.size() + current_.size(); }

 private:
  struct Slot {
    TimeNs due = 0;       // of the packet that is or would be here
    TimeNs deadline = 0;  // when a hole is given up
    StoredPayload payload;
    bool present() const { return payload.block != nullptr; }
    TimeNs leaves_at() const { return present() ? due : deadline; }
  };

  SequenceRing<Slot>& head() { return old_.empty() ? current_ : old_; }
  const SequenceRing<Slot>& head() const { return old_.empty() ? current_ : old_; }
  void push(const Slot& slot);
  void release_front();
  void report_holes();

  TimeNs buffer_ns_;
  PacketPool& pool_;
  PlayoutSink& sink_;
  ReceiveCounters& counters_;
  SequenceRing<Slot> old_;  // the rest of the run before this one
  SequenceRing<Slot> current_;
  uint64_t run_begin_ = 0;
  uint64_t skipped_ = 0;      // before the current run, not yet reported
  uint64_t holes_first_ = 0;  // given up, not yet reported
  uint64_t holes_ = 0;
  TimeNs last_due_ns_ = INT64_MIN;  // of the newest place
  TimeNs confirmed_ns_ = INT64_MIN;
};

}  // namespace linecast::smart
