#include "lib/smart/receive/requester.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>

namespace linecast::smart {
namespace {

constexpr TimeNs kMs = kNsPerMs;
constexpr Ipv4 kHop = 0x0a000001;

class RequesterTest : public testing::Test {
 protected:
  void arrive(TimeNs now, uint64_t sequence, uint8_t quiet = 0) {
    requester.arrived(now, sequence, requester.heard(now, kHop, quiet));
  }
  // The sequences asked for now.
  std::vector<uint64_t> ask(TimeNs now) {
    std::vector<uint64_t> out;
    requester.ask(now, [&](Ipv4 hop, const PairList& pairs) {
      EXPECT_EQ(hop, kHop);
      for (const SequencePair& pair : pairs.view())
        for (unsigned i = 0; i <= 16; ++i)
          if (i == 0 || (pair.mask >> (i - 1) & 1) != 0) out.push_back(pair.sequence + i);
    });
    return out;
  }

  Random random{1};
  ReceiveCounters counters;
  Requester requester{{}, random, counters};
};

using Sequences = std::vector<uint64_t>;

TEST_F(RequesterTest, AsksForAGapAfterTheToleranceAndAgainTwoRoundTripsLater) {
  requester.start(100);
  arrive(0, 100);
  arrive(0, 103);
  EXPECT_EQ(requester.next_due(), 5 * kMs);
  EXPECT_EQ(ask(5 * kMs - 1), Sequences{});
  EXPECT_EQ(ask(5 * kMs), (Sequences{101, 102}));
  EXPECT_EQ(requester.next_due(), 105 * kMs);
  arrive(105 * kMs, 101);
  EXPECT_EQ(ask(105 * kMs), Sequences{102});
}

TEST_F(RequesterTest, AsksNothingBetweenTwoRuns) {
  requester.start(100);
  arrive(0, 103);
  requester.stop();
  EXPECT_EQ(requester.next_due(), kNever);
  EXPECT_EQ(ask(500 * kMs), Sequences{});
  requester.start(7);
  arrive(500 * kMs, 8);
  EXPECT_EQ(ask(505 * kMs), Sequences{7});
}

// A simulation holds a million.
TEST_F(RequesterTest, IsSmallWithSmallSettings) {
  const Requester::Settings settings{.limits = {.window = 64, .max_timers = 8}};
  const size_t before = mallinfo2().uordblks;
  const auto small = std::make_unique<Requester>(settings, random, counters);
  small->start(1);
  small->arrived(0, 4, small->heard(0, kHop, 0));
  EXPECT_LT(mallinfo2().uordblks - before, 1024u);
}

}  // namespace
}  // namespace linecast::smart
