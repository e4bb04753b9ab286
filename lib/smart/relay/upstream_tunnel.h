// Whether a repeater has the hop above send it a stream by tunnel.
#pragma once

#include <cstdint>

namespace linecast::smart {

enum class UpstreamTunnel : uint8_t {
  kNever,
  kAuto,   // where native multicast fails, as long as it does (docs/protocol.md, "SIMPLE")
  kAlways  // and the group is not joined
};

}  // namespace linecast::smart
