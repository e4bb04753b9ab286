// A lineup as the programs use it: validated, defaults filled in, references resolved to indices.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/ipv4.h"
#include "lib/base/time.h"
#include "lib/crypto/derive.h"
#include "lib/smart/relay/upstream_tunnel.h"
#include "lib/smart/wire.h"

namespace linecast::lineup {

struct Port {
  std::string name;
  std::string device;  // PCI address (0000:3b:00.0) or a DPDK virtual device with its arguments
                       // (net_af_packet0,iface=e0)
  bool is_pci = false;
  std::string kernel_interface;  // whose frames a virtual device takes; empty: none
  uint16_t mtu = 1500;
};

// An IGMP querier (RFC 3376, section 4.1): for networks without a multicast router.
struct Querier {
  uint8_t version = 3;  // 2 or 3
  uint32_t query_interval_s = 125;
  uint32_t response_interval_s = 10;
};

// What has an address: a port's untagged frames, or one VLAN on it.
struct Interface {
  std::string name;
  size_t port = 0;    // index into Lineup::ports
  uint16_t vlan = 0;  // 0: untagged
  Ipv4 address = 0;
  uint8_t prefix_length = 0;
  Ipv4 gateway = 0;                     // 0: none
  std::optional<uint8_t> igmp_version;  // 1 to 3; none: as the network's querier speaks
  std::optional<Querier> querier;
};

// Of a repeater's channel the stream that it takes: the group, and the address of the hop above as the only
// sender.
struct Source {
  size_t interface = 0;  // index into Lineup::interfaces
  Ipv4 address = 0;      // a group, or the interface's own address
  uint16_t udp_port = 0;
  Ipv4 ssm_source = 0;                                           // 0: any sender
  smart::UpstreamTunnel tunnel = smart::UpstreamTunnel::kNever;  // of a repeater

  bool is_native() const { return tunnel != smart::UpstreamTunnel::kAlways; }
  bool is_joined() const { return is_multicast(address) && is_native(); }
  smart::PacketFormat format = smart::PacketFormat::kMpegTs;
};

// Whether a lineup's process makes streams of feeds, or passes on those of another hop.
enum class Role : uint8_t { kHeadend, kRepeater };

struct Output {
  size_t interface = 0;  // index into Lineup::interfaces
  Ipv4 group = 0;
  uint16_t udp_port = smart::kDefaultPort;
  uint8_t ttl = 16;
  uint8_t dscp = 32;  // CS4, broadcast video (RFC 4594)
};

// An IPv4 prefix, or an address with its subnet's prefix length.
struct Prefix {
  Ipv4 address = 0;
  uint8_t length = 0;  // 8 .. 32; of an interface at most 31

  Ipv4 mask() const { return ~uint32_t{0} << (32 - length); }
  bool contains(Ipv4 a) const { return (a & mask()) == (address & mask()); }
  // The first and the last address of a subnet are no host's (but for /31, RFC 3021).
  bool is_reserved(Ipv4 a) const { return length < 31 && ((a & ~mask()) == 0 || (a & ~mask()) == ~mask()); }
};

enum class RepairsTo : uint8_t {
  kMulticast,  // the group
  kUnicast,    // whoever asks for one
  kAuto,       // whoever asks for one, and the group where a second one does within a round trip
};

// Who may have channels sent by unicast, and how much of that (docs/protocol.md, "Tunnels").
struct Tunnels {
  uint32_t limit = 10'000;            // tunnels in all
  uint32_t limit_per_address = 100;   // of one address: behind a NAT there may be many receivers
  uint64_t rate_bps = 1'000'000'000;  // of all tunnels of a port together, each at its channel's full rate
  std::vector<Prefix> prefixes;       // nobody else is granted any; empty: anybody
};

struct Channel {
  std::string name;
  uint32_t number = 0;
  bool enabled = true;
  crypto::ChannelId id{};
  Source source;
  Output output;
  uint64_t bitrate_cap_bps = 0;  // of the payload; more is dropped and counted
  std::string key_file;          // of the group key; empty: a clear channel, or it has a hop_key_file
  std::string hop_key_file;      // of a repeater's channel, instead: passed on without being opened
  uint32_t window_ms = 1000;     // retransmit
  uint32_t window_packets = 0;   // derived: a power of two, 64 .. 2^14
  uint32_t budget_percent = 25;  // repairs, as a share of the cap
  RepairsTo repairs_to = RepairsTo::kMulticast;
  std::vector<Prefix> unicast_prefixes;  // nobody else is sent a repair by unicast
  std::optional<uint8_t> quiet;          // none: auto
  size_t max_payload = 0;                // derived: the largest datagram that fits the output port's MTU
  bool tunnels = true;                   // granted, where the lineup grants any

