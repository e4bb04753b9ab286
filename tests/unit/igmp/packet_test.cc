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
  EXPECT_EQ(query->version, Version::kV2);
  EXPECT_EQ(query->max_response_ns, 10 * kNsPerSecond);
  EXPECT_TRUE(query->sources.empty());
}

TEST(Query, Version1MeansTenSeconds) {
  const auto query = decode_query(from_hex("1100eeffef010203"));
  EXPECT_EQ(query->version, Version::kV1);
  EXPECT_EQ(query->max_response_ns, 10 * kNsPerSecond);
  EXPECT_EQ(query->group, 0u) << "of no meaning in version 1";
}

TEST(Query, Version3WithSources) {
  const auto message = from_hex("11140000ef0102030b8a00020a0900010a090002");
  const auto query = decode_query(message);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->version, Version::kV3);
  EXPECT_TRUE(query->suppress);
  EXPECT_EQ(query->robustness, 3);
  EXPECT_EQ(query->query_interval_ns, 208 * kNsPerSecond);  // (10 | 16) << 3
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

TEST(Query, EncodedAsScapyDoes) {
  const auto sources = from_hex("0a0900010a090002");
  struct {
    Query query;
    const char* hex;  // the checksum left out
  } const rows[] = {
      {{.version = Version::kV2, .max_response_ns = 10 * kNsPerSecond}, "1164000000000000"},
      {{.version = Version::kV2, .group = 0xef010203, .max_response_ns = kNsPerSecond}, "110a0000ef010203"},
      {{.max_response_ns = 10 * kNsPerSecond, .robustness = 2, .query_interval_ns = 125 * kNsPerSecond},
       "1164000000000000027d0000"},
      {{.group = 0xef010203,
        .max_response_ns = kNsPerSecond,
        .suppress = true,
        .robustness = 2,
        .query_interval_ns = 125 * kNsPerSecond,
        .sources = sources},
       "110a0000ef0102030a7d00020a0900010a090002"},
  };
  for (const auto& row : rows) {
    std::vector<uint8_t> room(kV3QuerySize + 8);
    EXPECT_EQ(to_hex(Bytes(room).first(encode_query(row.query, room))), row.hex);
  }
}

TEST(Query, EveryCodeIsEncodedBackToItself) {
  std::vector<uint8_t> message = from_hex("110000000000000002000000");
  for (int code = 0; code < 256; ++code) {
    message[1] = message[9] = static_cast<uint8_t>(code);
    const auto query = decode_query(message);
    std::vector<uint8_t> room(kV3QuerySize);
    encode_query(*query, room);
    EXPECT_EQ(room, message) << code;
  }
}

TEST(Query, TimesBetweenCodesAreRoundedDown) {
  const auto codes = [](Version version, TimeNs response_ns, TimeNs interval_ns) {
    std::vector<uint8_t> room(kV3QuerySize);
    encode_query({.version = version, .max_response_ns = response_ns, .query_interval_ns = interval_ns},
                 room);
    return std::pair<int, int>(room[1], room[9]);
  };
  EXPECT_EQ(codes(Version::kV3, 12'899 * kNsPerMs, 135 * kNsPerSecond), std::pair(0x80, 0x80));
  EXPECT_EQ(codes(Version::kV3, 25'599 * kNsPerMs, 255 * kNsPerSecond), std::pair(0x8f, 0x8f));
  EXPECT_EQ(codes(Version::kV3, 9999 * kNsPerSecond, 99999 * kNsPerSecond), std::pair(0xff, 0xff));
  EXPECT_EQ(codes(Version::kV2, 25'599 * kNsPerMs, 0).first, 255);
  EXPECT_EQ(codes(Version::kV2, 99'999 * kNsPerMs, 0).first, 255);
}

TEST(Message, FaultsAreNamed) {
  const auto good = from_hex("1164ee9b00000000");
  EXPECT_EQ(check_message(1, good), MessageFault::kNone);
  EXPECT_EQ(check_message(1, Bytes(good).first(7)), MessageFault::kLength);
  EXPECT_EQ(check_message(1, {}), MessageFault::kLength);
  EXPECT_EQ(check_message(0, good), MessageFault::kTtl);
  EXPECT_EQ(check_message(2, good), MessageFault::kTtl);
  EXPECT_EQ(check_message(1, from_hex("1164ee9b00000001")), MessageFault::kChecksum);
  EXPECT_EQ(check_message(1, from_hex("1164ee9b000000000001")), MessageFault::kChecksum)
      << "the whole length";
}

TEST(Message, FaultsOfQueriesAreNamed) {
  constexpr Ipv4 kOwn = 0x0a000001, kOther = 0x0a000002, kGroup = 0xef010203;
  const auto fault = [](const char* hex, Ipv4 destination) {
    Query query;
    return take_query(from_hex(hex), destination, kOwn, query);
  };
  constexpr const char* kGeneral = "1164000000000000";
  constexpr const char* kOfGroup = "11640000ef010203";
  for (const Ipv4 to : {kAllHosts, kOwn}) {
    EXPECT_EQ(fault(kGeneral, to), MessageFault::kNone);
    EXPECT_EQ(fault(kOfGroup, to), MessageFault::kNone);
  }
  EXPECT_EQ(fault(kOfGroup, kGroup), MessageFault::kNone);
  EXPECT_EQ(fault(kOfGroup, kGroup + 1), MessageFault::kDestination);
  EXPECT_EQ(fault(kGeneral, 0), MessageFault::kDestination);
  EXPECT_EQ(fault(kGeneral, kOther), MessageFault::kDestination);
  EXPECT_EQ(fault("116400000a000002", kAllHosts), MessageFault::kGroup);
  EXPECT_EQ(fault("1164000000000000027d00010a090001", kAllHosts), MessageFault::kGroup) << "sources of none";
  EXPECT_EQ(fault("1164000000000000027d00", kAllHosts), MessageFault::kLength);
}

TEST(Record, ReadOneByOne) {
  const auto lying = from_hex("22000000000000030102000aef010203");
  RecordReader records(lying);
  EXPECT_FALSE(records.next()) << "claims ten sources";
  EXPECT_FALSE(records.whole());

  const auto message = from_hex(
      "2200000000000003"
      "04000000ef010203"
      "05010001ef0102040a090001deadbeef"  // a word of auxiliary data
      "09000000ef010205");
  RecordReader three(message);
  auto record = three.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->type, RecordType::kChangeToExclude);
  EXPECT_EQ(record->group, 0xef010203u);
  EXPECT_TRUE(record->sources.empty());
  record = three.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(to_hex(record->sources), "0a090001");
  record = three.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(static_cast<int>(record->type), 9);
  EXPECT_FALSE(three.next());
  EXPECT_TRUE(three.whole());
  for (size_t size = 8; size < message.size(); ++size) {
    RecordReader cut(Bytes(message).first(size));
    while (cut.next()) {
    }
    EXPECT_FALSE(cut.whole()) << size;
  }
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
