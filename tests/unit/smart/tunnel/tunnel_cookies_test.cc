#include "lib/smart/tunnel/tunnel_cookies.h"

#include <gtest/gtest.h>

#include "tests/packets/hex.h"

namespace linecast::smart {
namespace {

constexpr TunnelPeer kPeer{0xc6336414, 40000};  // 198.51.100.20
constexpr Ipv4 kGroup = 0xef010203;             // 239.1.2.3
constexpr TimeNs kMinute = 60 * kNsPerSecond;

TunnelCookies::Secret secret_from(uint8_t first) {
  TunnelCookies::Secret secret;
  for (uint8_t& byte : secret) byte = first++;
  return secret;
}

class Cookies : public testing::Test {
 protected:
  crypto::Manager manager_;
  TunnelCookies cookies_{manager_, 0, secret_from(0)};
};

// CMAC of address, group, port, two zeros and the minute, as Python's cryptography computes it.
TEST_F(Cookies, AreTheCmacOfAddressPortGroupAndMinute) {
  EXPECT_EQ(packets::to_hex(cookies_.make(kMinute, kPeer, kGroup)), "66b13447157214b5da4bac8faf55d551");
  EXPECT_EQ(packets::to_hex(cookies_.make(2 * kMinute - 1, kPeer, kGroup)),
            "66b13447157214b5da4bac8faf55d551");
  EXPECT_EQ(packets::to_hex(cookies_.make(60 * kMinute, kPeer, kGroup)), "3b51b0f11813c2192653d6ea5b360e10");
  cookies_.rotate(60 * kMinute, secret_from(16));
  EXPECT_EQ(packets::to_hex(cookies_.make(61 * kMinute - 1, kPeer, kGroup)),
            "3b51b0f11813c2192653d6ea5b360e10");
  EXPECT_EQ(packets::to_hex(cookies_.make(61 * kMinute, kPeer, kGroup)), "609aef1266d3a80ba4b420d6744b2388");
}

TEST_F(Cookies, AreGoodForTheirPeerAndGroupOnly) {
  const TunnelCookie cookie = cookies_.make(0, kPeer, kGroup);
  EXPECT_TRUE(cookies_.verify(0, kPeer, kGroup, cookie));
  EXPECT_FALSE(cookies_.verify(0, {kPeer.address + 1, kPeer.port}, kGroup, cookie));
  EXPECT_FALSE(cookies_.verify(0, {kPeer.address, 40001}, kGroup, cookie));
  EXPECT_FALSE(cookies_.verify(0, kPeer, kGroup + 1, cookie));
  EXPECT_FALSE(cookies_.verify(0, kPeer, kGroup, {}));
  for (size_t bit = 0; bit < 8 * cookie.size(); ++bit) {
    TunnelCookie wrong = cookie;
    wrong[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(cookies_.verify(0, kPeer, kGroup, wrong)) << bit;
  }
  const TunnelCookies other(manager_, 0, secret_from(1));
  EXPECT_FALSE(other.verify(0, kPeer, kGroup, cookie));
}

TEST_F(Cookies, LiveForOneToTwoMinutes) {
  const struct {
    TimeNs made, until;
  } rows[] = {{0, 2 * kMinute}, {kMinute - 1, 2 * kMinute}, {kMinute, 3 * kMinute}};
  for (const auto& row : rows) {
    const TunnelCookie cookie = cookies_.make(row.made, kPeer, kGroup);
    EXPECT_TRUE(cookies_.verify(row.made, kPeer, kGroup, cookie));
    EXPECT_TRUE(cookies_.verify(row.until - 1, kPeer, kGroup, cookie));
    EXPECT_FALSE(cookies_.verify(row.until, kPeer, kGroup, cookie));
  }
  // Not yet: a clock that stepped back.
  EXPECT_FALSE(cookies_.verify(0, kPeer, kGroup, cookies_.make(kMinute, kPeer, kGroup)));
}

// Rotated at any moment, a cookie of before is good for exactly as long as it would have been; one of before
// the last but one secret is not.
TEST_F(Cookies, OutliveARotationAsLongAsTheyWouldHaveLivedWithout) {
  for (const TimeNs rotated : {10 * kMinute, 10 * kMinute + 1, 11 * kMinute - 1}) {
    TunnelCookies cookies(manager_, 0, secret_from(0));
    const TunnelCookie before = cookies.make(10 * kMinute, kPeer, kGroup);
    cookies.rotate(rotated, secret_from(16));
    const TunnelCookie behind = cookies.make(11 * kMinute, kPeer, kGroup);
    for (const TimeNs now : {rotated, 11 * kMinute, 12 * kMinute - 1})
      EXPECT_TRUE(cookies.verify(now, kPeer, kGroup, before)) << rotated << " " << now;
    EXPECT_FALSE(cookies.verify(12 * kMinute, kPeer, kGroup, before));
    EXPECT_TRUE(cookies.verify(13 * kMinute - 1, kPeer, kGroup, behind));
    cookies.rotate(11 * kMinute + 1, secret_from(32));
    EXPECT_FALSE(cookies.verify(11 * kMinute + 1, kPeer, kGroup, before));
    EXPECT_TRUE(cookies.verify(11 * kMinute + 1, kPeer, kGroup, behind));
  }
}

TEST_F(Cookies, SaySoWhenTheSecretIsOld) {
  EXPECT_FALSE(cookies_.rotation_due(TunnelCookies::kRotationNs - 1));
  EXPECT_TRUE(cookies_.rotation_due(TunnelCookies::kRotationNs));
  cookies_.rotate(TunnelCookies::kRotationNs, secret_from(16));
  EXPECT_FALSE(cookies_.rotation_due(2 * TunnelCookies::kRotationNs - 1));
}

}  // namespace
}  // namespace linecast::smart
