// Datagrams that cannot be used yet (their key is not known, their sequence is not yet believed), in the
// order in which they came. Bounded; one thread.
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/ipv4.h"
#include "lib/base/time.h"
#include "lib/smart/receive/packet_pool.h"
#include "lib/smart/receive/receive_counters.h"
#include "lib/smart/receive/sequence_ring.h"

namespace linecast::smart {

class WaitingPackets {
 public:
  struct Packet {
    uint8_t* block = nullptr;
    uint16_t size = 0;
    Ipv4 source = 0;
    TimeNs arrived_ns = 0;
    ReceiveCounter reason = ReceiveCounter::kUnknownEpoch;  // to count, should it wait in vain
    Bytes bytes() const { return Bytes(block, size); }
  };

  // max_packets: a power of two; max_bytes of packet storage.
  WaitingPackets(size_t max_packets, size_t max_bytes) : pool_(max_bytes), queue_(max_packets) {}

  // Keeps a copy. Where there is no room the oldest go: returns how many packets were dropped for it (the new
  // one included, where it does not fit at all).
  size_t add(Bytes datagram, Ipv4 source, TimeNs arrived, ReceiveCounter reason);

  bool empty() const { return queue_.empty(); }
  size_t size() const { return queue_.size(); }
  const Packet& front() const { return queue_.front(); }
  // Takes the oldest out; done() gives its storage back.
  Packet take();
  void done(const Packet& packet) { pool_.give(packet.block, packet.size); }

 private:
  PacketPool pool_;
  SequenceRing<Packet> queue_;
};

}  // namespace linecast::smart
