// The lineup of a repeater.
#include <gmock/gmock.h>

#include "tests/unit/lineup/spoiled_lineup.h"

namespace linecast::lineup {
namespace {

using testing::HasSubstr;

// The good lineup of a repeater with one passage replaced; `@` as in Spoiled.
Spoiled spoiled(const std::string& from, const std::string& to) {
  std::string text = kGoodRepeater;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return Spoiled(text);
}

TEST(RepeaterLineup, IsReadWithItsUpstreamAsTheOnlySender) {
  const LoadResult result = load_text(kGoodRepeater, "/etc/linecast/repeater.yaml", {.check_machine = false});
  EXPECT_EQ(faults_of(result), "");
  ASSERT_TRUE(result.lineup);
  const Lineup& lineup = *result.lineup;
  EXPECT_EQ(lineup.role, Role::kRepeater);
  EXPECT_EQ(lineup.name, "site");
  EXPECT_EQ(lineup.state_directory, "/etc/linecast/state");
  EXPECT_EQ(lineup.trust_files, std::vector<std::string>{"/etc/linecast/head.key.pub"});
  ASSERT_EQ(lineup.channels.size(), 2u);
  const Source& source = lineup.channels[0].source;
  EXPECT_EQ(lineup.interfaces[source.interface].name, "in0");
  EXPECT_EQ(to_string(source.address), "239.20.0.1");
  EXPECT_EQ(to_string(source.ssm_source), "10.2.0.2");
  EXPECT_EQ(source.udp_port, 47200);
  EXPECT_EQ(lineup.channels[1].source.udp_port, smart::kDefaultPort);
  EXPECT_EQ(source.tunnel, smart::UpstreamTunnel::kNever);
  EXPECT_EQ(lineup.channels[0].id, crypto::channel_id_from_name("news")) << "the headend's: by the name";
}

TEST(RepeaterLineup, ATunnelIsAskedForWhereTheLineupSaysSo) {
  const auto source = [](const std::string& tunnel) {
    return spoiled("port: 47200}", "port: 47200, tunnel: " + tunnel + "}").load().lineup->channels[0].source;
  };
  EXPECT_EQ(source("false").tunnel, smart::UpstreamTunnel::kNever);
  EXPECT_EQ(source("auto").tunnel, smart::UpstreamTunnel::kAuto);
  EXPECT_EQ(source("true").tunnel, smart::UpstreamTunnel::kAlways);
  EXPECT_TRUE(source("auto").is_joined());
  EXPECT_FALSE(source("true").is_joined());
}

TEST(RepeaterLineup, MayGrantTunnels) {
  EXPECT_FALSE(spoiled("group: 239", "group: 239").load().lineup->tunnels);
  const LoadResult granted = spoiled("ports:", "tunnels: {limit: 7}\nports:").load();
  ASSERT_TRUE(granted.lineup && granted.lineup->tunnels);
  EXPECT_EQ(granted.lineup->tunnels->limit, 7u);
  EXPECT_TRUE(granted.lineup->channels[0].tunnels);
  const LoadResult refused = spoiled("key: news.key", "key: news.key\n    tunnels: false").load();
  ASSERT_TRUE(refused.lineup);
  EXPECT_FALSE(refused.lineup->channels[0].tunnels);
}

struct Case {
  std::string from, to, what;
};
const Case kFaults[] = {
    {"repeater: {", "headend: {name: demo}\nrepeater: @{", "a lineup is a headend's or a repeater's"},
    {"repeater: {", "tunnels: {rate: @5}\nrepeater: {", "rate \"5\""},
    {"trust: [head.key.pub], ", "", "the repeater lacks \"trust\", which encrypted channels need"},
    {"trust: [head.key.pub]", "trust: @[]", "trust names 0 public keys"},
    {"name: site", "@sender_id: 1, name: site", "the repeater has no key \"sender_id\""},
    {"upstream: {interface: in0, address: 10.2.0.2, group: 239.20.0.1, port: 47200}", "",
     "lacks \"upstream\""},
    {"key: news.key", "key: news.key\n    hop_key: @news.hop",
     "a hop key is for a repeater that does not hold the group key"},
    {"clear: true", "hop_key: sport.hop\n    clear: @true", "is not clear"},
    {"upstream: {", "@source: {", "a repeater's channel has no key \"source\""},
    {"address: 10.2.0.2, group: 239.20.0.1", "group: 239.20.0.1", "lacks \"address\""},
    {"address: 10.2.0.2, group: 239.20.0.1", "address: @239.1.1.1, group: 239.20.0.1",
     "address \"239.1.1.1\""},
    {"port: 47200}", "port: 47200, tunnel: @maybe}", "tunnel \"maybe\" is none of true, false and auto"},
    {"group: 239.20.0.1", "group: @10.2.0.2", "group \"10.2.0.2\""},
    {"address: 10.2.0.2, group: 239.20.0.1", "address: @10.4.0.1, group: 239.20.0.1",
     "address \"10.4.0.1\" is this repeater's own, on out0"},
    {"group: 239.20.0.2}\n    output: ", "group: @239.20.0.1, port: 47200}\n    output: ",
     "already the source of channel"},
};

TEST(RepeaterLineup, EachFaultIsNamedAtItsPlace) {
  for (const Case& c : kFaults) {
    const Spoiled text = spoiled(c.from, c.to);
    const LoadResult result = text.load();
    EXPECT_FALSE(result.lineup) << c.to;
    EXPECT_THAT(faults_of(result), HasSubstr(c.what));
    if (text.line > 0) {
      EXPECT_THAT(faults_of(result), HasSubstr("lineup.yaml:" + std::to_string(text.line) + ":")) << c.to;
    }
  }
}

TEST(RepeaterLineup, AnIgmpVersionThatCantAskForOneSenderIsWarnedOf) {
  const LoadResult result = spoiled("igmp: 3", "igmp: 2").load();
  EXPECT_TRUE(result.lineup);
  EXPECT_THAT(faults_of(result), HasSubstr("warning: IGMPv2, set on in0, cannot ask for one sender"));
}

}  // namespace
}  // namespace linecast::lineup
