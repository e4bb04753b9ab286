// Time as the core knows it: nanoseconds handed in by the caller. Nothing under lib/ reads a clock.
#pragma once

#include <cstdint>

namespace linecast {

// Nanoseconds since some fixed moment of the caller's choice (monotonic). Signed, so that differences are
// plain.
using TimeNs = int64_t;

inline constexpr TimeNs kNsPerUs = 1'000;
inline constexpr TimeNs kNsPerMs = 1'000'000;
inline constexpr TimeNs kNsPerSecond = 1'000'000'000;
inline constexpr TimeNs kNever = INT64_MAX;

}  // namespace linecast
