#include "lib/igmp/packet.h"

#include <gtest/gtest.h>

#include <vector>

#include "lib/net/checksum.h"
#include "tests/packets/hex.h"

namespace linecast::igmp {
namespace {

using packets::from_hex;
using packets::to_hex;

TEST(Query, Version2) {
  const auto query = decode_query(from_hex("1164ee9bef010203"));
  ASSERT_TRUE(query);
  EXPECT_EQ(query->group, 0xef010203u);
  EXPECT_EQ(query->max_response_ns, 10 * kNsPerSecond);
  EXPECT_TRUE(query->sources.empty());
}

TEST(Query, Version1MeansTenSeconds) {
  EXPECT_EQ(decode_query(from_hex("1100eeff00000000"))->max_response_ns, 10 * kNsPerSecond);
}

TEST(Query, Version3WithSources) {
  const auto message = from_hex("11140000ef010203027d00020a0900010a090002");
  const auto query = decode_query(message);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->group, 0xef010203u);
  EXPECT_EQ(query->max_response_ns, 2 * kNsPerSecond);
  EXPECT_EQ(to_hex(query->sources), "0a0900010a090002");
}

TEST(Query, MaxRespCodeOfVersion3IsAFloatingPointNumber) {
  const auto ms = [](uint8_t code) {
    std::vector<uint8_t> message = from_hex("110000000000000002000000");
    message[1] = code;
    return decode_query(message)->max_response_ns / kNsPerMs;
  };
  EXPECT_EQ(ms(0), 0);  // no version 1: at once
  EXPECT_EQ(ms(1), 100);
  EXPECT_EQ(ms(127), 12'700);
  EXPECT_EQ(ms(128), 12'800);     // (0 | 16) << 3
  EXPECT_EQ(ms(0x8f), 24'800);    // (15 | 16) << 3
  EXPECT_EQ(ms(0x90), 25'600);    // (0 | 16) << 4
  EXPECT_EQ(ms(255), 3'174'400);  // (15 | 16) << 10
}

TEST(Query, RefusesImpossibleLengths) {
  const auto whole = from_hex("11140000ef010203027d00020a0900010a090002");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(decode_query(Bytes(whole).first(size)).has_value(), size == 8) << size;
  EXPECT_FALSE(decode_query(from_hex("11140000ef010203027dffff0a0900010a090002"))) << "65,535 sources";
}

TEST(Query, IgnoresAdditionalData) {  // RFC 3376, section 4.1.10
  const auto message = from_hex("11140000ef010203027d00010a0900010a090002");
  EXPECT_EQ(to_hex(decode_query(message)->sources), "0a090001");
}

TEST(ReportPacker, FillsToTheLastByteAndNoFurther) {
  std::vector<uint8_t> room(kMessageSize + 12 + 8);
  ReportPacker packer(room);
  const std::vector<Ipv4> sources{1, 2, 3};
  EXPECT_TRUE(packer.empty());
  EXPECT_EQ(packer.add(RecordType::kAllowNewSources, 0xef000001, std::span(sources).first(1)).size(), 0u);
  EXPECT_TRUE(packer.fits({}));
  EXPECT_FALSE(packer.fits(sources));
  EXPECT_EQ(packer.add(RecordType::kChangeToExclude, 0xef000002, {}).size(), 0u);
  EXPECT_FALSE(packer.fits({}));
  EXPECT_FALSE(packer.empty());
  EXPECT_EQ(packer.finish(), room.size());
  EXPECT_EQ(to_hex(room), "220000000000000205000001ef0000010000000104000000ef000002");
  EXPECT_TRUE(packer.empty());
  EXPECT_TRUE(packer.fits(sources));
}

TEST(ReportPacker, GivesBackTheSourcesThatDoNotFit) {
  std::vector<uint8_t> room(kMessageSize + 8 + 4 * 2 + 3);
  ReportPacker packer(room);
  const std::vector<Ipv4> sources{1, 2, 3};
  const auto rest = packer.add(RecordType::kModeIsInclude, 0xef000001, sources);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0], 3u);
  EXPECT_EQ(packer.finish(), room.size() - 3);
}

}  // namespace
}  // namespace linecast::igmp
