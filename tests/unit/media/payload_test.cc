#include "lib/media/payload.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/packets/hex.h"

namespace linecast::media {
namespace {

using packets::from_hex;

std::vector<uint8_t> ts(size_t packets) {
  std::vector<uint8_t> out;
  while (out.size() < packets * kTsPacketSize) out.push_back(out.size() % kTsPacketSize == 0 ? 0x47 : 0xff);
  return out;
}

// An RTP packet: header bytes in hex, then a payload.
std::vector<uint8_t> rtp(std::string_view header, Bytes payload) {
  std::vector<uint8_t> out = from_hex(header);
  for (const uint8_t b : payload) out.push_back(b);
  return out;
}

constexpr std::string_view kPlain = "8021000100000000deadbeef";    // version 2, MP2T
constexpr std::string_view kDynamic = "8060000100000000deadbeef";  // payload type 96

TEST(MpegTs, OneToManyPackets) {
  for (size_t n = 1; n <= 7; ++n) EXPECT_TRUE(is_mpeg_ts(ts(n))) << n;
}

TEST(MpegTs, RefusesOtherLengths) {
  EXPECT_FALSE(is_mpeg_ts({}));
  const auto two = ts(2);
  for (size_t size = 1; size < two.size(); ++size)
    EXPECT_EQ(is_mpeg_ts(Bytes(two).first(size)), size == kTsPacketSize) << size;
}

TEST(MpegTs, EverySyncByteCounts) {
  for (size_t i = 0; i < 7; ++i) {
    auto payload = ts(7);
    payload[i * kTsPacketSize] ^= 1;
    EXPECT_FALSE(is_mpeg_ts(payload)) << i;
  }
}

TEST(Rtp, FixedHeader) {
  const auto packet = rtp(kPlain, ts(7));
  EXPECT_EQ(rtp_header_size(packet), 12u);
  EXPECT_TRUE(is_rtp(packet));
  EXPECT_EQ(rtp_payload(packet).size(), 7 * kTsPacketSize);
  EXPECT_EQ(rtp_payload(packet).data(), packet.data() + 12);
}

TEST(Rtp, SourcesExtensionAndPadding) {
  // P, X, two CSRCs; extension of one word; four bytes of padding.
  auto packet = rtp("b2a1000100000000deadbeef0000000100000002bede000111223344", ts(1));
  packet.insert(packet.end(), {0, 0, 0, 4});
  EXPECT_EQ(rtp_header_size(packet), 28u);
  EXPECT_TRUE(is_rtp(packet));
  EXPECT_EQ(rtp_payload(packet).size(), kTsPacketSize);
  EXPECT_EQ(rtp_payload(packet)[0], 0x47);
}

TEST(Rtp, RefusesOtherVersions) {
  for (const char* header :
       {"0021000100000000deadbeef", "4021000100000000deadbeef", "c021000100000000deadbeef"}) {
    const auto packet = rtp(header, ts(1));
    EXPECT_EQ(rtp_header_size(packet), 0u);
    EXPECT_FALSE(is_rtp(packet));
    EXPECT_TRUE(rtp_payload(packet).empty());
  }
}

TEST(Rtp, RefusesHeadersBeyondThePacket) {
  const auto whole = from_hex("9260000100000000deadbeef0000000100000002bede000111223344");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(rtp_header_size(Bytes(whole).first(size)), 0u) << size;
  EXPECT_EQ(rtp_header_size(whole), whole.size());
  EXPECT_EQ(rtp_header_size(from_hex("9060000100000000deadbeefbedeffff")), 0u)
      << "extension of 262,140 bytes";
}

TEST(Rtp, RefusesImpossiblePadding) {
  EXPECT_FALSE(is_rtp(from_hex("a060000100000000deadbeef0000")));  // counts not even itself
  EXPECT_FALSE(is_rtp(from_hex("a060000100000000deadbeef0003")));  // reaches into the header
  EXPECT_TRUE(is_rtp(from_hex("a060000100000000deadbeef0002")));   // nothing but padding
  EXPECT_FALSE(is_rtp(from_hex("a060000100000000deadbeef")));      // none there: the last byte is the SSRC's
}

TEST(Rtp, OnlyMp2tMustHoldMpegTs) {
  EXPECT_FALSE(is_rtp(rtp(kPlain, from_hex("00112233"))));
  EXPECT_FALSE(is_rtp(rtp(kPlain, {})));
  EXPECT_TRUE(is_rtp(rtp(kDynamic, from_hex("00112233"))));
  EXPECT_TRUE(is_rtp(rtp(kDynamic, {})));
  EXPECT_FALSE(is_rtp(rtp("80a1000100000000deadbeef", from_hex("00112233"))))
      << "the marker is no part of the type";
}

}  // namespace
}  // namespace linecast::media
