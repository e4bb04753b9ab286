#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "lib/crypto/derive.h"
#include "lib/lineup/lineup.h"
#include "tests/unit/lineup/spoiled_lineup.h"
#include "tests/unit/temporary_directory.h"

namespace linecast::lineup {
namespace {

using testing::HasSubstr;

TEST(Load, EveryValueOfAGoodLineup) {
  const LoadResult result = load_text(kGoodLineup, "/etc/linecast/lineup.yaml", {.check_machine = false});
  ASSERT_TRUE(result.lineup) << faults_of(result);
  EXPECT_TRUE(result.faults.empty()) << faults_of(result);
  const Lineup& lineup = *result.lineup;
  EXPECT_EQ(lineup.path, "/etc/linecast/lineup.yaml");
  EXPECT_EQ(lineup.name, "demo");
  EXPECT_EQ(lineup.sender_id, 7);
  EXPECT_EQ(lineup.state_directory, "/etc/linecast/state");
  EXPECT_EQ(lineup.signing_key_file, "/etc/linecast/head.key");
  EXPECT_EQ(lineup.control_socket, "/etc/linecast/run/demo.sock");
  EXPECT_EQ(lineup.lanes.lcores, (std::vector<unsigned>{1, 2}));
  EXPECT_EQ(lineup.lanes.main_lcore, 0u);
  EXPECT_EQ(lineup.lanes.idle_sleep_us, 50u);
  EXPECT_EQ(lineup.eal_arguments, (std::vector<std::string>{"--no-pci", "--in-memory"}));

  ASSERT_EQ(lineup.ports.size(), 2u);
  const Port& in = lineup.ports[0];
  EXPECT_EQ(in.name, "in0");
  EXPECT_EQ(in.device, "net_af_packet0,iface=lo");
  EXPECT_FALSE(in.is_pci);
  EXPECT_EQ(in.mtu, 1500);
  ASSERT_EQ(lineup.interfaces.size(), 3u);
  const Interface& untagged = lineup.interfaces[0];
  EXPECT_EQ(untagged.name, "in0");
  EXPECT_EQ(untagged.port, 0u);
  EXPECT_EQ(untagged.vlan, 0);
  EXPECT_EQ(untagged.address, 0x0a010002u);
  EXPECT_EQ(untagged.prefix_length, 24);
  EXPECT_EQ(untagged.gateway, 0x0a010001u);
  EXPECT_EQ(untagged.igmp_version, 3);
  EXPECT_FALSE(untagged.querier);
  EXPECT_EQ(lineup.interfaces[1].gateway, 0u);
  EXPECT_FALSE(lineup.interfaces[1].igmp_version) << "auto";
  const Interface& vlan = lineup.interfaces[2];
  EXPECT_EQ(vlan.name, "out0.100");
  EXPECT_EQ(vlan.port, 1u);
  EXPECT_EQ(vlan.vlan, 100);
  EXPECT_EQ(vlan.address, 0x0a030002u);
  ASSERT_TRUE(vlan.querier);
  EXPECT_EQ(vlan.querier->version, 2);
  EXPECT_EQ(vlan.querier->query_interval_s, 60u);
  EXPECT_EQ(vlan.querier->response_interval_s, 5u);

  ASSERT_TRUE(lineup.tunnels);
  EXPECT_EQ(lineup.tunnels->limit, 500u);
  EXPECT_EQ(lineup.tunnels->limit_per_address, 20u);
  EXPECT_EQ(lineup.tunnels->rate_bps, 2'000'000'000u);
  ASSERT_EQ(lineup.tunnels->prefixes.size(), 1u);
  EXPECT_TRUE(lineup.tunnels->prefixes[0].contains(0x0a09ffff));

  ASSERT_EQ(lineup.channels.size(), 2u);
  const Channel& news = lineup.channels[0];
  EXPECT_EQ(news.name, "news");
  EXPECT_EQ(news.number, 1u);
  EXPECT_TRUE(news.enabled);
  EXPECT_EQ(news.id, (crypto::ChannelId{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}));
  EXPECT_EQ(news.source.interface, 0u);
  EXPECT_EQ(news.source.address, 0xef0a0001u);
  EXPECT_EQ(news.source.udp_port, 5000);
  EXPECT_EQ(news.source.ssm_source, 0x0a010009u);
  EXPECT_EQ(news.source.format, smart::PacketFormat::kMpegTs);
  EXPECT_EQ(news.output.interface, 1u);
  EXPECT_EQ(news.output.group, 0xef140001u);
  EXPECT_EQ(news.output.udp_port, 47200);
  EXPECT_EQ(news.output.ttl, 8);
  EXPECT_EQ(news.output.dscp, 34);
  EXPECT_EQ(news.bitrate_cap_bps, 8'000'000u);
  EXPECT_EQ(news.key_file, "/etc/linecast/news.key");
  EXPECT_EQ(news.window_ms, 2000u);
  EXPECT_EQ(news.window_packets, 2048u);
  EXPECT_EQ(news.budget_percent, 30u);
  EXPECT_EQ(news.repairs_to, RepairsTo::kAuto);
  ASSERT_EQ(news.unicast_prefixes.size(), 2u);
  EXPECT_TRUE(news.unicast_prefixes[0].contains(0x0a09ffff));
  EXPECT_FALSE(news.unicast_prefixes[0].contains(0x0a0a0000));
  EXPECT_TRUE(news.unicast_prefixes[1].contains(0x0a080007));
  EXPECT_FALSE(news.unicast_prefixes[1].contains(0x0a080006));
  EXPECT_EQ(news.quiet, 3);
  EXPECT_TRUE(news.tunnels);
  EXPECT_EQ(news.max_payload, 1440u);

  EXPECT_EQ(lineup.usage.directory, "/etc/linecast/usage");
  EXPECT_EQ(lineup.usage.exact, 5000u);
  EXPECT_EQ(lineup.usage.per_address, 50);
  EXPECT_EQ(lineup.usage.part_s, 120u);
  EXPECT_EQ(lineup.usage.journal_mib, 32u);
  EXPECT_EQ(lineup.usage.json_file, "/etc/linecast/bills.jsonl");
  EXPECT_EQ(lineup.usage.json_rotate_mib, 8u);
  EXPECT_EQ(lineup.usage.json_files, 3u);
  EXPECT_EQ(lineup.usage.sqlite_file, "/etc/linecast/bills.sqlite");
  ASSERT_EQ(lineup.usage.repeaters.size(), 2u);
  EXPECT_TRUE(lineup.usage.repeaters[0].contains(0x0a020032));
  EXPECT_EQ(lineup.usage.repeaters[0].length, 32);
  EXPECT_TRUE(lineup.usage.repeaters[1].contains(0x0a0400ff));

  // And of one that leaves to the defaults what has any.
  const Channel& sport = lineup.channels[1];
  EXPECT_TRUE(sport.enabled);
  EXPECT_EQ(sport.id, crypto::channel_id_from_name("sport"));
  EXPECT_EQ(sport.source.address, 0x0a010002u);
  EXPECT_EQ(sport.source.format, smart::PacketFormat::kRtp);
  EXPECT_EQ(sport.output.udp_port, 47100);
  EXPECT_EQ(sport.output.ttl, 16);
  EXPECT_EQ(sport.output.dscp, 32);
  EXPECT_EQ(sport.bitrate_cap_bps, 8'500'000u);
  EXPECT_TRUE(sport.key_file.empty());
  EXPECT_EQ(sport.window_ms, 1000u);
  EXPECT_EQ(sport.window_packets, 1024u);
  EXPECT_EQ(sport.budget_percent, 25u);
  EXPECT_EQ(sport.repairs_to, RepairsTo::kMulticast);
  EXPECT_EQ(sport.quiet, std::nullopt);
  EXPECT_EQ(sport.max_payload, 1464u);
}

TEST(Load, DefaultsOfTheHeadend) {
  const LoadResult result = Spoiled(R"(headend: {name: demo}
ports: [{name: p, device: "3b:00.0", address: 10.1.0.2/24}]
channels:
  - {name: a, number: 1, source: {interface: p, address: 239.1.1.1, port: 1}, clear: yes, bitrate_cap: 1M,
     output: {interface: p, group: 239.1.1.2}}
)")
                                .load();
  ASSERT_TRUE(result.lineup) << faults_of(result);
  EXPECT_TRUE(result.faults.empty()) << faults_of(result);
  EXPECT_EQ(result.lineup->sender_id, 1);
  EXPECT_EQ(result.lineup->state_directory, "/var/lib/linecast");
  EXPECT_EQ(result.lineup->control_socket, "/run/linecast/demo.sock");
  EXPECT_EQ(result.lineup->lanes.lcores, (std::vector<unsigned>{1}));
  EXPECT_EQ(result.lineup->lanes.main_lcore, 0u);
  EXPECT_EQ(result.lineup->lanes.idle_sleep_us, 0u);
  EXPECT_EQ(result.lineup->usage.directory, "/var/lib/linecast/usage");
  EXPECT_EQ(result.lineup->usage.json_file, "/var/lib/linecast/usage/usage.jsonl");
  EXPECT_EQ(result.lineup->usage.sqlite_file, "/var/lib/linecast/usage/usage.sqlite");
  EXPECT_EQ(result.lineup->usage.exact, 100'000u);
  EXPECT_EQ(result.lineup->usage.part_s, 300u);
  EXPECT_EQ(result.lineup->ports[0].device, "0000:3b:00.0");
  EXPECT_TRUE(result.lineup->ports[0].is_pci);
  EXPECT_EQ(result.lineup->channels[0].source.interface, result.lineup->channels[0].output.interface);
}

TEST(Load, ASinkOfUsageCanBeOffAndFilesFollowTheDirectory) {
  const LoadResult result = Spoiled(
                                "directory: usage, exact: 5000, per_address: 50, part_s: 120, "
                                "journal_mib: 32, json: {enabled: yes, file: bills.jsonl, rotate_mib: 8, "
                                "files: 3}, sqlite: {enabled: on, file: bills.sqlite}",
                                "directory: /srv/usage, sqlite: {enabled: no}")
                                .load();
  ASSERT_TRUE(result.lineup) << faults_of(result);
  EXPECT_EQ(result.lineup->usage.directory, "/srv/usage");
  EXPECT_EQ(result.lineup->usage.json_file, "/srv/usage/usage.jsonl");
  EXPECT_EQ(result.lineup->usage.sqlite_file, "");
}

TEST(Load, FiveFaultsInOneFileAreAllReported) {
  const LoadResult result = Spoiled(R"(headend: {name: demo, sender_id: 40000}
ports:
  - {name: in0, device: net_null0, address: 10.1.0.2/24, mtuu: 1500}
channels:
  - name: news
    number: 1
    source: {interface: in1, address: 239.10.0.1, port: 5000}
    output: {interface: in0, group: 224.0.0.1}
    bitrate_cap: 8 MB/s
    clear: true
)")
                                .load();
  EXPECT_FALSE(result.lineup);
  EXPECT_EQ(
      faults_of(result),
      "lineup.yaml:1:34: error: sender_id \"40000\" is out of range: give a plain number from 1 to 32767\n"
      "lineup.yaml:3:58: error: a port has no key \"mtuu\": did you mean \"mtu\"?\n"
      "lineup.yaml:7:25: error: interface \"in1\" is no port or VLAN of this lineup: did you mean \"in0\"?\n"
      "lineup.yaml:8:37: error: group \"224.0.0.1\" is in 224.0.0.0/24, which is for protocols on the local "
      "link: "
      "take a group elsewhere in 224.0.0.0/4, best in 239.0.0.0/8\n"
      "lineup.yaml:9:18: error: bitrate_cap \"8 MB/s\" counts bytes: give bits a second, as 8M or 8 "
      "Mbit/s\n");
}

// Whatever a key is given that cannot be right draws a fault there: no key is read over, none is without
// effect.
TEST(Load, EveryKeyThatIsKnownIsRead) {
  const std::pair<std::string_view, const char*> kPlaces[] = {
      {"headend.", "headend: {"},
      {"repeater.", "repeater: {"},
      {"lanes.", "lanes: {"},
      {"tunnels.", "tunnels: {"},
      {"ports[].vlans[].", "  - vlans: [{"},
      {"ports[].querier.", "  - querier: {"},
      {"ports[].", "  - {"},
      {"channels[].source.", "    source: {"},
      {"channels[].upstream.", "    upstream: {"},
      {"channels[].output.", "    output: {"},
      {"channels[].retransmit.", "    retransmit: {"},
      {"usage.json.", "usage: {json: {"},
      {"usage.sqlite.", "usage: {sqlite: {"},
      {"usage.", "usage: {"},
  };
  size_t tried = 0;
  for (const std::string& key : known_keys()) {
    const std::string name = key.substr(key.rfind('.') + 1);
    Spoiled spoiled("x");
    if (const size_t dot = key.rfind('.'); dot == std::string::npos) {
      spoiled.text = name + ":\n";
    } else if (key.substr(0, dot) == "channels[]") {
      spoiled.text = "channels:\n  - " + name + ":\n";
    } else {
      for (const auto& [path, text] : kPlaces)
        if (key.substr(0, dot + 1) == path)
          spoiled.text =
              key.starts_with("channels") ? "channels:\n  - x: 1\n" + std::string(text) + name + ": }\n"
              : key.starts_with("ports")
                  ? "ports:\n" + std::string(text) + name + ": }" +
                        (std::string_view(text).find('[') != std::string_view::npos ? "]\n" : "\n")
                  : std::string(text) + name + ": " +
                        std::string(static_cast<size_t>(std::ranges::count(path, '.')), '}') + "\n";
    }
    const bool of_repeater = key.starts_with("channels[].upstream") || key == "channels[].hop_key";
    if (of_repeater) spoiled.text = "repeater: {name: x}\n" + spoiled.text;
    EXPECT_THAT(faults_of(spoiled.load()), HasSubstr("error: " + name + " has no value")) << key;
    ++tried;
  }
  EXPECT_EQ(tried, 8u + 5 + 4 + 3 + 4 + 8 + 6 + 3 + 14 + 5 + 5 + 5 + 4 + 8 + 4 + 2);
}

TEST(Load, AnchorsAndMergeKeys) {
  const LoadResult result =
      Spoiled("output: {interface: out0, group: 239.20.0.1, port: 47200, ttl: 8, dscp: AF41}",
              "output: &o {interface: out0, group: 239.20.0.1, port: 47200, ttl: 8, dscp: AF41}")
          .load();
  ASSERT_TRUE(result.lineup) << faults_of(result);
  Spoiled merged("{interface: out0, group: 239.20.0.2}", "{<<: *o, group: 239.20.0.2}");
  merged.text.replace(merged.text.find("output: {interface"), 8, "output: &o ");
  const LoadResult second = merged.load();
  ASSERT_TRUE(second.lineup) << faults_of(second);
  EXPECT_EQ(second.lineup->channels[1].output.ttl, 8);
  EXPECT_EQ(second.lineup->channels[1].output.group, 0xef140002u);
}

TEST(Load, APipeThatNobodyWritesIntoIsNotWaitedFor) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/lineup.yaml";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const LoadResult result = load(path);
  EXPECT_FALSE(result.lineup);
  EXPECT_FALSE(result.faults.empty());
}

TEST(Load, AFaultInWhatIsSharedIsReportedOnce) {
  Spoiled spoiled("{interface: out0, group: 239.20.0.2}", "{<<: *o, group: 239.20.0.2}");
  spoiled.text.replace(spoiled.text.find("output: {interface"), 8, "output: &o ");
  spoiled.text.replace(spoiled.text.find("ttl: 8"), 6, "ttl: 0");
  const LoadResult result = spoiled.load();
  ASSERT_EQ(result.faults.size(), 1u) << faults_of(result);
  EXPECT_EQ(result.faults[0].line, 15);
}

TEST(Load, TheSameChannelTwiceByAliasIsReportedAtTheAlias) {
  Spoiled spoiled("  - name: sport", "  - *c\n  - name: sport");
  spoiled.text.replace(spoiled.text.find("  - name: news"), 4, "  - &c\n    ");
  const LoadResult result = spoiled.load();
  EXPECT_FALSE(result.lineup);
  ASSERT_GE(result.faults.size(), 2u) << faults_of(result);
}

TEST(Load, MoreThanTopLevelMistakes) {
  const std::pair<const char*, const char*> kTable[] = {
      {"", "the lineup is empty"},          {"# only a comment\n", "the lineup is empty"},
      {"~\n", "but this is nothing"},       {"just text\n", "but this is a single value"},
      {"- a\n- b\n", "but this is a list"}, {"headend: [", "not valid YAML"},
  };
  for (const auto& [text, what] : kTable) {
    const LoadResult result = load_text(text, "lineup.yaml", {.check_machine = false});
    EXPECT_FALSE(result.lineup);
    ASSERT_EQ(result.faults.size(), 1u) << text << faults_of(result);
    EXPECT_THAT(result.faults[0].what, HasSubstr(what));
  }
}

TEST(Load, EmptyLists) {
  EXPECT_THAT(faults_of(Spoiled("headend: {name: a}\nports: []\nchannels: []\n").load()),
              "lineup.yaml:2:8: error: ports is empty: a headend needs at least one\n"
              "lineup.yaml:3:11: error: channels is empty: a headend needs at least one\n");
}

TEST(Load, MorePortsThanDpdkTakes) {
  std::string text = "headend: {name: a}\nports:\n";
  for (int i = 0; i < 33; ++i)
    text += fmt::format("  - {{name: p{0}, device: net_null{0}, address: 10.1.{0}.1/24}}\n", i);
  EXPECT_THAT(faults_of(Spoiled(text).load()),
              HasSubstr("lineup.yaml:3:3: error: 33 ports: DPDK is built for 32"));
}

TEST(Load, FilesThatCannotBeRead) {
  const auto dir = std::filesystem::temp_directory_path() / "linecast-lineup-load-test";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directory(dir);
  const auto only_fault = [](const std::string& path) {
    const LoadResult result = load(path);
    EXPECT_FALSE(result.lineup);
    EXPECT_EQ(result.faults.size(), 1u) << faults_of(result);
    EXPECT_EQ(result.faults.at(0).line, 0);
    return result.faults.at(0).what;
  };
  EXPECT_THAT(only_fault(dir / "missing.yaml"), HasSubstr("cannot be opened: No such file or directory"));
  EXPECT_THAT(only_fault(dir), HasSubstr("this is a directory"));
  EXPECT_THAT(only_fault(dir / "missing.yaml" / "x"), HasSubstr("cannot be opened"));
  { std::ofstream(dir / "empty.yaml"); }
  EXPECT_THAT(only_fault(dir / "empty.yaml"), HasSubstr("the lineup is empty"));
  { std::ofstream(dir / "large.yaml") << std::string((16 << 20) + 1, '#'); }
  EXPECT_THAT(only_fault(dir / "large.yaml"), HasSubstr("longer than 16 MiB"));
  EXPECT_THAT(only_fault("/dev/zero"), HasSubstr("longer than 16 MiB"));
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace linecast::lineup
