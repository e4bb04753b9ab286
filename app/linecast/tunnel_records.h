// What lanes and the control lcore tell each other about tunnels, by RecordQueue: small structs, copied.
#pragma once

#include <array>

#include "lib/base/time.h"
#include "lib/smart/tunnel/tunnel_grantor.h"
#include "lib/smart/wire.h"

namespace linecast::app {

// A REQUEST_TUNNEL or LEAVE_TUNNEL as it came, unjudged. From a lane to the control lcore.
struct HeardTunnelAsk {
  TimeNs time = 0;
  smart::TunnelPeer from;  // its source
  smart::TunnelWay way;    // by which it came, and which leads back
  Ipv4 to = 0;             // the address that it came to
  uint16_t to_port = 0;    // UDP
  uint8_t size = 0;        // of the SMART datagram
  // What has the lengths that the command allows takes 60 bytes at most.
  std::array<uint8_t, 64> datagram{};

  Bytes view() const { return Bytes(datagram).first(size); }
};

// The answer, from the address and port that were asked. From the control lcore to the lane that answers for
// the interface.
struct TunnelReply {
  smart::TunnelPeer to;
  smart::TunnelWay way;
  Ipv4 from = 0;
  uint16_t from_port = 0;
  smart::TunnelAnswer answer;
};

}  // namespace linecast::app
