#include "lib/crypto/receiver_keys.h"

#include <gtest/gtest.h>

namespace linecast::crypto {
namespace {

const std::array<uint8_t, 5> kMessage{1, 2, 3, 4, 5};

class Keys : public testing::Test {
 protected:
  CmacTag tag_of(const CmacKey& up, uint64_t receiver) {
    return receiver_key(manager_, up, receiver).mac(manager_, kMessage);
  }
  bool verify(const CmacKey& up, uint64_t receiver, const CmacTag& tag) {
    return keys_.verify(manager_, up, receiver, kMessage, tag.data());
  }

  Manager manager_;
  const CmacKey up_{manager_, {1}};
  const CmacKey other_up_{manager_, {2}};
  ReceiverKeys keys_;
};

// More receivers than places, of two channels, so that they push each other out.
TEST_F(Keys, EachReceiversOwnKeyCountsWhoeverCameBefore) {
  for (int round = 0; round < 2; ++round)
    for (uint64_t receiver = 0; receiver < 3 * ReceiverKeys::kKeys; ++receiver) {
      const CmacKey& up = receiver % 3 == 0 ? other_up_ : up_;
      const CmacTag tag = tag_of(up, receiver);
      EXPECT_TRUE(verify(up, receiver, tag));
      EXPECT_TRUE(verify(up, receiver, tag));
      EXPECT_FALSE(verify(up, receiver + 1, tag));
      EXPECT_FALSE(verify(receiver % 3 == 0 ? up_ : other_up_, receiver, tag));
    }
}

TEST_F(Keys, AForgeryIsRefusedBeforeAndAfterTheGenuine) {
  CmacTag tag = tag_of(up_, 7);
  tag[15] ^= 1;
  EXPECT_FALSE(verify(up_, 7, tag));
  tag[15] ^= 1;
  EXPECT_TRUE(verify(up_, 7, tag));
  tag[0] ^= 1;
  EXPECT_FALSE(verify(up_, 7, tag));
  EXPECT_FALSE(verify(up_, 7, CmacTag{}));
}

TEST_F(Keys, AnEmptyPlaceIsNobodys) { EXPECT_FALSE(verify(up_, 0, CmacTag{})); }

}  // namespace
}  // namespace linecast::crypto
