#include "lib/lineup/scalars.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linecast::lineup {
namespace {

using testing::HasSubstr;

// The value, or the fault as text where there is one.
template <typename T>
std::string wrong(const Parsed<T>& parsed) {
  const auto* fault = std::get_if<Wrong>(&parsed);
  return fault != nullptr ? fault->why : "";
}
template <typename T>
std::optional<T> value(const Parsed<T>& parsed) {
  const auto* good = std::get_if<T>(&parsed);
  return good != nullptr ? std::optional<T>(*good) : std::nullopt;
}

TEST(Rate, IsReadAsPeopleWriteIt) {
  const std::pair<const char*, uint64_t> kTable[] = {{"8M", 8'000'000},
                                                     {"8m", 8'000'000},
                                                     {"8.5 Mbit/s", 8'500'000},
                                                     {"8.5Mbps", 8'500'000},
                                                     {"41000000", 41'000'000},
                                                     {"500k", 500'000},
                                                     {"500 kbit", 500'000},
                                                     {"500 Kb/s", 500'000},
                                                     {"1.5G", 1'500'000'000},
                                                     {"10 Gbit/s", 10'000'000'000},
                                                     {"1000", 1000},
                                                     {"1000 bit/s", 1000},
                                                     {"0.5M", 500'000},
                                                     {"8 Mbits/s", 8'000'000},
                                                     {"3.1234567M", 3'123'457}};
  for (const auto& [text, rate] : kTable) EXPECT_EQ(value(parse_rate(text)), rate) << text;
}

TEST(Rate, Faults) {
  const std::pair<const char*, const char*> kTable[] = {{"", "is no rate"},
                                                        {"fast", "is no rate"},
                                                        {"8MB/s", "counts bytes"},
                                                        {"1 MByte/s", "counts bytes"},
                                                        {"8,5M", "decimal comma"},
                                                        {"8Mi", "unit that is not known"},
                                                        {"8 parsecs", "unit that is not known"},
                                                        {"-8M", "is no rate"},
                                                        {"1e6", "unit that is not known"},
                                                        {"8..5M", "is no rate"},
                                                        {"8", "is 8M meant?"},
                                                        {"999", "out of range"},
                                                        {"11G", "out of range"},
                                                        {"0", "out of range"},
                                                        {".", "is no rate"},
                                                        {"99999999999999999999999999", "out of range"},
                                                        {"8M M", "unit that is not known"}};
  for (const auto& [text, fault] : kTable) EXPECT_THAT(wrong(parse_rate(text)), HasSubstr(fault)) << text;
}

TEST(Rate, Format) {
  EXPECT_EQ(format_rate(8'000'000), "8 Mbit/s");
  EXPECT_EQ(format_rate(8'500'000), "8.5 Mbit/s");
  EXPECT_EQ(format_rate(500'000), "500 kbit/s");
  EXPECT_EQ(format_rate(2'000'000'000), "2 Gbit/s");
}

TEST(Number, RangeAndForm) {
  EXPECT_EQ(value(parse_number("5", 5, 9, "")), 5u);
  EXPECT_EQ(value(parse_number("9", 5, 9, "")), 9u);
  EXPECT_THAT(wrong(parse_number("4", 5, 9, "ms")), HasSubstr("from 5 to 9 ms"));
  EXPECT_THAT(wrong(parse_number("10", 5, 9, "")), HasSubstr("out of range"));
  EXPECT_THAT(wrong(parse_number("99999999999999999999999", 5, 9, "")), HasSubstr("out of range"));
  EXPECT_THAT(wrong(parse_number("007", 5, 9, "")), HasSubstr("begins with a zero"));
  for (const char* text : {"", "1s", "-6", "+6", "6.0", "0x6", "1_0", "six", " 6"})
    EXPECT_THAT(wrong(parse_number(text, 5, 9, "")), HasSubstr("no whole number")) << text;
}

TEST(Bool, WordsOfBothYamls) {
  for (const char* yes : {"true", "True", "yes", "on"}) EXPECT_EQ(value(parse_bool(yes)), true) << yes;
  for (const char* no : {"false", "FALSE", "no", "off"}) EXPECT_EQ(value(parse_bool(no)), false) << no;
  for (const char* other : {"", "1", "0", "y", "enabled"}) EXPECT_NE(wrong(parse_bool(other)), "") << other;
}

TEST(Addresses, Groups) {
  EXPECT_EQ(value(parse_group("239.1.2.3")), 0xef010203u);
  EXPECT_EQ(value(parse_group("224.0.1.0")), 0xe0000100u);
  EXPECT_THAT(wrong(parse_group("224.0.0.255")), HasSubstr("224.0.0.0/24"));
  EXPECT_THAT(wrong(parse_group("240.0.0.1")), HasSubstr("no multicast group"));
  EXPECT_THAT(wrong(parse_group("10.1.2.3")), HasSubstr("no multicast group"));
  EXPECT_THAT(wrong(parse_group("239.1.2")), HasSubstr("no IPv4 address"));
  EXPECT_THAT(wrong(parse_group("ff3e::1")), HasSubstr("no IPv6"));
  EXPECT_THAT(wrong(parse_group("239.1.2.3:5000")), HasSubstr("a port goes into its own key"));
}

TEST(Addresses, Hosts) {
  EXPECT_EQ(value(parse_host("10.1.0.9")), 0x0a010009u);
  EXPECT_THAT(wrong(parse_host("239.1.2.3")), HasSubstr("is a multicast group"));
  for (const char* text : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "255.255.255.255", "240.1.1.1"})
    EXPECT_THAT(wrong(parse_host(text)), HasSubstr("no host can have")) << text;
  EXPECT_THAT(wrong(parse_host("encoder.example")), HasSubstr("no IPv4 address"));
  EXPECT_THAT(wrong(parse_host("10.01.0.9")), HasSubstr("leading zeros"));
  EXPECT_EQ(value(parse_host_or_group("239.1.2.3")), 0xef010203u);
  EXPECT_EQ(value(parse_host_or_group("10.1.0.9")), 0x0a010009u);
}

TEST(Addresses, Interfaces) {
  const Parsed<Prefix> good = parse_interface_address("10.1.0.2/24");
  ASSERT_TRUE(std::holds_alternative<Prefix>(good));
  EXPECT_EQ(std::get<Prefix>(good).address, 0x0a010002u);
  EXPECT_EQ(std::get<Prefix>(good).length, 24);
  EXPECT_TRUE(std::get<Prefix>(good).contains(0x0a0100ff));
  EXPECT_FALSE(std::get<Prefix>(good).contains(0x0a010100));
  // RFC 3021: both addresses of a /31 are hosts'.
  EXPECT_TRUE(std::holds_alternative<Prefix>(parse_interface_address("10.1.0.0/31")));
  EXPECT_TRUE(std::holds_alternative<Prefix>(parse_interface_address("10.1.0.1/31")));
  const std::pair<const char*, const char*> kTable[] = {{"10.1.0.2", "lacks its prefix length"},
                                                        {"10.1.0.2/", "prefix length"},
                                                        {"10.1.0.2/7", "8 to 31"},
                                                        {"10.1.0.2/32", "8 to 31"},
                                                        {"10.1.0.0/24", "first or last"},
                                                        {"10.1.0.255/24", "first or last"},
                                                        {"10.1.0.2/255.255.255.0", "8 to 31"},
                                                        {"239.1.1.1/24", "multicast group"},
                                                        {"10.1.0/24", "no IPv4 address"},
                                                        {"10.255.255.255/8", "first or last"}};
  for (const auto& [text, fault] : kTable)
    EXPECT_THAT(wrong(parse_interface_address(text)), HasSubstr(fault)) << text;
}

TEST(Dscp, NumbersAndNames) {
  const std::pair<const char*, uint8_t> kTable[] = {
      {"0", 0},     {"63", 63},   {"CS4", 32},  {"cs4", 32}, {"AF41", 34}, {"AF43", 38}, {"EF", 46},
      {"AF11", 10}, {"AF23", 22}, {"AF32", 28}, {"LE", 1},   {"VA", 44},   {"DF", 0},    {"CS7", 56}};
  for (const auto& [text, dscp] : kTable) EXPECT_EQ(value(parse_dscp(text)), dscp) << text;
  for (const char* text : {"64", "CS8", "AF44", "-1", "", "0x20"})
    EXPECT_THAT(wrong(parse_dscp(text)), HasSubstr("is no DSCP")) << text;
}

TEST(ChannelId, SixteenHexDigits) {
  EXPECT_EQ(value(parse_channel_id("0123456789abCDef")),
            (crypto::ChannelId{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}));
  for (const char* text : {"", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg", "0x23456789abcdef",
                           "-1-1-1-1-1-1-1-1"})
    EXPECT_THAT(wrong(parse_channel_id(text)), HasSubstr("16 hex digits")) << text;
}

TEST(Quiet, AutoOrFixed) {
  EXPECT_EQ(std::get<0>(parse_quiet("auto")), std::nullopt);
  EXPECT_EQ(std::get<0>(parse_quiet("15")), 15);
  for (const char* text : {"16", "-1", "Auto ", ""}) EXPECT_NE(wrong(parse_quiet(text)), "") << text;
}

TEST(Format, Names) {
  EXPECT_EQ(value(parse_format("ts")), smart::PacketFormat::kMpegTs);
  EXPECT_EQ(value(parse_format("rtp")), smart::PacketFormat::kRtp);
  EXPECT_EQ(value(parse_format("opaque")), smart::PacketFormat::kOpaque);
  EXPECT_THAT(wrong(parse_format("rpt")), HasSubstr("did you mean \"rtp\"?"));
  EXPECT_EQ(format_name(smart::PacketFormat::kMpegTs), "ts");
}

TEST(Names, OfPortsAndChannels) {
  for (const char* name : {"in0", "0", "A.b_c-d"}) EXPECT_EQ(value(parse_name(name)), name);
  EXPECT_TRUE(value(parse_name(std::string(32, 'a'))));
  for (const char* name : {"", "-a", ".a", "a b", "a/b", "ä"}) EXPECT_NE(wrong(parse_name(name)), "") << name;
  EXPECT_NE(wrong(parse_name(std::string(33, 'a'))), "");

  for (const char* name : {"Das Erste HD", "Télé 1", "1"}) EXPECT_EQ(value(parse_title(name)), name);
  for (const char* name : {"", "a\nb", "a\x7f", "\xc2\x9b[31m", " a", "a "})
    EXPECT_NE(wrong(parse_title(name)), "") << name;
  EXPECT_TRUE(value(parse_title(std::string(64, 'a'))));
  EXPECT_NE(wrong(parse_title(std::string(65, 'a'))), "");
}

TEST(Paths, NoShellTilde) {
  EXPECT_EQ(value(parse_path("keys/a.key")), "keys/a.key");
  EXPECT_THAT(wrong(parse_path("~/a.key")), HasSubstr("only a shell knows"));
  EXPECT_THAT(wrong(parse_path("a\x1b[31m")), HasSubstr("control character"));
  EXPECT_NE(wrong(parse_path("")), "");
}

}  // namespace
}  // namespace linecast::lineup
