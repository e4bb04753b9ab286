// Every fault that one value can have, and where it is reported.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lineup/spoiled_lineup.h"

namespace linecast::lineup {
namespace {

using testing::HasSubstr;

struct Row {
  const char* from;
  const char* to;  // `@` stands before the place of the fault
  const char* what;
};

const Row kErrors[] = {
    // The file's own shape.
    {"eal:", "@ael:", "the lineup has no key \"ael\": did you mean \"eal\"?"},
    {"lanes:", "@repeaters:", "the lineup has no key \"repeaters\": did you mean \"repeater\"?"},
    {"headend: {name: demo, sender_id: 7, state: state, signing_key: head.key, control: run/demo.sock}\n",
     "@", "the lineup lacks \"headend\": add it, as `headend: {name: demo}`"},
    {"headend: {name: demo, sender_id: 7, state: state, signing_key: head.key, control: run/demo.sock}",
     "headend: @demo", "the headend must be a mapping of keys to values, but this is a single value"},
    {"lanes: {lcores: [1, 2], main_lcore: 0, idle_sleep_us: 50}", "lanes: @[1, 2]",
     "the lanes must be a mapping of keys to values, but this is a list"},
    {"    quiet: 3\n", "    quiet: 3\n    @quiet: 3\n", "key \"quiet\" is given twice, first at line 19"},
    {"mtu: 1500, igmp: 3", "mtu: 1500, igmp: 3, @mtu: 9000", "key \"mtu\" is given twice, first at line 5"},

    // headend
    {"name: demo, ", "", "the headend lacks \"name\""},
    {"name: demo", "name: @the demo", "name \"the demo\" is no name"},
    {"name: demo", "name: @[demo]", "name must be a single value, but this is a list"},
    {"name: demo", "@name: ", "name has no value: give one, or delete the key"},
    {"sender_id: 7", "sender_id: @0", "sender_id \"0\" is out of range: give a plain number from 1 to 32767"},
    {"sender_id: 7", "sender_id: @32768", "out of range"},
    {"sender_id: 7", "sender_id: @seven", "is no whole number"},
    {"state: state", "state: @~/state", "only a shell knows"},
    {"signing_key: head.key", "signing_key: @\"\"", "is no path"},
    {"signing_key: head.key, ", "", "the headend lacks \"signing_key\", which encrypted channels need"},
    {"control: run/demo.sock",
     "control: "
     "@/run/a-path-that-is-much-too-long/for-the-108-bytes-that-a-unix-domain-socket-address-has-for-it/"
     "control.sock",
     "a socket's path has at most 107"},
    {"sender_id: 7", "@sender: 7", "the headend has no key \"sender\": did you mean \"sender_id\"?"},
    {"sender_id: 7", "@id: 7", "the headend has no key \"id\": known are"},

    // lanes
    {"lcores: [1, 2]", "lcores: @1", "lcores must be a list, but this is a single value"},
    {"lcores: [1, 2]", "lcores: @[]", "list at least one lcore"},
    {"lcores: [1, 2]", "lcores: [1, @1]", "lcore 1 is listed twice"},
    {"lcores: [1, 2]", "lcores: [1, @1024]", "from 0 to 1023"},
    {"lcores: [1, 2]", "lcores: [1, @2-3]", "is no whole number"},
    {"lcores: [1, 2]", "lcores: [1, @[2]]", "must be a single value"},
    {"main_lcore: 0", "main_lcore: @2", "main_lcore 2 is also a lane"},
    {"main_lcore: 0", "main_lcore: @-1", "is no whole number"},
    {"idle_sleep_us: 50", "idle_sleep_us: @10001", "from 0 to 10000 us"},
    {"idle_sleep_us: 50", "@idle_sleep_ms: 50", "did you mean \"idle_sleep_us\"?"},

    // usage
    {"directory: usage", "directory: @~/usage", "only a shell knows"},
    {"exact: 5000", "exact: @0", "from 1 to 10000000 receivers"},
    {"exact: 5000", "@exakt: 5000", "did you mean \"exact\"?"},
    {"per_address: 50", "per_address: @65536", "from 1 to 65535 receivers"},
    {"part_s: 120", "part_s: @59", "from 60 to 86400 seconds"},
    {"journal_mib: 32", "journal_mib: @15", "from 16 to 1048576 MiB"},
    {"json: {enabled: yes, file: bills.jsonl, rotate_mib: 8, files: 3}", "json: @false",
     "json must be a mapping of keys to values, but this is a single value: write `enabled: ...`"},
    {"rotate_mib: 8", "rotate_mib: @0", "from 1 to 1048576 MiB"},
    {"files: 3", "files: @0", "from 1 to 1000 files"},
    {"sqlite: {enabled: on", "sqlite: {enabled: @perhaps", "enabled \"perhaps\""},
    {"file: bills.sqlite", "file: @bills.jsonl", "both sinks of usage write to this file"},
    {"repeaters: [10.2.0.50, ", "repeaters: [@site1, ", "repeaters \"site1\""},
    {"repeaters: [10.2.0.50, ", "repeaters: [@10.0.0.0/7, ", "8 to 32"},

    // eal
    {"eal: [\"--no-pci\", \"--in-memory\"]", "eal: @--no-pci", "eal must be a list"},
    {"\"--in-memory\"", "@\"-l 0-3\"", "holds a space: give an option and its value as two items"},
    {"\"--in-memory\"", "@-l", "EAL option -l is set from the lineup's \"lanes.lcores\""},
    {"\"--in-memory\"", "@-l0", "\"lanes.lcores\""},
    {"\"--in-memory\"", "@\"--lcores=0-3\"", "\"lanes.lcores\""},
    {"\"--in-memory\"", "@\"--main-lcore=3\"", "\"lanes.main_lcore\""},
    {"\"--in-memory\"", "@--vdev, net_null1", "\"ports\""},
    {"\"--in-memory\"", "@\"\"", "is empty"},
    {"\"--in-memory\"", "@{a: b}", "must be a single value"},

    // ports
    {"name: out0, ", "", "a port lacks \"name\""},
    {"device: net_null0, ", "", "a port lacks \"device\""},
    {"device: net_null0", "device: @eth1", "neither a PCI address nor a virtual device"},
    {"device: net_null0", "device: @net_nul0", "did you mean \"net_null\"?"},
    {"device: net_null0", "device: @0000:3b:00.0", "a PCI card, but `eal` says --no-pci"},
    {"device: net_null0", "device: @\"net_af_packet0,iface=e1\"",
     "device \"net_af_packet0\" is already that of the port at line 5"},
    {"device: net_null0", "device: @\"net_af_xdp0,iface=lo\"",
     "device \"iface=lo\" is already that of the port at line 5"},
    {"  - {name: in0, device: \"net_af_packet0,iface=lo\", address: 10.1.0.2/24, ",
     "  - @{name: in0, device: \"net_af_packet0,iface=lo\", ", "a port lacks \"address\""},
    {"address: 10.2.0.2/24", "address: @10.2.0.2", "lacks its prefix length"},
    {"address: 10.2.0.2/24", "address: @10.2.0.0/24", "first or last address of its subnet"},
    {"address: 10.2.0.2/24", "address: @10.1.0.2/24",
     "address \"10.1.0.2\" is already that of the interface at line 5"},
    {"name: out0", "name: out0, gateway: @10.1.0.1", "is no host's address in the port's subnet 10.2.0.0/24"},
    {"gateway: 10.1.0.1", "gateway: @10.1.0.2", "is the port's own address"},
    {"gateway: 10.1.0.1", "gateway: @10.1.0.255", "is no host's address in the port's subnet"},
    {"gateway: 10.1.0.1", "gateway: @none", "is no IPv4 address"},
    {"mtu: 1500", "mtu: @575", "mtu \"575\" is out of range: give a plain number from 576 to 9000 bytes"},
    {"mtu: 1500", "mtu: @9001", "out of range"},
    {"igmp: 3", "igmp: @4", "is no version of IGMP: 1, 2, 3, or auto"},
    {"igmp: 3", "igmp: @Auto", "is no version of IGMP"},
    {"igmp: 3", "igmp: 3, @vlan: 12", "a port has no key \"vlan\""},
    {"  - {name: out0, device: net_null0, address: 10.2.0.2/24, ",
     "  - @{device: net_null0, address: 10.2.0.2/24, ", "a port lacks \"name\""},

    // VLANs and queriers
    {"id: 100, ", "", "a VLAN lacks \"id\""},
    {"vlans: [{id: 100, address: 10.3.0.2/24, querier: {version: 2, query_interval_s: 60, "
     "response_interval_s: 5}}]",
     "vlans: @[]", "vlans is empty"},
    {"id: 100", "id: @0", "from 1 to 4094"},
    {"id: 100", "id: @4095", "from 1 to 4094"},
    {"id: 100, address: 10.3.0.2/24", "id: 100", "a VLAN lacks \"address\""},
    {"id: 100", "id: 100, name: @in0", "name \"in0\" is already that of the interface at line 5"},
    {"[{id: 100", "[{id: 100, address: 10.4.0.2/24}, {name: other, id: @100",
     "id \"100\" is already that of the interface"},
    {"10.3.0.2/24", "@10.1.0.2/24", "address \"10.1.0.2\" is already that of the interface at line 5"},
    {"id: 100", "id: 100, @vlan: 5", "a VLAN has no key \"vlan\""},
    {"version: 2", "version: @1", "from 2 to 3"},
    {"query_interval_s: 60", "query_interval_s: @0", "from 1 to 31744 seconds"},
    {"response_interval_s: 5", "response_interval_s: @61",
     "IGMPv2 cannot ask for answers within more than 25"},
    {"version: 2, query_interval_s: 60, response_interval_s: 5",
     "query_interval_s: 5, response_interval_s: @6", "answers within 6 s to queries every 5 s never end"},
    {"version: 2", "@versoin: 2", "did you mean \"version\"?"},

    // channels
    {"  - name: sport\n    number: 2", "  - @number: 2", "a channel lacks \"name\""},
    {"name: sport", "name: @\"a\\nb\"", "is no name for a channel"},
    {"name: sport", "name: @news", "name \"news\" is already that of the channel at line 10"},
    {"  - name: sport\n    number: 2", "  - @name: sport", "a channel lacks \"number\""},
    {"number: 2", "number: @0", "from 1 to 65535"},
    {"number: 2", "number: @1", "number \"1\" is already that of the channel at line 10"},
    {"enabled: true", "enabled: @maybe", "is neither true nor false"},
    {"id: 0123456789abcdef", "id: @0123", "16 hex digits"},
    {"number: 2", "number: 2\n    id: @0123456789ABCDEF",
     "id \"0123456789abcdef\" is already that of the channel"},
    {"quiet: 3", "quiet: @16", "is neither auto nor a number from 0 to 15"},
    {"bitrate_cap: 8M", "bitrate_cap: @8MB/s", "counts bytes"},
    {"    bitrate_cap: 8M\n", "", "a channel lacks \"bitrate_cap\""},
    {"bitrate_cap: 8M", "@bitrate: 8M\n    bitrate_cap: 8M", "did you mean \"bitrate_cap\"?"},
    {"    clear: true\n", "", "a channel has a key or says that it is sent in the clear"},
    {"clear: true", "clear: false", "a channel has a key or says that it is sent in the clear"},
    {"clear: true", "clear: @perhaps", "is neither true nor false"},
    {"key: news.key", "key: news.key\n    clear: @true", "a channel with a key is not clear"},
    {"key: news.key", "@key:", "key has no value"},
    {"clear: true", "clear: true\n    @redundancy: merge", "a channel has no key \"redundancy\""},

    // source
    {"    source: {interface: in0, address: 10.1.0.2, port: 5004, format: rtp}\n", "",
     "a channel lacks \"source\""},
    {"source: {interface: in0, address: 10.1.0.2, port: 5004, format: rtp}", "source: @239.1.1.1",
     "a source must be a mapping"},
    {"interface: in0, address: 10.1.0.2", "interface: @in1, address: 10.1.0.2",
     "interface \"in1\" is no port or VLAN of this lineup: did you mean \"in0\"?"},
    {"interface: in0, address: 10.1.0.2", "address: 10.1.0.2", "a source lacks \"interface\""},
    {"address: 10.1.0.2, ", "", "a source lacks \"address\""},
    {"address: 10.1.0.2, port: 5004, ", "address: 10.1.0.2, ", "a source lacks \"port\""},
    {"address: 10.1.0.2, port", "address: @10.1.0.3, port", "neither a group nor the address of in0"},
    {"address: 10.1.0.2, port", "address: @224.0.0.7, port", "is in 224.0.0.0/24"},
    {"address: 10.1.0.2, port", "address: @232.1.2.3, port", "add `ssm_source: ADDRESS`"},
    {"port: 5004", "port: @65536", "from 1 to 65535"},
    {"port: 5004", "port: @0", "from 1 to 65535"},
    {"ssm_source: 10.1.0.9", "ssm_source: @239.1.1.1", "ssm_source \"239.1.1.1\" is a multicast group"},
    {"ssm_source: 10.1.0.9", "ssm_source: @0.0.0.0", "no host can have"},
    {"format: rtp", "format: @mpegts", "is no format that is known"},
    {"format: rtp", "@formt: rtp", "did you mean \"format\"?"},

    // output
    {"    output: {interface: out0, group: 239.20.0.2}\n", "", "a channel lacks \"output\""},
    {"{interface: out0, group: 239.20.0.2}", "{interface: @out1, group: 239.20.0.2}",
     "did you mean \"out0\"?"},
    {"{interface: out0, group: 239.20.0.2}", "{interface: out0}", "an output lacks \"group\""},
    {"group: 239.20.0.2", "group: @10.9.9.9", "is no multicast group"},
    {"group: 239.20.0.2", "group: @224.0.0.9", "is in 224.0.0.0/24"},
    {"group: 239.20.0.2", "group: @239.128.0.9", "has the same MAC address as 224.0.0.9"},
    {"group: 239.20.0.2", "group: @239.20.0.1, port: 47200",
     "239.20.0.1:47200 on out0 is already the output of channel \"news\" (line 10)"},
    {"port: 47200", "port: @0", "from 1 to 65535"},
    {"ttl: 8", "ttl: @0", "from 1 to 255"},
    {"ttl: 8", "ttl: @256", "from 1 to 255"},
    {"dscp: AF41", "dscp: @AF44", "is no DSCP"},
    {"ttl: 8", "@tll: 8", "did you mean \"ttl\"?"},

    // retransmit
    {"retransmit: {window_ms: 2000, budget_percent: 30, to: auto, unicast_prefixes: [10.9.0.0/16, 10.8.0.7]}",
     "retransmit: @1000", "retransmit must be a mapping"},
    {"window_ms: 2000", "window_ms: @9", "from 10 to 60000 ms"},
    {"window_ms: 2000", "window_ms: @2s", "is no whole number: give a plain number from 10 to 60000 ms"},
    {"window_ms: 2000", "window_ms: @60001", "out of range"},
    {"mtu: 1500", "mtu: @1501", "net_af_packet takes an MTU of at most 1500"},
    {"window_ms: 2000", "window_ms: @30000", "set window_ms to at most 21561"},
    {"budget_percent: 30", "budget_percent: @401", "from 0 to 400"},
    {"budget_percent: 30", "@budget: 30",
     "retransmit has no key \"budget\": did you mean \"budget_percent\"?"},
    {"to: auto", "to: @anycast", "is none of multicast, unicast and auto"},
    {"to: auto, unicast_prefixes: [10.9.0.0/16, 10.8.0.7]", "to: @unicast",
     "nobody may be sent a repair by unicast before unicast_prefixes says whom"},
    {"to: auto, unicast_prefixes: [10.9.0.0/16, 10.8.0.7]", "to: @auto, unicast_prefixes: []",
     "nobody may be sent a repair by unicast"},
    {"[10.9.0.0/16, 10.8.0.7]", "@10.9.0.0/16", "unicast_prefixes must be a list"},
    {"10.9.0.0/16", "@10.9.0.1/16", "has bits behind its prefix: is 10.9.0.0/16 meant?"},
    {"10.9.0.0/16", "@10.9.0.0/33", "give 8 to 32"},
    {"10.9.0.0/16", "@10.0.0.0/7", "give 8 to 32"},
    {"10.9.0.0/16", "@239.0.0.0/8", "is a multicast group"},
};

const Row kWarnings[] = {
    {"to: auto, unicast_prefixes: [10.9.0.0/16, 10.8.0.7]", "unicast_prefixes: @[10.9.0.0/16, 10.8.0.7]",
     "has no effect while repairs go to the group"},
    {"igmp: 3", "igmp: 2", "IGMPv2, set on in0, cannot ask for one sender"},
    {"group: 239.20.0.2", "group: @239.148.0.1",
     "group \"239.148.0.1\" shares its MAC address with 239.20.0.1 of channel \"news\" (line 10) on out0"},
    {"address: 239.10.0.1", "address: @238.0.0.1", "has the same MAC address as 224.0.0.1"},
    {"address: 10.2.0.2/24", "address: 10.2.0.2/24, mtu: 1375",
     "the usual 7 TS packets a datagram (1316 bytes) do not fit port out0 with its MTU of 1375"},
    {"address: 10.2.0.2/24", "address: 10.2.0.2/24, mtu: 1407",
     "(1316 bytes) do not fit a tunnel at port out0's MTU of 1407: at most 1315 bytes do"},
    {"tunnels: {limit: 500, limit_per_address: 20, rate: 2G, prefixes: [10.9.0.0/16]}\n", "",
     "no tunnels are granted before the lineup has a section for them"},
};

TEST(LoadFaults, EachErrorIsReportedOnceAtItsPlace) {
  for (const Row& row : kErrors) {
    SCOPED_TRACE(std::string(row.from) + " -> " + row.to);
    const Spoiled spoiled(row.from, row.to);
    const LoadResult result = spoiled.load();
    EXPECT_FALSE(result.lineup);
    ASSERT_EQ(result.faults.size(), 1u) << faults_of(result);
    const Fault& fault = result.faults[0];
    EXPECT_FALSE(fault.warning);
    EXPECT_THAT(fault.what, HasSubstr(row.what));
    if (spoiled.line > 0) {
      EXPECT_EQ(fault.line, spoiled.line) << fault.what;
      EXPECT_EQ(fault.column, spoiled.column) << fault.what;
    } else {
      EXPECT_GT(fault.line, 0) << fault.what;
    }
  }
}

TEST(LoadFaults, WarningsLeaveTheLineupGood) {
  for (const Row& row : kWarnings) {
    SCOPED_TRACE(std::string(row.from) + " -> " + row.to);
    const Spoiled spoiled(row.from, row.to);
    const LoadResult result = spoiled.load();
    EXPECT_TRUE(result.lineup) << faults_of(result);
    ASSERT_EQ(result.faults.size(), 1u) << faults_of(result);
    EXPECT_TRUE(result.faults[0].warning);
    EXPECT_THAT(result.faults[0].what, HasSubstr(row.what));
    if (spoiled.line > 0) {
      EXPECT_EQ(result.faults[0].line, spoiled.line);
      EXPECT_EQ(result.faults[0].column, spoiled.column);
    }
  }
}

}  // namespace
}  // namespace linecast::lineup
