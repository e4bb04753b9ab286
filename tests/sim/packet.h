// What nodes send to each other: the messages of lib/smart, without bytes and without seals.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <variant>
#include <vector>

#include "lib/base/time.h"
#include "lib/smart/wire.h"

namespace linecast::sim {

using NodeId = uint32_t;  // serves as address too, so it is never 0

struct Data {
  uint64_t sequence = 0;
  TimeNs original_ns = 0;  // when the origin sent it first
  bool repair = false;
};
struct Heartbeat {
  uint64_t last_sequence = 0;
};

struct Packet {
  NodeId from = 0;    // the hop, or who asks
  uint8_t quiet = 0;  // QUIET field, of data and heartbeats
  std::variant<Data, Heartbeat, smart::SenderStatus, smart::Quiet, smart::Replacement, smart::UsageReport>
      body;
};

// The packets under way, each held once however many it is delivered to.
class PacketPool {
 public:
  using Index = uint32_t;

  // Held by nobody until retain().
  Index add(const Packet& packet) {
    if (free_.empty()) {
      slots_.push_back({packet, 0});
      return static_cast<Index>(slots_.size() - 1);
    }
    const Index index = free_.back();
    free_.pop_back();
    slots_[index] = {packet, 0};
    return index;
  }
  const Packet& operator[](Index index) const { return slots_[index].packet; }
  void retain(Index index) { ++slots_[index].holders; }
  void release(Index index) {
    if (--slots_[index].holders == 0) free_.push_back(index);
  }
  // What add() gave and nobody retained.
  void drop_unheld(Index index) {
    if (slots_[index].holders == 0) free_.push_back(index);
  }

 private:
  struct Slot {
    Packet packet;
    uint32_t holders;
  };
  std::deque<Slot> slots_;  // a packet stays where it is while it is being delivered
  std::vector<Index> free_;
};

}  // namespace linecast::sim
