// Where a hop sends a stream to.
#pragma once

#include "lib/base/ipv4.h"

namespace linecast::smart {

struct GroupPlace {
  Ipv4 group = 0;
  uint16_t port = 0;
  friend bool operator==(const GroupPlace&, const GroupPlace&) = default;
};

}  // namespace linecast::smart
