#include "lib/base/ipv4.h"

#include <gtest/gtest.h>

namespace linecast {
namespace {

TEST(Ipv4Text, RoundTrip) {
  EXPECT_EQ(parse_ipv4("239.1.2.255"), 0xef0102ffu);
  EXPECT_EQ(to_string(0xef0102ff), "239.1.2.255");
  EXPECT_EQ(parse_ipv4("0.0.0.0"), 0u);
}

TEST(Ipv4Text, RefusesEverythingElse) {
  for (const char* text : {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "256.1.1.1", "1.2.3.4 ",
                           " 1.2.3.4", "01.2.3.4", "1..2.3", "1.2.3.0x4", "1.2.3.1000", "-1.2.3.4"})
    EXPECT_FALSE(parse_ipv4(text)) << text;
}

TEST(Ipv4Kinds, Ranges) {
  EXPECT_TRUE(is_multicast(*parse_ipv4("224.0.0.0")));
  EXPECT_TRUE(is_multicast(*parse_ipv4("239.255.255.255")));
  EXPECT_FALSE(is_multicast(*parse_ipv4("223.255.255.255")));
  EXPECT_FALSE(is_multicast(*parse_ipv4("240.0.0.0")));
  EXPECT_TRUE(is_ssm(*parse_ipv4("232.1.1.1")));
  EXPECT_FALSE(is_ssm(*parse_ipv4("233.1.1.1")));
  EXPECT_TRUE(is_link_local_group(*parse_ipv4("224.0.0.255")));
  EXPECT_FALSE(is_link_local_group(*parse_ipv4("224.0.1.0")));
}

}  // namespace
}  // namespace linecast