  bool is_clear() const { return key_file.empty() && hop_key_file.empty(); }
};

inline constexpr size_t kMaxChannels = 4096;  // of a lineup

struct Lanes {
  std::vector<unsigned> lcores{1};
  unsigned main_lcore = 0;
  uint32_t idle_sleep_us = 0;  // 0: poll without pause
};

// What is kept of who watches.
struct Usage {
  std::string directory;          // of the journal, and by default of the sinks' files
  uint32_t exact = 100'000;       // receivers that are accounted one by one
  uint16_t per_address = 1024;    // receivers
  uint32_t part_s = 300;          // after which a visit that goes on is recorded
  uint32_t journal_mib = 256;     // at most
  std::string json_file;          // empty: not written
  uint32_t json_rotate_mib = 64;  // a file's size
  uint32_t json_files = 10;       // with the one that is written
  std::string sqlite_file;        // empty: not written
  std::vector<Prefix> repeaters;  // who may report for many, by address; nobody else may
};

struct Lineup {
  std::string path;
  Role role = Role::kHeadend;
  std::string name;                      // of the headend or repeater
  uint16_t sender_id = 1;                // 1 .. 32767
  std::string state_directory;           // start numbers are kept here
  std::string signing_key_file;          // of a headend: needed where any channel is encrypted
  std::vector<std::string> trust_files;  // of a repeater: likewise
  std::string control_socket;
  Lanes lanes;
  std::vector<std::string> eal_arguments;
  std::optional<Tunnels> tunnels;  // none: none are granted
  std::vector<Port> ports;
  std::vector<Interface> interfaces;  // by port, the untagged one first
  std::vector<Channel> channels;      // disabled ones included
  Usage usage;
};

struct Fault {
  int line = 0, column = 0;  // from 1; 0: the file as a whole
  std::string what;          // what is wrong, and what to do
  bool warning = false;
};

struct LoadResult {
  std::optional<Lineup> lineup;  // none where any fault is more than a warning
  std::vector<Fault> faults;     // in file order
};

struct LoadOptions {
  // Also what the lineup refers to on this machine: key files, directories, network interfaces, cards, cores.
  bool check_machine = true;
};

// Reads and checks the file, and everything it refers to: never stops at the first fault. Relative paths in
// it are taken from the lineup's own directory. Throws nothing.
LoadResult load(const std::string& path, const LoadOptions& options = {});
// The same for text that is at hand; `path` is where it is said to have come from.
LoadResult load_text(std::string_view text, const std::string& path, const LoadOptions& options = {});

// About what the retransmit rings of the enabled channels take of hugepage memory, in bytes. Buffers are all
// of one size, by the largest MTU. What DPDK and the ports take besides, the headend knows when it starts.
uint64_t retransmit_bytes(const Lineup& lineup);

// Every key that a lineup can hold, as "headend.name", "ports[].mtu", "channels[].source.port".
std::vector<std::string> known_keys();

// "FILE:LINE:COLUMN: error: ..." as compilers print it; in ANSI colours where asked for.
std::string format_fault(const std::string& path, const Fault& fault, bool colour = false);

}  // namespace linecast::lineup
