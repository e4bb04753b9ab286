#include "lib/lineup/difference.h"

#include <gmock/gmock.h>

#include <span>

#include "tests/unit/lineup/spoiled_lineup.h"

namespace linecast::lineup {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Lineup good() { return *Spoiled(kGoodLineup).load().lineup; }

// A good lineup against itself with every `from` replaced.
Difference changed(const std::string& from, const std::string& to, const std::string& lineup = kGoodLineup) {
  std::string text = lineup;
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << "the good lineup does not hold " << from;
  for (; at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  const LoadResult result = Spoiled(text).load();
  EXPECT_TRUE(result.lineup) << faults_of(result);
  return result.lineup ? compare(*Spoiled(lineup).load().lineup, *result.lineup) : Difference{};
}

bool is_none(const Difference& difference) {
  return difference.restart_needed.empty() && difference.adjusted.empty() &&
         std::ranges::all_of(difference.channels, [](const auto& c) { return c.change == Change::kNone; });
}

TEST(Difference, NothingBetweenALineupAndItself) {
  const Difference difference = compare(good(), good());
  ASSERT_EQ(difference.channels.size(), 2u);
  EXPECT_TRUE(is_none(difference));
}

struct Case {
  std::string key, from, to;
  Change change;  // of the first channel; kNone: the headend must be restarted
};

const Case kCases[] = {
    {"headend.name", "name: demo", "name: other", Change::kNone},
    {"headend.sender_id", "sender_id: 7", "sender_id: 8", Change::kNone},
    {"headend.state", "state: state", "state: elsewhere", Change::kNone},
    {"headend.signing_key", "head.key", "other.key", Change::kNone},
    {"headend.control", "demo.sock", "other.sock", Change::kNone},
    {"lanes.lcores", "[1, 2]", "[1]", Change::kNone},
    {"lanes.main_lcore", "main_lcore: 0", "main_lcore: 3", Change::kNone},
    {"lanes.idle_sleep_us", "idle_sleep_us: 50", "idle_sleep_us: 0", Change::kNone},
    {"eal", "\"--in-memory\"", "\"--no-huge\"", Change::kNone},
    {"usage.directory", "directory: usage", "directory: elsewhere", Change::kNone},
    {"usage.exact", "exact: 5000", "exact: 5001", Change::kNone},
    {"usage.per_address", "per_address: 50", "per_address: 51", Change::kNone},
    {"usage.part_s", "part_s: 120", "part_s: 121", Change::kNone},
    {"usage.journal_mib", "journal_mib: 32", "journal_mib: 33", Change::kNone},
    {"usage.json.enabled", "json: {enabled: yes", "json: {enabled: no", Change::kNone},
    {"usage.json.file", "bills.jsonl", "other.jsonl", Change::kNone},
    {"usage.json.rotate_mib", "rotate_mib: 8", "rotate_mib: 9", Change::kNone},
    {"usage.json.files", "files: 3", "files: 4", Change::kNone},
    {"usage.sqlite.enabled", "sqlite: {enabled: on", "sqlite: {enabled: off", Change::kNone},
    {"usage.sqlite.file", "bills.sqlite", "other.sqlite", Change::kNone},
    {"ports[].name", "in0", "inn", Change::kNone},
    {"ports[].device", "iface=lo", "iface=eth9", Change::kNone},
    {"ports[].address", "10.2.0.2/24", "10.2.0.3/24", Change::kNone},
    {"ports[].gateway", "gateway: 10.1.0.1", "gateway: 10.1.0.4", Change::kNone},
    {"ports[].mtu", "mtu: 1500", "mtu: 1450", Change::kNone},
    {"ports[].igmp", "igmp: 3", "igmp: auto", Change::kNone},
    {"ports[].vlans", "vlans: [{id: 100", "vlans: [{id: 101", Change::kNone},
    {"ports[].querier", "device: net_null0,", "device: net_null0, querier: {},", Change::kNone},
    {"query_interval_s", "query_interval_s: 60", "query_interval_s: 61", Change::kNone},
    {"tunnels", "tunnels: {limit: 500, limit_per_address: 20, rate: 2G, prefixes: [10.9.0.0/16]}\n", "",
     Change::kNone},
    {"tunnels.limit", "limit: 500", "limit: 501", Change::kNone},
    {"tunnels.limit_per_address", "limit_per_address: 20", "limit_per_address: 21", Change::kNone},
    {"tunnels.rate", "rate: 2G", "rate: 3G", Change::kNone},
    {"tunnels.prefixes", "prefixes: [10.9.0.0/16]}", "prefixes: [10.8.0.0/16]}", Change::kNone},
    {"channels[].name", "name: news", "name: noos", Change::kAdjusted},
    {"channels[].number", "number: 1", "number: 3", Change::kAdjusted},
    {"channels[].enabled", "enabled: true", "enabled: false", Change::kRemoved},
    {"channels[].source.interface", "interface: in0, address: 239.10.0.1",
     "interface: out0.100, address: 239.10.0.1", Change::kAdjusted},
    {"channels[].source.address", "239.10.0.1", "239.10.0.3", Change::kAdjusted},
    {"channels[].source.port", "port: 5000", "port: 5002", Change::kAdjusted},
    {"channels[].source.ssm_source", "ssm_source: 10.1.0.9", "ssm_source: 10.1.0.8", Change::kAdjusted},
    {"channels[].source.format", "format: ts", "format: opaque", Change::kAdjusted},
    {"channels[].output.interface", "interface: out0, group: 239.20.0.1",
     "interface: out0.100, group: 239.20.0.1", Change::kRestarted},
    {"channels[].output.group", "239.20.0.1", "239.20.0.7", Change::kMoved},
    {"channels[].output.port", "port: 47200", "port: 47300", Change::kRestarted},  // as it has tunnels
    {"channels[].output.ttl", "ttl: 8", "ttl: 9", Change::kRestarted},
    {"channels[].output.dscp", "dscp: AF41", "dscp: CS4", Change::kRestarted},
    {"channels[].bitrate_cap", "bitrate_cap: 8M", "bitrate_cap: 8001000", Change::kAdjusted},
    {"channels[].key", "news.key", "other.key", Change::kRestarted},
    {"channels[].clear", "key: news.key", "clear: true", Change::kRestarted},
    {"channels[].retransmit.window_ms", "window_ms: 2000", "window_ms: 2001", Change::kRestarted},
    {"channels[].retransmit.budget_percent", "budget_percent: 30", "budget_percent: 31", Change::kAdjusted},
    {"channels[].retransmit.to", "to: auto", "to: unicast", Change::kAdjusted},
    {"channels[].retransmit.unicast_prefixes", "10.8.0.7]", "10.8.0.8]", Change::kAdjusted},
    {"channels[].quiet", "quiet: 3", "quiet: auto", Change::kAdjusted},
    {"channels[].tunnels", "tunnels: true", "tunnels: false", Change::kAdjusted},
};

// Of a repeater's lineup, beside what it has in common with a headend's.
const Case kRepeaterCases[] = {
    {"repeater.name", "name: site", "name: other", Change::kNone},
    {"repeater.state", "state: state", "state: elsewhere", Change::kNone},
    {"repeater.trust", "head.key.pub", "other.key.pub", Change::kNone},
    {"channels[].hop_key", "key: news.key", "hop_key: news.hop", Change::kRestarted},
    {"repeater.control", "site.sock", "other.sock", Change::kNone},
    {"channels[].upstream.interface", "interface: in0, address: 10.2.0.2, group: 239.20.0.1",
     "interface: out0.100, address: 10.2.0.2, group: 239.20.0.1", Change::kRestarted},
    {"channels[].upstream.address", "address: 10.2.0.2, group: 239.20.0.1",
     "address: 10.2.0.3, group: 239.20.0.1", Change::kRestarted},
    {"channels[].upstream.group", "group: 239.20.0.1", "group: 239.20.0.3", Change::kRestarted},
    {"channels[].upstream.tunnel", "port: 47200", "port: 47200, tunnel: true", Change::kRestarted},
    {"channels[].upstream.tunnel", "port: 47200", "port: 47200, tunnel: auto", Change::kRestarted},
    {"channels[].upstream.port", "port: 47200", "port: 47300", Change::kRestarted},
    {"channels[].tunnels", "key: news.key", "key: news.key\n    tunnels: false", Change::kAdjusted},
};

void each_is_named(std::span<const Case> cases, const std::string& lineup) {
  for (const Case& c : cases) {
    const Difference difference = changed(c.from, c.to, lineup);
    if (c.change == Change::kNone) {
      EXPECT_FALSE(difference.restart_needed.empty()) << c.key;
      continue;
    }
    EXPECT_THAT(difference.restart_needed, IsEmpty()) << c.key;
    ASSERT_EQ(difference.channels.size(), 2u) << c.key;
    EXPECT_EQ(difference.channels[0].change, c.change) << c.key;
    EXPECT_EQ(difference.channels[1].change, Change::kNone) << c.key;
    if (c.change != Change::kRemoved) {
      EXPECT_FALSE(difference.channels[0].details.empty()) << c.key;
    }
  }
}

TEST(Difference, EachKeyThatChangesIsNamed) {
  each_is_named(kCases, kGoodLineup);
  each_is_named(kRepeaterCases, kGoodRepeater);
}

// A key that the loader learns must be compared too: whoever adds one adds a case above.
TEST(Difference, EveryKeyOfALineupHasACase) {
  for (const std::string& key : known_keys()) {
    const bool section = key == "headend" || key == "repeater" || key == "lanes" || key == "ports" ||
                         key == "channels" || key == "channels[].source" || key == "channels[].upstream" ||
                         key == "channels[].output" || key == "channels[].retransmit" || key == "usage" ||
                         key == "usage.json" || key == "usage.sqlite";
    const bool inside = key.starts_with("ports[].vlans[].") || key.starts_with("ports[].querier.");
    const bool identity = key == "channels[].id";  // another id is another channel, tested below
    const bool of_all = key == "usage.repeaters";  // tested below
    if (section || inside || identity || of_all) continue;
    const auto is_of = [&](const Case& c) { return c.key == key; };
    EXPECT_TRUE(std::ranges::any_of(kCases, is_of) || std::ranges::any_of(kRepeaterCases, is_of)) << key;
  }
}

TEST(Difference, RepeatersWhoseReportsAreBelievedChangeWhileAllGoesOn) {
  const Difference difference = changed("repeaters: [10.2.0.50, ", "repeaters: [10.2.0.51, ");
  EXPECT_THAT(difference.restart_needed, IsEmpty());
  EXPECT_THAT(difference.adjusted,
              ElementsAre("usage.repeaters 10.2.0.50/32 10.4.0.0/24 -> 10.2.0.51/32 10.4.0.0/24"));
  for (const ChannelDifference& channel : difference.channels) EXPECT_EQ(channel.change, Change::kNone);
}

TEST(Difference, AChannelIsKnownByItsId) {
  const Difference difference = changed("id: 0123456789abcdef", "id: 0123456789abcd00");
  ASSERT_EQ(difference.channels.size(), 3u);
  EXPECT_EQ(difference.channels[0].change, Change::kAdded);
  EXPECT_FALSE(difference.channels[0].before);
  EXPECT_EQ(difference.channels[1].change, Change::kNone);
  EXPECT_EQ(difference.channels[2].change, Change::kRemoved);
  EXPECT_FALSE(difference.channels[2].after);
}

TEST(Difference, AHeadendBecomesNoRepeaterWhileItRuns) {
  const Difference difference = compare(good(), *Spoiled(kGoodRepeater).load().lineup);
  EXPECT_THAT(difference.restart_needed, testing::Contains("role headend -> repeater"));
}

TEST(Difference, AChannelWithoutTunnelsMovesToAnotherPort) {
  Lineup running = good(), wanted = good();
  running.tunnels.reset();
  wanted.tunnels.reset();
  wanted.channels[0].output.udp_port += 100;
  EXPECT_EQ(compare(running, wanted).channels[0].change, Change::kMoved);
}

// While a channel moves it is sent to both places: neither may be another's.
TEST(Difference, AChannelDoesNotMoveToAPlaceThatAnotherHasOrIsToHave) {
  Lineup running = good(), wanted = good();
  running.channels[1].output = running.channels[0].output;
  running.channels[1].output.group += 8;
  wanted.channels[1].output = running.channels[1].output;
  std::swap(wanted.channels[0].output.group, wanted.channels[1].output.group);
  for (const ChannelDifference& channel : compare(running, wanted).channels)
    EXPECT_EQ(channel.change, Change::kRestarted) << channel.name << " changes places with the other";

  wanted.channels[1].output.group += 9;  // one follows the other
  const Difference chain = compare(running, wanted);
  EXPECT_EQ(chain.channels[0].change, Change::kRestarted);
  EXPECT_EQ(chain.channels[1].change, Change::kRestarted);

  wanted.channels[0].output.group += 100;
  for (const ChannelDifference& channel : compare(running, wanted).channels)
    EXPECT_EQ(channel.change, Change::kMoved) << channel.name;

  running.channels[1].enabled = wanted.channels[1].enabled = false;
  wanted.channels[0].output = running.channels[1].output;
  EXPECT_EQ(compare(running, wanted).channels[0].change, Change::kMoved) << "nobody is sent there";
}

TEST(Difference, TheOrderOfChannelsIsOfNoMatter) {
  Lineup turned = good();
  std::swap(turned.channels[0], turned.channels[1]);
  const Difference difference = compare(good(), turned);
  EXPECT_TRUE(is_none(difference));
  ASSERT_EQ(difference.channels.size(), 2u);
  EXPECT_EQ(difference.channels[0].before, 1u);
  EXPECT_EQ(difference.channels[0].after, 0u);
}

TEST(Difference, SaysWhatWasAndWhatIs) {
  const Difference difference = changed("239.10.0.1", "239.10.0.3");
  EXPECT_THAT(difference.channels[0].details, ElementsAre("source.address 239.10.0.1 -> 239.10.0.3"));
  EXPECT_THAT(changed("mtu: 1500", "mtu: 1450").restart_needed, ElementsAre("in0.mtu 1500 -> 1450"));
  // A wider window follows from a higher cap.
  const Difference capped = changed("bitrate_cap: 8M", "bitrate_cap: 80M");
  EXPECT_EQ(capped.channels[0].change, Change::kRestarted);
  EXPECT_THAT(capped.channels[0].details, testing::Contains(HasSubstr("window in packets")));
}

}  // namespace
}  // namespace linecast::lineup
