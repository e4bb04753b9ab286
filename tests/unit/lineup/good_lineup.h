// A sound lineup that uses every key, for tests to spoil.
#pragma once

#include <string>

namespace linecast::lineup {

inline const std::string kGoodLineup =
    R"(headend: {name: demo, sender_id: 7, state: state, signing_key: head.key, control: run/demo.sock}
lanes: {lcores: [1, 2], main_lcore: 0, idle_sleep_us: 50}
eal: ["--no-pci", "--in-memory"]
ports:
  - {name: in0, device: "net_af_packet0,iface=lo", address: 10.1.0.2/24, gateway: 10.1.0.1, mtu: 1500, igmp: 3}
  - {name: out0, device: net_null0, address: 10.2.0.2/24, vlans: [{id: 100, address: 10.3.0.2/24, querier: {version: 2, query_interval_s: 60, response_interval_s: 5}}]}
usage: {directory: usage, exact: 5000, per_address: 50, part_s: 120, journal_mib: 32, json: {enabled: yes, file: bills.jsonl, rotate_mib: 8, files: 3}, sqlite: {enabled: on, file: bills.sqlite}, repeaters: [10.2.0.50, 10.4.0.0/24]}
tunnels: {limit: 500, limit_per_address: 20, rate: 2G, prefixes: [10.9.0.0/16]}
channels:
  - name: news
    number: 1
    enabled: true
    id: 0123456789abcdef
    source: {interface: in0, address: 239.10.0.1, port: 5000, ssm_source: 10.1.0.9, format: ts}
    output: {interface: out0, group: 239.20.0.1, port: 47200, ttl: 8, dscp: AF41}
    bitrate_cap: 8M
    key: news.key
    retransmit: {window_ms: 2000, budget_percent: 30, to: auto, unicast_prefixes: [10.9.0.0/16, 10.8.0.7]}
    quiet: 3
    tunnels: true
  - name: sport
    number: 2
    source: {interface: in0, address: 10.1.0.2, port: 5004, format: rtp}
    output: {interface: out0, group: 239.20.0.2}
    bitrate_cap: 8.5 Mbit/s
    tunnels: false
    clear: true
)";

// Likewise a repeater's.
inline const std::string kGoodRepeater =
    R"(repeater: {name: site, state: state, trust: [head.key.pub], control: run/site.sock}
ports:
  - {name: in0, device: net_null0, address: 10.2.0.50/24, igmp: 3}
  - {name: out0, device: net_null1, address: 10.4.0.1/24, vlans: [{id: 100, address: 10.5.0.1/24}]}
channels:
  - name: news
    number: 1
    upstream: {interface: in0, address: 10.2.0.2, group: 239.20.0.1, port: 47200}
    output: {interface: out0, group: 239.30.0.1}
    bitrate_cap: 8M
    key: news.key
  - name: sport
    number: 2
    upstream: {interface: in0, address: 10.2.0.2, group: 239.20.0.2}
    output: {interface: out0, group: 239.20.0.2}
    bitrate_cap: 8M
    clear: true
)";

}  // namespace linecast::lineup
