#include "lib/smart/receive/pair_packer.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <vector>

#include "lib/base/random.h"

namespace linecast::smart {
namespace {

std::multiset<uint16_t> named(const PairList& list) {
  std::multiset<uint16_t> out;
  for (const SequencePair& pair : list.view()) {
    out.insert(pair.sequence);
    for (int bit = 0; bit < 16; ++bit)
      if (pair.mask >> bit & 1) out.insert(static_cast<uint16_t>(pair.sequence + 1 + bit));
  }
  return out;
}

TEST(PairPacker, SeventeenInARowAreOnePair) {
  std::vector<uint64_t> sequences(18);
  std::iota(sequences.begin(), sequences.end(), 65530);  // over the wrap
  std::span<const uint64_t> rest = sequences;
  const PairList list = take_pairs(rest);
  ASSERT_EQ(list.count, 2u);
  EXPECT_EQ(list.pairs[0].sequence, 65530);
  EXPECT_EQ(list.pairs[0].mask, 0xffff);
  EXPECT_EQ(list.pairs[1].sequence, 11);
  EXPECT_EQ(list.pairs[1].mask, 0);
  EXPECT_TRUE(rest.empty());
}

TEST(PairPacker, StopsAtSixtyFourPairs) {
  std::vector<uint64_t> sequences;
  for (uint64_t s = 0; s < 100; ++s) sequences.push_back(s * 17);
  std::span<const uint64_t> rest = sequences;
  EXPECT_EQ(take_pairs(rest).count, kMaxPairs);
  EXPECT_EQ(rest.size(), 36u);
  EXPECT_EQ(rest.front(), 64u * 17);
  EXPECT_EQ(take_pairs(rest).count, 36u);
}

TEST(PairPacker, NamesEachOnceInWhateverOrder) {
  Random random(1);
  for (int round = 0; round < 100; ++round) {
    std::vector<uint64_t> sequences;
    for (uint64_t s = 0; s < 500; ++s)
      if (random.unit() < 0.3) sequences.push_back(s);
    if (round % 2 == 1)
      for (size_t i = sequences.size(); i > 1; --i) std::swap(sequences[i - 1], sequences[random.below(i)]);
    std::multiset<uint16_t> all;
    for (std::span<const uint64_t> rest = sequences; !rest.empty();) all.merge(named(take_pairs(rest)));
    EXPECT_EQ(all, std::multiset<uint16_t>(sequences.begin(), sequences.end()));
  }
}

}  // namespace
}  // namespace linecast::smart
