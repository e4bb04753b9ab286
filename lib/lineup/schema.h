// The mappings of a lineup and the keys of each: what is not here is refused.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace linecast::lineup {

struct Section {
  std::string_view path;  // as known_keys() and the manual name it; empty at the top
  std::string_view noun;  // for messages
  std::span<const std::string_view> keys;
};

namespace keys {
using List = std::string_view;
inline constexpr std::array kTop{List("headend"), List("repeater"), List("lanes"),   List("eal"),
                                 List("ports"),   List("channels"), List("tunnels"), List("usage")};
inline constexpr std::array kHeadend{List("name"), List("sender_id"), List("state"), List("signing_key"),
                                     List("control")};
inline constexpr std::array kRepeater{List("name"), List("state"), List("trust"), List("control")};
inline constexpr std::array kLanes{List("lcores"), List("main_lcore"), List("idle_sleep_us")};
inline constexpr std::array kPort{List("name"), List("device"), List("address"), List("gateway"),
                                  List("mtu"),  List("igmp"),   List("querier"), List("vlans")};
inline constexpr std::array kVlan{List("id"),      List("name"), List("address"),
                                  List("gateway"), List("igmp"), List("querier")};
inline constexpr std::array kQuerier{List("version"), List("query_interval_s"), List("response_interval_s")};
inline constexpr std::array kTunnels{List("limit"), List("limit_per_address"), List("rate"),
                                     List("prefixes")};
inline constexpr std::array kChannel{List("name"),   List("number"), List("enabled"),     List("id"),
                                     List("source"), List("output"), List("bitrate_cap"), List("key"),
                                     List("clear"),  List("quiet"),  List("retransmit"),  List("tunnels")};
inline constexpr std::array kRelay{List("name"),     List("number"), List("enabled"),     List("id"),
                                   List("upstream"), List("output"), List("bitrate_cap"), List("key"),
                                   List("hop_key"),  List("clear"),  List("quiet"),       List("retransmit"),
                                   List("tunnels")};
inline constexpr std::array kUpstream{List("interface"), List("address"), List("group"), List("port"),
                                      List("tunnel")};
inline constexpr std::array kSource{List("interface"), List("address"), List("port"), List("ssm_source"),
                                    List("format")};
inline constexpr std::array kOutput{List("interface"), List("group"), List("port"), List("ttl"),
                                    List("dscp")};
inline constexpr std::array kRetransmit{List("window_ms"), List("budget_percent"), List("to"),
                                        List("unicast_prefixes")};
inline constexpr std::array kUsage{List("directory"), List("exact"),       List("per_address"),
                                   List("part_s"),    List("journal_mib"), List("json"),
                                   List("sqlite"),    List("repeaters")};
inline constexpr std::array kUsageJson{List("enabled"), List("file"), List("rotate_mib"), List("files")};
inline constexpr std::array kUsageSqlite{List("enabled"), List("file")};
}  // namespace keys

inline constexpr Section kTopSection{"", "the lineup", keys::kTop};
inline constexpr Section kHeadendSection{"headend", "the headend", keys::kHeadend};
inline constexpr Section kRepeaterSection{"repeater", "the repeater", keys::kRepeater};
inline constexpr Section kLanesSection{"lanes", "the lanes", keys::kLanes};
inline constexpr Section kPortSection{"ports[]", "a port", keys::kPort};
inline constexpr Section kVlanSection{"ports[].vlans[]", "a VLAN", keys::kVlan};
inline constexpr Section kQuerierSection{"ports[].querier", "a querier", keys::kQuerier};
inline constexpr Section kTunnelsSection{"tunnels", "the tunnels", keys::kTunnels};
inline constexpr Section kChannelSection{"channels[]", "a channel", keys::kChannel};
// Of a repeater's lineup.
inline constexpr Section kRelaySection{"channels[]", "a repeater's channel", keys::kRelay};
inline constexpr Section kUpstreamSection{"channels[].upstream", "an upstream", keys::kUpstream};
inline constexpr Section kSourceSection{"channels[].source", "a source", keys::kSource};
inline constexpr Section kOutputSection{"channels[].output", "an output", keys::kOutput};
inline constexpr Section kRetransmitSection{"channels[].retransmit", "retransmit", keys::kRetransmit};
inline constexpr Section kUsageSection{"usage", "usage", keys::kUsage};
inline constexpr Section kUsageJsonSection{"usage.json", "json", keys::kUsageJson};
inline constexpr Section kUsageSqliteSection{"usage.sqlite", "sqlite", keys::kUsageSqlite};

inline constexpr std::array kSections{
    &kTopSection,       &kHeadendSection,    &kRepeaterSection,   &kLanesSection,   &kPortSection,
    &kVlanSection,      &kQuerierSection,    &kChannelSection,    &kRelaySection,   &kSourceSection,
    &kUpstreamSection,  &kOutputSection,     &kRetransmitSection, &kTunnelsSection, &kUsageSection,
    &kUsageJsonSection, &kUsageSqliteSection};

}  // namespace linecast::lineup
