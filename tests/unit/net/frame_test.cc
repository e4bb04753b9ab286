// The group's MAC; parse_frame has its tables in tests/packets.
#include "lib/net/frame.h"

#include <gtest/gtest.h>

namespace linecast::net {
namespace {

TEST(MulticastMac, TakesTheLow23Bits) {
  EXPECT_EQ(multicast_mac(0xef010203), (Mac{0x01, 0x00, 0x5e, 0x01, 0x02, 0x03}));
  EXPECT_EQ(multicast_mac(0xe0000016), (Mac{0x01, 0x00, 0x5e, 0x00, 0x00, 0x16}));
  EXPECT_EQ(multicast_mac(0xefffffff), (Mac{0x01, 0x00, 0x5e, 0x7f, 0xff, 0xff}));
  EXPECT_EQ(multicast_mac(0xe0810203), multicast_mac(0xef010203));  // 32 groups share each
}

}  // namespace
}  // namespace linecast::net
