#include "lib/smart/receive/back_off.h"

#include <gtest/gtest.h>

#include "lib/base/random.h"

namespace linecast::smart {
namespace {

TEST(BackOff, TheFieldsExtremes) {
  EXPECT_EQ(quiet_window_ns(0), 0);
  EXPECT_EQ(quiet_window_ns(1), 1 * kNsPerMs);
  EXPECT_EQ(quiet_window_ns(14), 8192 * kNsPerMs);
  EXPECT_EQ(quiet_window_ns(15), kNever);
  EXPECT_EQ((BackOff{0, 20, 0.99}.within(kNever)), 0);
  EXPECT_EQ((BackOff{kNsPerMs, 20, 0.99}.within(-1)), 0);
}

TEST(BackOff, FollowsTheFormula) {
  // T = 8 ms, one receiver: L = 1. (8/1) ln(1 + 0.5 (e - 1)) = 4.9609... ms
  EXPECT_NEAR(static_cast<double>(BackOff{8 * kNsPerMs, 0, 0.5}.within(kNever)), 4.9609e6, 1e3);
  // T = 1024 ms, 2^20 receivers: L = 14.863; u = 0.5 gives T (1 - ln 2 / L), to within e^-L
  EXPECT_NEAR(static_cast<double>(BackOff{1024 * kNsPerMs, 20, 0.5}.within(kNever)),
              1024e6 * (1 - 0.693147 / 14.86294), 1e4);
  // Room for 256 ms only: as with T = 256 ms.
  EXPECT_NEAR(static_cast<double>(BackOff{1024 * kNsPerMs, 20, 0.5}.within(256 * kNsPerMs)),
              256e6 * (1 - 0.693147 / 14.86294), 1e4);
}

TEST(BackOff, StaysWithinItsWindow) {
  Random random(1);
  for (uint8_t q = 1; q < 15; ++q)
    for (const uint8_t group : {0, 3, 20, 255}) {
      const TimeNs window = quiet_window_ns(q);
      EXPECT_EQ((BackOff{window, group, 0}.within(kNever)), 0);
      for (int i = 0; i < 100; ++i) {
        const TimeNs wait = BackOff{window, group, random.unit()}.within(kNever);
        EXPECT_GE(wait, 0);
        EXPECT_LE(wait, window);
      }
    }
}

}  // namespace
}  // namespace linecast::smart
