#include "lib/lineup/difference.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "lib/lineup/scalars.h"

namespace linecast::lineup {
namespace {

std::string shown(const std::string& value) { return value.empty() ? "none" : value; }
template <typename List, typename Text>
std::string joined(const List& list, Text&& text) {
  std::string all;
  for (const auto& item : list) {
    if (!all.empty()) all += ' ';
    all += text(item);
  }
  return shown(all);
}
std::string shown(const std::vector<unsigned>& value) {
  return joined(value, [](unsigned number) { return std::to_string(number); });
}
std::string shown(const std::vector<std::string>& value) {
  return joined(value, [](const std::string& text) { return text; });
}
std::string shown(const std::vector<Prefix>& value) {
  return joined(value, [](const Prefix& prefix) {
    return fmt::format("{}/{}", to_string(prefix.address), prefix.length);
  });
}
std::string shown(const std::optional<uint8_t>& value) {
  return value ? std::to_string(*value) : std::string("auto");
}
std::string shown(uint64_t value) { return std::to_string(value); }
std::string shown_address(Ipv4 address) { return address == 0 ? "none" : to_string(address); }
std::string shown_format(smart::PacketFormat format) {
  return format == smart::PacketFormat::kMpegTs ? "ts"
         : format == smart::PacketFormat::kRtp  ? "rtp"
                                                : "opaque";
}
std::string shown_repairs(RepairsTo to) {
  return to == RepairsTo::kMulticast ? "multicast" : to == RepairsTo::kUnicast ? "unicast" : "auto";
}

// Notes what differs as "key before -> after".
class Notes {
 public:
  explicit Notes(std::vector<std::string>& list) : list_(list) {}

  void text(const std::string& key, const std::string& before, const std::string& after) {
    if (before != after) list_.push_back(fmt::format("{} {} -> {}", key, before, after));
  }
  template <typename T>
  void value(const std::string& key, const T& before, const T& after) {
    text(key, shown(before), shown(after));
  }
  void address(const std::string& key, Ipv4 before, Ipv4 after) {
    text(key, shown_address(before), shown_address(after));
  }

