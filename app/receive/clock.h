// The only place of the receiver that reads clocks.
#pragma once

#include <ctime>

#include "lib/base/time.h"

namespace linecast::app {

inline TimeNs read_clock(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return t.tv_sec * kNsPerSecond + t.tv_nsec;
}
inline TimeNs monotonic_now() { return read_clock(CLOCK_MONOTONIC); }
inline TimeNs realtime_now() { return read_clock(CLOCK_REALTIME); }

}  // namespace linecast::app
