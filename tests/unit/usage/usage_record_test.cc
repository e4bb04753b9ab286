#include "lib/usage/usage_record.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lib/usage/crc32c.h"
#include "lib/usage/record_text.h"
#include "tests/unit/usage/records.h"

namespace linecast::usage {
namespace {

TEST(UsageRecord, ComesBackAsItWent) {
  std::array<uint8_t, kMostRecordBytes> bytes;
  for (uint64_t i = 0; i < 100; ++i) {
    UsageRecord in = record(i), out;
    if (i == 50) in.channel = ChannelName(std::string(kMostNameBytes, 'x'));
    if (i == 51) in.channel = ChannelName("");
    const size_t size = encode(in, bytes);
    ASSERT_EQ(size, kFixedRecordBytes + in.channel.view().size());
    ASSERT_TRUE(decode(Bytes(bytes).first(size), out));
    EXPECT_TRUE(in == out) << i;
  }
}

TEST(UsageRecord, WhatIsNoneIsRefused) {
  std::array<uint8_t, kMostRecordBytes> bytes;
  const size_t size = encode(record(1), bytes);
  UsageRecord out;
  for (size_t n = 0; n < size; ++n) EXPECT_FALSE(decode(Bytes(bytes).first(n), out)) << n;
  EXPECT_FALSE(decode(Bytes(bytes).first(size + 1), out));
  const struct {
    size_t at;
    uint8_t value;
  } rows[] = {{0, 0}, {0, 2}, {45, 2}, {46, kReachCount}, {47, kEndCount}, {80, 0}, {80, 255}};
  for (const auto& [at, value] : rows) {
    auto changed = bytes;
    changed[at] = value;
    EXPECT_FALSE(decode(Bytes(changed).first(size), out)) << at;
  }
  EXPECT_EQ(encode(record(1), MutableBytes(bytes).first(kMostRecordBytes - 1)), 0u);
}

TEST(Crc32c, IsThatOfRfc3720) {
  std::array<uint8_t, 32> bytes{};
  EXPECT_EQ(crc32c(bytes), 0x8a9136aau);  // appendix B.4
  bytes.fill(0xff);
  EXPECT_EQ(crc32c(bytes), 0x62a8ab43u);
  for (uint8_t i = 0; i < 32; ++i) bytes[i] = i;
  EXPECT_EQ(crc32c(bytes), 0x46dd794eu);
  const std::string_view digits = "123456789";
  EXPECT_EQ(crc32c({reinterpret_cast<const uint8_t*>(digits.data()), digits.size()}), 0xe3069283u);
}

TEST(RecordText, TimesAreUtc) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(utc_text(1'760'000'000'123'999'999), "2025-10-09T08:53:20.123Z");
  EXPECT_EQ(utc_text(-1), "1969-12-31T23:59:59.999Z");
}

TEST(RecordText, AJsonLineSaysItAll) {
  const auto receiver = nlohmann::json::parse(json_line({1'760'000'000'000'000'017, record(8)}));
  EXPECT_EQ(receiver, nlohmann::json::parse(R"({
    "record": "1760000000000000017", "session": "1760000000000000000-8", "part": 3, "channel": "news \"1\"",
    "channel_id": "0102030405060708", "receiver": "abcdef0000000008", "address": "10.72.0.8",
    "reported_address": null, "repeater": false, "reached": "unknown", "ended": "reach_changed",
    "from": "2025-10-09T08:53:20.008Z", "to": "2025-10-09T08:54:20.008Z", "receivers": 1,
    "watched_ms": 60008, "claimed_s": 61})"));
  const auto clear = nlohmann::json::parse(json_line({1, record(10)}));
  EXPECT_TRUE(clear["receiver"].is_null());
  EXPECT_EQ(clear["reported_address"], "192.168.0.10");
  UsageRecord odd = record(1);
  odd.channel = ChannelName("a\\b\n\x01\"\xc3\xa9");
  EXPECT_EQ(nlohmann::json::parse(json_line({1, odd}))["channel"], "a\\b\n\x01\"\xc3\xa9");
}

}  // namespace
}  // namespace linecast::usage