 private:
  std::vector<std::string>& list_;
};

std::string shown_querier(const std::optional<Querier>& querier) {
  return querier ? fmt::format("version {}, every {} s, answers within {} s", querier->version,
                               querier->query_interval_s, querier->response_interval_s)
                 : "none";
}

void compare_ports(const Lineup& running, const Lineup& wanted, Notes& notes) {
  const auto names = [](const auto& list) {
    std::vector<std::string> found;
    for (const auto& item : list) found.push_back(item.name);
    return found;
  };
  notes.value("ports", names(running.ports), names(wanted.ports));
  if (names(running.ports) != names(wanted.ports)) return;
  for (size_t i = 0; i < running.ports.size(); ++i) {
    const Port &before = running.ports[i], &after = wanted.ports[i];
    notes.value(before.name + ".device", before.device, after.device);
    notes.value(before.name + ".mtu", uint64_t{before.mtu}, uint64_t{after.mtu});
  }
  notes.value("interfaces", names(running.interfaces), names(wanted.interfaces));
  if (names(running.interfaces) != names(wanted.interfaces)) return;
  for (size_t i = 0; i < running.interfaces.size(); ++i) {
    const Interface &before = running.interfaces[i], &after = wanted.interfaces[i];
    const auto key = [&](const char* name) { return fmt::format("{}.{}", before.name, name); };
    notes.value(key("vlan"), uint64_t{before.vlan}, uint64_t{after.vlan});
    const auto subnet = [](const Interface& of) {
      return fmt::format("{}/{}", to_string(of.address), of.prefix_length);
    };
    notes.text(key("address"), subnet(before), subnet(after));
    notes.address(key("gateway"), before.gateway, after.gateway);
    notes.value(key("igmp"), before.igmp_version, after.igmp_version);
    notes.text(key("querier"), shown_querier(before.querier), shown_querier(after.querier));
  }
}

std::string role_name(Role role) { return role == Role::kHeadend ? "headend" : "repeater"; }

void compare_process(const Lineup& running, const Lineup& wanted, Notes& notes) {
  notes.text("role", role_name(running.role), role_name(wanted.role));
  const auto key = [&](const char* name) { return role_name(running.role) + "." + name; };
  notes.value(key("name"), running.name, wanted.name);
  notes.value(key("sender_id"), uint64_t{running.sender_id}, uint64_t{wanted.sender_id});
  notes.value(key("state"), running.state_directory, wanted.state_directory);
  notes.value(key("signing_key"), running.signing_key_file, wanted.signing_key_file);
  notes.value(key("trust"), running.trust_files, wanted.trust_files);
  notes.value(key("control"), running.control_socket, wanted.control_socket);
  notes.value("lanes.main_lcore", uint64_t{running.lanes.main_lcore}, uint64_t{wanted.lanes.main_lcore});
  notes.value("lanes.lcores", running.lanes.lcores, wanted.lanes.lcores);
  notes.value("lanes.idle_sleep_us", uint64_t{running.lanes.idle_sleep_us},
              uint64_t{wanted.lanes.idle_sleep_us});
  notes.value("eal", running.eal_arguments, wanted.eal_arguments);
}

void compare_usage(const Usage& running, const Usage& wanted, Notes& notes) {
  notes.value("usage.directory", running.directory, wanted.directory);
  notes.value("usage.exact", uint64_t{running.exact}, uint64_t{wanted.exact});
  notes.value("usage.per_address", uint64_t{running.per_address}, uint64_t{wanted.per_address});
  notes.value("usage.part_s", uint64_t{running.part_s}, uint64_t{wanted.part_s});
  notes.value("usage.journal_mib", uint64_t{running.journal_mib}, uint64_t{wanted.journal_mib});
  notes.value("usage.json.file", running.json_file, wanted.json_file);
  notes.value("usage.json.rotate_mib", uint64_t{running.json_rotate_mib}, uint64_t{wanted.json_rotate_mib});
  notes.value("usage.json.files", uint64_t{running.json_files}, uint64_t{wanted.json_files});
  notes.value("usage.sqlite.file", running.sqlite_file, wanted.sqlite_file);
}

void compare_source(const std::string& section, const Lineup& running, const Channel& before,
                    const Lineup& wanted, const Channel& after, Notes& notes) {
  const auto key = [&](const char* name) { return section + "." + name; };
  const bool feed = running.role == Role::kHeadend;
  notes.text(key("interface"), running.interfaces[before.source.interface].name,
             wanted.interfaces[after.source.interface].name);
  notes.address(key(feed ? "address" : "group"), before.source.address, after.source.address);
  notes.value(key("port"), uint64_t{before.source.udp_port}, uint64_t{after.source.udp_port});
  notes.address(key(feed ? "ssm_source" : "address"), before.source.ssm_source, after.source.ssm_source);
  notes.text(key("tunnel"), std::string(upstream_tunnel_name(before.source.tunnel)),
             std::string(upstream_tunnel_name(after.source.tunnel)));
  notes.text(key("format"), shown_format(before.source.format), shown_format(after.source.format));
}

void compare_tunnels(const std::optional<Tunnels>& before, const std::optional<Tunnels>& after,
                     Notes& notes) {
  notes.text("tunnels", before ? "granted" : "none", after ? "granted" : "none");
  if (!before || !after) return;
  notes.value("tunnels.limit", uint64_t{before->limit}, uint64_t{after->limit});
  notes.value("tunnels.limit_per_address", uint64_t{before->limit_per_address},
              uint64_t{after->limit_per_address});
  notes.value("tunnels.rate", before->rate_bps, after->rate_bps);
  notes.value("tunnels.prefixes", before->prefixes, after->prefixes);
}

// What a stream is numbered, sealed and kept by, and the hop that its receivers know.
void compare_stream(const Lineup& running, const Channel& before, const Lineup& wanted, const Channel& after,
                    Notes& notes) {
  const auto interface = [](const Lineup& lineup, size_t index) { return lineup.interfaces[index].name; };
  notes.text("output.interface", interface(running, before.output.interface),
             interface(wanted, after.output.interface));
  notes.value("output.ttl", uint64_t{before.output.ttl}, uint64_t{after.output.ttl});
  notes.value("output.dscp", uint64_t{before.output.dscp}, uint64_t{after.output.dscp});
  notes.value("key", before.key_file, after.key_file);
  notes.value("hop_key", before.hop_key_file, after.hop_key_file);
  if (running.role == Role::kRepeater) compare_source("upstream", running, before, wanted, after, notes);
  notes.value("retransmit.window_ms", uint64_t{before.window_ms}, uint64_t{after.window_ms});
  // Derived from the cap as well.
  notes.value("retransmit window in packets", uint64_t{before.window_packets},
              uint64_t{after.window_packets});
}

// What receivers can follow it through.
void compare_place(const Channel& before, const Channel& after, Notes& notes) {
  notes.address("output.group", before.output.group, after.output.group);
  notes.value("output.port", uint64_t{before.output.udp_port}, uint64_t{after.output.udp_port});
}

// Whether another running channel than this one is sent there: on an interface of the same name.
bool is_taken(const Lineup& lineup, const Channel& own, const std::string& interface, const Output& place) {
  return std::ranges::any_of(lineup.channels, [&](const Channel& channel) {
    return channel.enabled && channel.id != own.id && channel.output.group == place.group &&
           channel.output.udp_port == place.udp_port &&
           lineup.interfaces[channel.output.interface].name == interface;
  });
}

// What a stream can go on through.
void compare_feed(const Lineup& running, const Channel& before, const Lineup& wanted, const Channel& after,
                  Notes& notes) {
  notes.value("name", before.name, after.name);
  notes.value("number", uint64_t{before.number}, uint64_t{after.number});
  if (running.role == Role::kHeadend) compare_source("source", running, before, wanted, after, notes);
  notes.value("bitrate_cap", before.bitrate_cap_bps, after.bitrate_cap_bps);
  notes.value("retransmit.budget_percent", uint64_t{before.budget_percent}, uint64_t{after.budget_percent});
  notes.text("retransmit.to", shown_repairs(before.repairs_to), shown_repairs(after.repairs_to));
  notes.value("retransmit.unicast_prefixes", before.unicast_prefixes, after.unicast_prefixes);
  notes.value("quiet", before.quiet, after.quiet);
  notes.text("tunnels", before.tunnels ? "true" : "false", after.tunnels ? "true" : "false");
}

ChannelDifference compare_channel(const Lineup& running, std::optional<size_t> before, const Lineup& wanted,
                                  std::optional<size_t> after) {
  ChannelDifference difference;
  difference.before = before;
  difference.after = after;
  difference.name = after ? wanted.channels[*after].name : running.channels[*before].name;
  const bool ran = before && running.channels[*before].enabled;
  const bool runs = after && wanted.channels[*after].enabled;
  if (!ran && !runs) return difference;
  if (!ran || !runs) {
    difference.change = runs ? Change::kAdded : Change::kRemoved;
    return difference;
  }
  Notes notes(difference.details);
  const Channel &was = running.channels[*before], &is = wanted.channels[*after];
  compare_stream(running, was, wanted, is, notes);
  const bool restarts = !difference.details.empty();
  compare_place(was, is, notes);
  if (restarts) {
    difference.change = Change::kRestarted;
  } else if (!difference.details.empty()) {
    // For a while it is sent to both: nobody else's place may be among them.
    const std::string& interface = wanted.interfaces[is.output.interface].name;
    const bool free =
        !is_taken(running, was, interface, is.output) && !is_taken(wanted, is, interface, was.output);
    // Tunnels, and whoever may climb to one, ask at the port that they know.
    const bool asked_at_port =
        was.output.udp_port != is.output.udp_port && running.tunnels && (was.tunnels || is.tunnels);
    difference.change = free && !asked_at_port ? Change::kMoved : Change::kRestarted;
  }
  compare_feed(running, was, wanted, is, notes);
  if (difference.change == Change::kNone && !difference.details.empty())
    difference.change = Change::kAdjusted;
  return difference;
}

}  // namespace

std::string_view word_of(Change change) {
  switch (change) {
    case Change::kNone:
      return "unchanged";
    case Change::kAdded:
      return "added";
    case Change::kRemoved:
      return "removed";
    case Change::kAdjusted:
      return "adjusted";
    case Change::kMoved:
      return "moved";
    case Change::kRestarted:
      return "restarted";
  }
  return "?";
}

Difference compare(const Lineup& running, const Lineup& wanted) {
  Difference difference;
  Notes notes(difference.restart_needed);
  compare_process(running, wanted, notes);
  compare_ports(running, wanted, notes);
  compare_usage(running.usage, wanted.usage, notes);
  compare_tunnels(running.tunnels, wanted.tunnels, notes);
  if (!difference.restart_needed.empty()) return difference;
  Notes(difference.adjusted).value("usage.repeaters", running.usage.repeaters, wanted.usage.repeaters);

  std::map<crypto::ChannelId, size_t> before;
  for (size_t i = 0; i < running.channels.size(); ++i) before.emplace(running.channels[i].id, i);
  for (size_t i = 0; i < wanted.channels.size(); ++i) {
    const auto found = before.find(wanted.channels[i].id);
    const auto was = found == before.end() ? std::nullopt : std::optional(found->second);
    if (was) before.erase(found);
    difference.channels.push_back(compare_channel(running, was, wanted, i));
  }
  for (size_t i = 0; i < running.channels.size(); ++i)
    if (before.contains(running.channels[i].id))
      difference.channels.push_back(compare_channel(running, i, wanted, std::nullopt));
  return difference;
}

}  // namespace linecast::lineup
