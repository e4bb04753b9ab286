#include "lib/smart/receive/waiting_packets.h"

#include <cstring>

namespace linecast::smart {

size_t WaitingPackets::add(Bytes datagram, Ipv4 source, TimeNs arrived, ReceiveCounter reason) {
  if (datagram.empty() || datagram.size() > UINT16_MAX) return 1;
  size_t dropped = 0;
  uint8_t* block = nullptr;
  while (queue_.full() || (block = pool_.take(datagram.size())) == nullptr) {
    if (queue_.empty()) return dropped + 1;
    done(take());
    ++dropped;
  }
  std::memcpy(block, datagram.data(), datagram.size());
  queue_.push({block, static_cast<uint16_t>(datagram.size()), source, arrived, reason});
  return dropped;
}

WaitingPackets::Packet WaitingPackets::take() {
  const Packet packet = queue_.front();
  queue_.pop();
  return packet;
}

}  // namespace linecast::smart
