#include "lib/base/serial.h"

#include <gtest/gtest.h>

namespace linecast {
namespace {

TEST(Serial, DistanceWraps) {
  EXPECT_EQ(serial_distance(10, 12), 2);
  EXPECT_EQ(serial_distance(12, 10), -2);
  EXPECT_EQ(serial_distance(0xfffe, 1), 3);
  EXPECT_EQ(serial_distance(1, 0xfffe), -3);
  EXPECT_EQ(serial_distance(0, 0x7fff), 0x7fff);
}

TEST(Serial, ExtensionPicksTheNearest) {
  EXPECT_EQ(extend_serial(0x2fffe, 1), 0x30001u);
  EXPECT_EQ(extend_serial(0x30001, 0xfffe), 0x2fffeu);
  EXPECT_EQ(extend_serial(0x30001, 0x1), 0x30001u);
}

TEST(Serial, ExtensionNeverGoesBelowZero) { EXPECT_EQ(extend_serial(3, 0xfffe), 0xfffeu); }

}  // namespace
}  // namespace linecast
