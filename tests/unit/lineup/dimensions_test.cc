#include "lib/lineup/dimensions.h"

#include <gtest/gtest.h>

#include "lib/lineup/lineup.h"

namespace linecast::lineup {
namespace {

TEST(Dimensions, WindowPackets) {
  EXPECT_EQ(window_packets(8'000'000, 1000), 1024u);  // 759.9
  EXPECT_EQ(window_packets(8'000'000, 2000), 2048u);  // 1519.8
  EXPECT_EQ(window_packets(500'000, 1000), 64u);      // 47.5
  EXPECT_EQ(window_packets(1'000, 10), 64u);
  EXPECT_EQ(window_packets(64 * 1316 * 8, 1000), 64u);       // exactly
  EXPECT_EQ(window_packets(64 * 1316 * 8 + 1, 1000), 128u);  // and one bit more
}

TEST(Dimensions, LargestWindowIsTheLargest) {
  for (const uint64_t rate : {41'000'000ull, 270'000'000ull, 1'000'000'000ull, 10'000'000'000ull}) {
    const auto largest = static_cast<uint32_t>(largest_window_ms(rate));
    EXPECT_LE(window_packets(rate, largest), kMostWindowPackets) << rate;
    EXPECT_GT(window_packets(rate, largest + 1), kMostWindowPackets) << rate;
  }
  EXPECT_EQ(largest_window_ms(1'000'000'000), 172u);
}

TEST(Dimensions, MaxPayload) {
  EXPECT_EQ(max_payload(1500, false), 1464u);
  EXPECT_EQ(max_payload(1500, true), 1440u);
  EXPECT_EQ(max_payload(576, true), 516u);
}

TEST(Dimensions, RetransmitBytesCountEnabledChannelsAtTheLargestMtu) {
  Lineup lineup;
  lineup.ports.resize(2);
  lineup.ports[0].mtu = 1500;  // 1518 -> 1536, and 256
  lineup.channels.resize(2);
  lineup.channels[0].window_packets = 1024;
  lineup.channels[1].window_packets = 64;
  lineup.channels[1].enabled = false;
  EXPECT_EQ(retransmit_bytes(lineup), 1024u * 1792);
  lineup.channels[1].enabled = true;
  EXPECT_EQ(retransmit_bytes(lineup), 1088u * 1792);
  lineup.ports[1].mtu = 9000;  // 9018 -> 9024
  EXPECT_EQ(retransmit_bytes(lineup), 1088u * (9024 + 256));
}

}  // namespace
}  // namespace linecast::lineup
