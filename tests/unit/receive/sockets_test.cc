#include "app/receive/sockets.h"

#include <gtest/gtest.h>

namespace linecast::app {
namespace {

// A group's route depends on the machine; that of the loopback address does not.
TEST(Sockets, TheOwnAddressIsTheOneTowardsTheGroup) {
  ChannelOptions options;
  options.group = parse_ipv4("127.0.0.1").value();
  EXPECT_EQ(to_string(own_address(options)), "127.0.0.1");
  options.group = 0xffffffff;  // nothing may be sent there
  EXPECT_EQ(own_address(options), 0u);
}

}  // namespace
}  // namespace linecast::app
