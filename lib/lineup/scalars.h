// Single values as people write them. Each parser returns the value, or what is wrong with the text and what
// to write instead, worded to follow `KEY "TEXT" `.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lib/lineup/lineup.h"

namespace linecast::lineup {

struct Wrong {
  std::string why;
};
template <typename T>
using Parsed = std::variant<T, Wrong>;

// Plain decimal; `unit` is for the message ("ms", "bytes"; may be empty).
Parsed<uint64_t> parse_number(std::string_view text, uint64_t least, uint64_t most, std::string_view unit);

Parsed<bool> parse_bool(std::string_view text);
// As a bool, or "auto".
Parsed<smart::UpstreamTunnel> parse_upstream_tunnel(std::string_view text);
std::string_view upstream_tunnel_name(smart::UpstreamTunnel tunnel);

// Bits a second from "8M", "8.5 Mbit/s", "500k", "41000000": factors of 1000, case does not matter but for
// bits and bytes. 1 kbit/s .. 10 Gbit/s.
Parsed<uint64_t> parse_rate(std::string_view text);
Parsed<uint64_t> parse_rate_within(std::string_view text, uint64_t least, uint64_t most);
// 8000000 -> "8 Mbit/s".
std::string format_rate(uint64_t bits_per_second);

// An address that a host can have: no group, not loopback, not 0.0.0.0 or 255.255.255.255.
Parsed<Ipv4> parse_host(std::string_view text);
// A host or a group outside 224.0.0.0/24.
Parsed<Ipv4> parse_host_or_group(std::string_view text);
// A group (RFC 5771), outside 224.0.0.0/24.
Parsed<Ipv4> parse_group(std::string_view text);

Parsed<Prefix> parse_interface_address(std::string_view text);
// Of whole networks, as "10.1.0.0/16", or of one host, as "10.1.0.7": 8 .. 32, and no bits behind it.
Parsed<Prefix> parse_prefix(std::string_view text);

// "multicast", "unicast" or "auto".
Parsed<RepairsTo> parse_repairs_to(std::string_view text);
std::string_view repairs_to_name(RepairsTo to);

// 0 .. 63, or a name: CS0-CS7, AF11-AF43, EF, VA, LE, DF (RFC 2474, 2597, 3246, 5865, 8622).
Parsed<uint8_t> parse_dscp(std::string_view text);

// Eight bytes as 16 hex digits.
Parsed<crypto::ChannelId> parse_channel_id(std::string_view text);

// "auto" (none) or 0 .. 15.
Parsed<std::optional<uint8_t>> parse_quiet(std::string_view text);

Parsed<smart::PacketFormat> parse_format(std::string_view text);
std::string_view format_name(smart::PacketFormat format);

// Of a headend or port: letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 32.
Parsed<std::string> parse_name(std::string_view text);
// Of a channel: any text without control characters, at most 64 bytes.
Parsed<std::string> parse_title(std::string_view text);
// A file's path; it may be relative. The shell's ~ is not known here.
Parsed<std::string> parse_path(std::string_view text);

}  // namespace linecast::lineup
