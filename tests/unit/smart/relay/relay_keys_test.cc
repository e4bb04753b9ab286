#include "tests/unit/smart/relay/relay_bed.h"

namespace linecast::smart {
namespace {

TEST(RelayKeys, FollowsWhatIsSignedAndPassesItOnAsItCame) {
  RelayBed bed;
  const Datagram announcement = bed.sender->announce();
  EXPECT_EQ(bed.relay->epochs(), nullptr);
  ASSERT_TRUE(bed.announce(announcement));
  EXPECT_TRUE(std::ranges::equal(bed.relay->epochs()->announcement, announcement));
  EXPECT_NE(bed.relay->epochs()->keys.find(1), nullptr);
  EXPECT_FALSE(bed.announce(announcement)) << "a repeat changes nothing";
}

TEST(RelayKeys, BelievesNoForgery) {
  RelayBed bed;
  SmartSender::Options other;
  other.signing_seed = {77};
  other.start_number = 5000;
  SmartSender forger(other);
  EXPECT_FALSE(bed.announce(forger.announce()));
  Datagram changed = bed.sender->announce();
  changed[44] ^= 1;  // the start salt
  EXPECT_FALSE(bed.announce(changed));
  EXPECT_EQ(bed.keys->results().get(KeyAnnounceResult::kBadSignature), 1u);
}

TEST(RelayKeys, AnEarlierStartIsNotFollowed) {
  RelayBed bed;
  SmartSender::Options later;
  later.start_number = 2000;
  later.salt = 2;
  SmartSender next(later);
  const Datagram first = bed.sender->announce();
  ASSERT_TRUE(bed.announce(first));
  ASSERT_TRUE(bed.announce(next.announce()));
  EXPECT_EQ(bed.relay->epochs()->start_number, 2000u);
  EXPECT_FALSE(bed.announce(first));
}

TEST(RelayKeys, AStandbyIsFollowedWhenTheStreamIsSilent) {
  RelayBed bed;
  ASSERT_TRUE(bed.announce(bed.sender->announce()));
  SmartSender::Options other;
  other.sender_id = 2;
  other.salt = 2;
  SmartSender standby(other);
  EXPECT_FALSE(bed.announce(standby.announce()));
  EXPECT_FALSE(bed.announce(standby.announce()));
  ASSERT_TRUE(bed.announce(standby.announce(), true)) << "its announcement only repeats";
  EXPECT_EQ(bed.relay->epochs()->sender_id, 2u);
  EXPECT_EQ(bed.fate(standby.data(std::vector<uint8_t>(188))), RelayBed::Fate::kKept);
}

TEST(RelayKeys, WithoutTheGroupKeyThereAreNoKeysToOpenWith) {
  RelayBed bed(RelayGuard::kTrusted);
  ASSERT_TRUE(bed.announce(bed.sender->announce()));
  EXPECT_EQ(bed.relay->epochs()->keys.find(1), nullptr);
}

TEST(RelayKeys, AKeyThatIsNotHeldIsCounted) {
  RelayBed bed;
  SmartSender::Options other;
  other.group_key.id = 8;
  other.start_number = 2000;
  ASSERT_TRUE(bed.announce(SmartSender(other).announce()));
  EXPECT_EQ(bed.keys->keys_not_held(), 1u);
}

}  // namespace
}  // namespace linecast::smart
