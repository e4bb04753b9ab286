#include "lib/smart/receive/playout_buffer.h"

#include <algorithm>

namespace linecast::smart {

PlayoutBuffer::PlayoutBuffer(TimeNs buffer_ns, size_t max_packets, PacketPool& pool, PlayoutSink& sink,
                             ReceiveCounters& counters)
    : buffer_ns_(buffer_ns),
      pool_(pool),
      sink_(sink),
      counters_(counters),
      old_(max_packets),
      current_(max_packets) {}

void PlayoutBuffer::start(uint64_t first, uint64_t skipped, TimeNs now) {
  while (!old_.empty()) release_early();  // a third run within one buffer: the first has to go
  std::swap(old_, current_);
  current_.restart(first);
  run_begin_ = first;
  skipped_ = skipped;
  confirmed_ns_ = now;
  counters_.add(ReceiveCounter::kLost, skipped);
  counters_.add(ReceiveCounter::kUnrecovered, skipped);
}

void PlayoutBuffer::reveal(uint64_t end, TimeNs now) {
  if (end <= current_.end()) return;
  // Those missing were sent somewhere between the last that is known and now: spread them evenly.
  const TimeNs deadline = std::max(now + buffer_ns_, last_due_ns_);
  const TimeNs begin = std::min(std::max(last_due_ns_, confirmed_ns_ + buffer_ns_), deadline);
  const double count = static_cast<double>(end - current_.end());
  const double step = static_cast<double>(deadline - begin) / (count + 1);
  for (double i = 1; i <= count; ++i)
    push({.due = begin + static_cast<TimeNs>(step * i), .deadline = deadline, .payload = {}});
}

PlayoutBuffer::Verdict PlayoutBuffer::insert(uint64_t sequence, const StoredPayload& payload, TimeNs now) {
  if (sequence < run_begin_) return Verdict::kBeforeStart;
  if (sequence < current_.begin()) return Verdict::kLate;
  if (sequence < current_.end()) {
    Slot& slot = current_[sequence];
    if (slot.present()) return Verdict::kDuplicate;
    slot.payload = payload;
    return Verdict::kFilled;
  }
  reveal(sequence, now);
  push({.due = std::max(now + buffer_ns_, last_due_ns_), .deadline = 0, .payload = payload});
  return Verdict::kStored;
}

void PlayoutBuffer::play_due(TimeNs now) {
  while (!empty() && head().front().leaves_at() <= now) release_front();
  report_holes();
}

void PlayoutBuffer::play_all() {
  while (!empty()) release_front();
  report_holes();
}

bool PlayoutBuffer::release_early() {
  if (empty()) return false;
  counters_.add(ReceiveCounter::kBufferOverflow);
  release_front();
  report_holes();
  return true;
}

TimeNs PlayoutBuffer::next_due() const { return empty() ? kNever : head().front().leaves_at(); }

void PlayoutBuffer::push(const Slot& slot) {
  while (current_.full()) release_early();
  current_.push(slot);
  last_due_ns_ = slot.due;
}

void PlayoutBuffer::release_front() {
  SequenceRing<Slot>& ring = head();
  if (&ring == &current_ && skipped_ > 0) {
    sink_.give_up(run_begin_ - skipped_, skipped_);
    skipped_ = 0;
  }
  const uint64_t sequence = ring.begin();
  const Slot slot = ring.front();
  ring.pop();
  if (slot.present()) {
    report_holes();
    const StoredPayload& p = slot.payload;
    sink_.play({Bytes(p.block, p.size), p.format, sequence, slot.due});
    pool_.give(p.block, p.size);
    counters_.add(ReceiveCounter::kPlayedPackets);
    counters_.add(ReceiveCounter::kPlayedBytes, p.size);
  } else {
    if (holes_++ == 0) holes_first_ = sequence;
    counters_.add(ReceiveCounter::kLost);
    counters_.add(ReceiveCounter::kUnrecovered);
  }
  if (&ring == &old_ && old_.empty()) report_holes();  // the next run is numbered on its own
}

void PlayoutBuffer::report_holes() {
  if (holes_ == 0) return;
  sink_.give_up(holes_first_, holes_);
  holes_ = 0;
}

}  // namespace linecast::smart
