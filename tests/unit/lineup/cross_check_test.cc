// What two channels must not share, and what they may.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lineup/spoiled_lineup.h"

namespace linecast::lineup {
namespace {

using testing::HasSubstr;

// Two channels between two ports.
struct Pair {
  std::string source_a = "interface: in0, address: 239.10.0.1, port: 5000";
  std::string output_a = "interface: out0, group: 239.20.0.1";
  std::string source_b = "interface: in0, address: 239.10.0.2, port: 5000";
  std::string output_b = "interface: out0, group: 239.20.0.2";
  std::string more_b{};

  std::string faults() const {
    const LoadResult result = load_text(
        "headend: {name: demo}\n"
        "ports:\n"
        "  - {name: in0, device: net_null0, address: 10.1.0.2/24}\n"
        "  - {name: out0, device: net_null1, address: 10.2.0.2/24}\n"
        "channels:\n"
        "  - {name: a, number: 1, bitrate_cap: 8M, clear: true,\n"
        "     source: {" +
            source_a + "},\n" + "     output: {" + output_a + "}}\n" +
            "  - {name: b, number: 2, bitrate_cap: 8M, clear: true," + more_b + "\n" + "     source: {" +
            source_b + "},\n" + "     output: {" + output_b + "}}\n",
        "lineup.yaml", {.check_machine = false});
    return faults_of(result);
  }
};

TEST(CrossChecks, ChannelsAreCounted) {
  const auto faults_with = [](size_t channels) {
    std::string text = kGoodLineup;
    for (size_t i = 2; i < channels; ++i)
      text += fmt::format(
          "  - {{name: c{0}, number: {0}, source: {{interface: in0, address: 239.11.{1}.{2}, port: 5000}}, "
          "output: "
          "{{interface: out0, group: 239.21.{1}.{2}}}, bitrate_cap: 1M, clear: true}}\n",
          i + 1, 1 + i / 200, 1 + i % 200);
    return faults_of(Spoiled(text).load());
  };
  EXPECT_THAT(faults_with(kMaxChannels), testing::Not(testing::HasSubstr("at most 4096 channels")));
  EXPECT_THAT(faults_with(kMaxChannels + 1), testing::HasSubstr("at most 4096 channels"));
}

TEST(CrossChecks, NothingToSay) { EXPECT_EQ(Pair{}.faults(), ""); }

TEST(CrossChecks, SourceUsedTwice) {
  EXPECT_EQ(Pair{.source_b = Pair{}.source_a}.faults(),
            "lineup.yaml:10:40: error: 239.10.0.1:5000 on in0 is already the source of channel \"a\" (line "
            "6): a feed "
            "goes to one channel\n");
  // Only a warning while one of them is disabled.
  EXPECT_EQ((Pair{.source_b = Pair{}.source_a, .more_b = " enabled: false,"}.faults()),
            "lineup.yaml:10:40: warning: 239.10.0.1:5000 on in0 is already the source of channel \"a\" (line "
            "6): a feed "
            "goes to one channel\n");
  // Other port, other sender, other interface: another feed.
  EXPECT_EQ(Pair{.source_b = "interface: in0, address: 239.10.0.1, port: 5001"}.faults(), "");
  EXPECT_EQ((Pair{.source_b = Pair{}.source_a + ", ssm_source: 10.1.0.9"}.faults()), "");
  EXPECT_EQ(Pair{.source_b = "interface: out0, address: 239.10.0.1, port: 5000"}.faults(), "");
}

TEST(CrossChecks, OutputUsedTwice) {
  EXPECT_THAT(
      Pair{.output_b = Pair{}.output_a}.faults(),
      HasSubstr("11:39: error: 239.20.0.1:47100 on out0 is already the output of channel \"a\" (line 6)"));
  EXPECT_EQ((Pair{.output_b = "interface: out0, group: 239.20.0.1, port: 47101"}.faults()), "");
  EXPECT_EQ(Pair{.output_b = "interface: in0, group: 239.20.0.1"}.faults(), "");
}

TEST(CrossChecks, FedWithItsOwnOutput) {
  // Whichever of the channels comes first.
  EXPECT_THAT((Pair{.source_b = "interface: out0, address: 239.20.0.1, port: 47100"}.faults()),
              HasSubstr("10:41: error: 239.20.0.1:47100 on out0 is what channel \"a\" (line 6) sends"));
  EXPECT_THAT((Pair{.source_a = "interface: out0, address: 239.20.0.2, port: 47100"}.faults()),
              HasSubstr("7:41: error: 239.20.0.2:47100 on out0 is what channel \"b\" (line 9) sends"));
  EXPECT_THAT((Pair{.source_a = "interface: out0, address: 239.20.0.1, port: 47100"}.faults()),
              HasSubstr("7:41: error: 239.20.0.1:47100 on out0 is what channel \"a\" (line 6) sends"));
  // Another sender's packets are no loop, this port's own are.
  EXPECT_EQ(
      (Pair{.source_b = "interface: out0, address: 239.20.0.1, port: 47100, ssm_source: 10.2.0.9"}.faults()),
      "");
  EXPECT_THAT(
      (Pair{.source_b = "interface: out0, address: 239.20.0.1, port: 47100, ssm_source: 10.2.0.2"}.faults()),
      HasSubstr("is what channel \"a\""));
  EXPECT_EQ((Pair{.source_b = "interface: in0, address: 239.20.0.1, port: 47100"}.faults()), "");
}

TEST(CrossChecks, SourceSpecificGroups) {
  EXPECT_EQ(
      (Pair{.source_b = "interface: in0, address: 232.1.0.2, port: 5000, ssm_source: 10.1.0.9"}.faults()),
      "");
  EXPECT_THAT((Pair{.source_b = "interface: in0, address: 232.1.0.2, port: 5000"}.faults()),
              HasSubstr("10:40: error: address \"232.1.0.2\" is in 232.0.0.0/8"));
  EXPECT_EQ(Pair{.output_b = "interface: out0, group: 232.1.0.2"}.faults(), "");

  const LoadResult v2 = Spoiled("address: 239.10.0.1, port: 5000", "address: 232.10.0.1, port: 5000").load();
  EXPECT_TRUE(v2.lineup) << faults_of(v2);
  Spoiled spoiled("address: 239.10.0.1, port: 5000", "address: @232.10.0.1, port: 5000");
  spoiled.text.replace(spoiled.text.find("igmp: 3"), 7, "igmp: 2");
  const LoadResult result = spoiled.load();
  EXPECT_FALSE(result.lineup);
  ASSERT_EQ(result.faults.size(), 1u) << faults_of(result);
  EXPECT_EQ(result.faults[0].line, spoiled.line);
  EXPECT_EQ(result.faults[0].column, spoiled.column);
  EXPECT_THAT(result.faults[0].what, HasSubstr("which only IGMPv3 can join"));
}

TEST(CrossChecks, SendersOfOneGroup) {
  const auto faults = [](int senders) {
    std::string text =
        "headend: {name: demo}\n"
        "ports: [{name: in0, device: net_null0, address: 10.1.0.2/24}]\n"
        "channels:\n";
    for (int i = 1; i <= senders; ++i)
      for (const int udp_port : {5000, 5001})  // two feeds of one sender take one join
        text += "  - {name: c" + std::to_string(2 * i + udp_port % 2) +
                ", number: " + std::to_string(2 * i + udp_port % 2) + ", bitrate_cap: 1M, clear: true, " +
                "source: {interface: in0, address: 232.1.1.1, port: " + std::to_string(udp_port) +
                ", ssm_source: 10.9.0." + std::to_string(i) + "}, output: {interface: in0, group: 239.2." +
                std::to_string(udp_port % 2) + "." + std::to_string(i) + "}}\n";
    return faults_of(load_text(text, "lineup.yaml", {.check_machine = false}));
  };
  EXPECT_EQ(faults(64), "");
  EXPECT_THAT(faults(65), HasSubstr("group \"232.1.1.1\" is joined from more than 64 senders on in0"));
}

TEST(CrossChecks, GroupsOnOneMac) {
  // Outputs of one port.
  EXPECT_THAT(
      Pair{.output_b = "interface: out0, group: 238.148.0.1"}.faults(),
      HasSubstr(
          "11:39: warning: group \"238.148.0.1\" shares its MAC address with 239.20.0.1 of channel \"a\""));
  // An input and an output of one port.
  EXPECT_THAT((Pair{.source_b = "interface: out0, address: 238.20.0.1, port: 5000"}.faults()),
              HasSubstr("10:41: warning: group \"238.20.0.1\" shares its MAC address with 239.20.0.1"));
  // On two ports they do not meet, and one group is not its own twin.
  EXPECT_EQ(Pair{.output_b = "interface: in0, group: 238.148.0.1"}.faults(), "");
  EXPECT_EQ((Pair{.output_b = "interface: out0, group: 239.20.0.1, port: 9"}.faults()), "");
  EXPECT_EQ(Pair{.output_b = "interface: out0, group: 239.21.0.1"}.faults(), "");
}

TEST(CrossChecks, AllDisabled) {
  Spoiled spoiled("enabled: true", "enabled: false");
  spoiled.text += "    enabled: false\n";
  const LoadResult result = spoiled.load();
  EXPECT_TRUE(result.lineup);
  ASSERT_EQ(result.faults.size(), 1u) << faults_of(result);
  EXPECT_THAT(faults_of(result), HasSubstr("10:3: warning: no channel is enabled"));
}

// Where a port's name is at fault, the references to it are not reported besides.
TEST(CrossChecks, NoFaultsThatOnlyFollow) {
  const LoadResult result = Spoiled("name: out0", "name: @out 0").load();
  ASSERT_EQ(result.faults.size(), 1u) << faults_of(result);
}

}  // namespace
}  // namespace linecast::lineup
