#include <algorithm>

#include "lib/lineup/dimensions.h"
#include "lib/lineup/draft.h"
#include "lib/lineup/spelling.h"

namespace linecast::lineup {

namespace {

constexpr uint64_t kLeastWindowMs = 10;
constexpr uint64_t kMostWindowMs = 60'000;
constexpr uint64_t kMostBudgetPercent = 400;

// Of 7 TS packets; 0: there is no usual one.
size_t usual_datagram(smart::PacketFormat format) {
  return format == smart::PacketFormat::kMpegTs ? kTsDatagram
         : format == smart::PacketFormat::kRtp  ? kRtpTsDatagram
                                                : 0;
}

class ChannelReader {
 public:
  ChannelReader(const MapCursor& in, Draft& draft) : in_(in), draft_(draft), faults_(in.faults()) {}

  Channel read() {
    channel_.source.interface = channel_.output.interface = kNoInterface;
    if (in_.need("name", "news", channel_.name, parse_title))
      channel_.id = crypto::channel_id_from_name(channel_.name);
    if (const Ref* number = in_.need("number", "1"))
      in_.scalar(*number, "number", channel_.number,
                 [](auto text) { return parse_number(text, 1, 65535, ""); });
    in_.read("enabled", channel_.enabled, parse_bool);
    in_.read("id", channel_.id, parse_channel_id);
    in_.read("quiet", channel_.quiet, parse_quiet);
    in_.read("tunnels", channel_.tunnels, parse_bool);
    in_.need("bitrate_cap", "8M", channel_.bitrate_cap_bps, parse_rate);
    read_key();
    if (draft_.lineup.role == Role::kRepeater) {
      if (const Ref* upstream =
              in_.need("upstream", "{interface: in0, address: 10.1.0.1, group: 239.20.0.1}"))
        read_upstream(MapCursor(*upstream, kUpstreamSection, faults_));
    } else if (const Ref* source = in_.need("source", "{interface: in0, address: 239.10.0.1, port: 5000}")) {
      read_source(MapCursor(*source, kSourceSection, faults_));
    }
    if (const Ref* output = in_.need("output", "{interface: out0, group: 239.20.0.1}"))
      read_output(MapCursor(*output, kOutputSection, faults_));
    read_retransmit();
    derive_max_payload();
    check_tunnels();
    return std::move(channel_);
  }

 private:
  void read_key() {
    if (in_.read("key", channel_.key_file, parse_path)) channel_.key_file = draft_.resolve(channel_.key_file);
    const bool has_hop_key =
        draft_.lineup.role == Role::kRepeater && in_.ref().node->find("hop_key") != nullptr;
    if (has_hop_key && in_.read("hop_key", channel_.hop_key_file, parse_path))
      channel_.hop_key_file = draft_.resolve(channel_.hop_key_file);
    bool clear = false;
    const bool clear_is_sound =
        in_.ref().node->find("clear") == nullptr || in_.read("clear", clear, parse_bool);
    const bool has_key = in_.ref().node->find("key") != nullptr;
    sealed_ = has_key || has_hop_key;
    if (has_key && has_hop_key)
      faults_.error(
          place(in_.ref(), {"hop_key"}),
          "a hop key is for a repeater that does not hold the group key: delete \"hop_key\", or \"key\"");
    if (sealed_ && clear)
      faults_.error(place(in_.ref(), {"clear"}),
                    "a channel with a key is not clear: delete \"clear\", or delete \"key\"");
    if (!sealed_ && !clear && clear_is_sound && in_.ref().node->kind == YamlNode::Kind::kMap)
      faults_.error(
          in_.ref().mark,
          "a channel has a key or says that it is sent in the clear: add `key: FILE` (made by `linecast "
          "key new group FILE`), or `clear: true`");
  }

  void read_interface(const MapCursor& in, size_t& index) {
    const std::vector<Interface>& interfaces = draft_.lineup.interfaces;
    in.need("interface", "in0", index, [&](std::string_view text) -> Parsed<size_t> {
      std::vector<std::string_view> names(interfaces.size());
      std::transform(interfaces.begin(), interfaces.end(), names.begin(),
                     [](const Interface& interface) { return std::string_view(interface.name); });
      const auto found = std::find(names.begin(), names.end(), text);
      if (!text.empty() && found != names.end()) return static_cast<size_t>(found - names.begin());
      // Where an interface's own name is at fault, this is only what follows from it.
      if (std::find(names.begin(), names.end(), std::string_view()) != names.end()) return kNoInterface;
      return Wrong{"is no port or VLAN of this lineup" + suggest(text, names)};
    });
  }

  void read_source(const MapCursor& in) {
    Source& source = channel_.source;
    read_interface(in, source.interface);
    in.need("address", "239.10.0.1", source.address, parse_host_or_group);
    if (const Ref* port = in.need("port", "5000"))
      in.scalar(*port, "port", source.udp_port, [](auto text) { return parse_number(text, 1, 65535, ""); });
    in.read("ssm_source", source.ssm_source, parse_host);
    in.read("format", source.format, parse_format);
    check_source(in);
  }

  // The stream of the hop above, and of nobody else.
  void read_upstream(const MapCursor& in) {
    Source& source = channel_.source;
    read_interface(in, source.interface);
    in.need("address", "10.1.0.1", source.ssm_source, parse_host);
    in.need("group", "239.20.0.1", source.address, parse_group);
    source.udp_port = smart::kDefaultPort;
    in.number("port", 1, 65535, "", source.udp_port);
    source.format = smart::PacketFormat::kOpaque;
    in.read("tunnel", source.tunnel, parse_upstream_tunnel);
    if (!source.is_native()) return;
    const Interface* interface =
        source.interface != kNoInterface ? &draft_.lineup.interfaces[source.interface] : nullptr;
    if (interface == nullptr || source.address == 0 || interface->igmp_version.value_or(3) == 3) return;
    if (is_ssm(source.address))
      faults_.error(
          place(in.ref(), {"group"}),
          fmt::format("group \"{}\" is in 232.0.0.0/8, which only IGMPv3 can join: set `igmp: auto` "
                      "or `igmp: 3` on {}",
                      to_string(source.address), interface->name));
    else
      faults_.warn(
          place(in.ref(), {"address"}),
          fmt::format("IGMPv{}, set on {}, cannot ask for one sender: all senders' packets will come, "
                      "and be dropped here; set `igmp: auto` or `igmp: 3` if the network has it",
                      *interface->igmp_version, interface->name));
  }

  void check_source(const MapCursor& in) {
    const Source& source = channel_.source;
    const Interface* interface =
        source.interface != kNoInterface ? &draft_.lineup.interfaces[source.interface] : nullptr;
    const Mark at = place(in.ref(), {"address"});
    if (source.address == 0) return;
    if (!is_multicast(source.address)) {
      if (interface != nullptr && interface->address != 0 && interface->address != source.address)
        faults_.error(at,
                      fmt::format("address \"{}\" is neither a group nor the address of {}: a unicast feed "
                                  "is sent to {}",
                                  to_string(source.address), interface->name, to_string(interface->address)));
      return;
    }
    if (is_ssm(source.address) && in.ref().node->find("ssm_source") == nullptr)
      faults_.error(
          at, fmt::format("address \"{}\" is in 232.0.0.0/8, where groups are joined by their sender (SSM): "
                          "add `ssm_source: ADDRESS`",
                          to_string(source.address)));
    if (interface == nullptr || interface->igmp_version.value_or(3) == 3) return;
    if (is_ssm(source.address))
      faults_.error(
          at, fmt::format("address \"{}\" is in 232.0.0.0/8, which only IGMPv3 can join: set `igmp: auto` "
                          "or `igmp: 3` on {}",
                          to_string(source.address), interface->name));
    else if (source.ssm_source != 0)
      faults_.warn(
          place(in.ref(), {"ssm_source"}),
          fmt::format("IGMPv{}, set on {}, cannot ask for one sender: all senders' packets will come, "
                      "and be dropped here; set `igmp: auto` or `igmp: 3` if the network has it",
                      *interface->igmp_version, interface->name));
  }

  void read_output(const MapCursor& in) {
    Output& output = channel_.output;
    read_interface(in, output.interface);
    in.need("group", "239.20.0.1", output.group, parse_group);
    in.number("port", 1, 65535, "", output.udp_port);
    in.number("ttl", 1, 255, "", output.ttl);
    in.read("dscp", output.dscp, parse_dscp);
  }

  void read_retransmit() {
    if (const Ref* retransmit = in_.find("retransmit")) {
      const MapCursor in(*retransmit, kRetransmitSection, faults_);
      in.number("window_ms", kLeastWindowMs, kMostWindowMs, "ms", channel_.window_ms);
      in.number("budget_percent", 0, kMostBudgetPercent, "percent of bitrate_cap", channel_.budget_percent);
      const bool to_is_sound =
          in.ref().node->find("to") == nullptr || in.read("to", channel_.repairs_to, parse_repairs_to);
      read_unicast_prefixes(in, to_is_sound);
    }
    if (channel_.bitrate_cap_bps == 0) return;
    const uint64_t packets = window_packets(channel_.bitrate_cap_bps, channel_.window_ms);
    if (packets > kMostWindowPackets) {
      faults_.error(
          place(in_.ref(), {"retransmit", "window_ms"}),
          fmt::format("a window of {} ms at {} holds more than {} packets, the most that a 16-bit sequence "
                      "allows: set window_ms to at most {}",
                      channel_.window_ms, format_rate(channel_.bitrate_cap_bps), kMostWindowPackets,
                      largest_window_ms(channel_.bitrate_cap_bps)));
      return;
    }
    channel_.window_packets = static_cast<uint32_t>(packets);
  }

  void read_unicast_prefixes(const MapCursor& in, bool to_is_sound) {
    const bool some = read_prefixes(in, "unicast_prefixes", channel_.unicast_prefixes);
    const YamlNode& node = *in.ref().node;
    if (channel_.repairs_to != RepairsTo::kMulticast && !some)
      faults_.error(place(in.ref(), {"to"}),
                    "nobody may be sent a repair by unicast before unicast_prefixes says whom: add the "
                    "receivers' networks, as `unicast_prefixes: [10.9.0.0/16]`, or delete \"to\"");
    if (to_is_sound && channel_.repairs_to == RepairsTo::kMulticast &&
        node.find("unicast_prefixes") != nullptr)
      faults_.warn(place(in.ref(), {"unicast_prefixes"}),
                   "unicast_prefixes has no effect while repairs go to the group: add `to: auto` or `to: "
                   "unicast`");
  }

  void derive_max_payload() {
    if (channel_.output.interface == kNoInterface) return;
    const Port& port = draft_.lineup.ports[draft_.lineup.interfaces[channel_.output.interface].port];
    channel_.max_payload = max_payload(port.mtu, sealed_);
    const size_t usual =
        draft_.lineup.role == Role::kRepeater ? kTsDatagram : usual_datagram(channel_.source.format);
    if (channel_.max_payload < usual)
      faults_.warn(
          place(in_.ref(), {"output", "interface"}),
          fmt::format("the usual 7 TS packets a datagram ({} bytes) do not fit port {} with its MTU of {}: "
                      "at most {} bytes do, longer ones are dropped; feed fewer TS packets a datagram, or "
                      "raise the MTU to {}",
                      usual, port.name, port.mtu, channel_.max_payload,
                      port.mtu + usual - channel_.max_payload));
  }

  // What does not fit a tunnel is not fragmented, but dropped there.
  void check_tunnels() {
    if (!draft_.lineup.tunnels) {
      if (in_.ref().node->find("tunnels") != nullptr && channel_.tunnels)
        faults_.warn(place(in_.ref(), {"tunnels"}),
                     "no tunnels are granted before the lineup has a section for them: add `tunnels: {}` "
                     "beside `channels`");
      return;
    }
    if (!channel_.tunnels || channel_.max_payload == 0) return;
    const Port& port = draft_.lineup.ports[draft_.lineup.interfaces[channel_.output.interface].port];
    const size_t room = max_tunnel_payload(port.mtu, sealed_);
    const size_t wanted = usual_datagram(channel_.source.format);
    if (wanted > 0 && wanted <= channel_.max_payload && wanted > room)
      faults_.warn(
          place(in_.ref(), {"output", "interface"}),
          fmt::format("the usual 7 TS packets a datagram ({} bytes) do not fit a tunnel at port {}'s MTU of "
                      "{}: at most {} bytes do, longer ones are not sent by tunnel; feed fewer TS packets a "
                      "datagram, or raise the MTU to {}",
                      wanted, port.name, port.mtu, room, port.mtu + wanted - room));
  }

  const MapCursor& in_;
  Draft& draft_;
  FaultList& faults_;
  Channel channel_;
  bool sealed_ = false;
};

}  // namespace

void read_channels(const MapCursor& top, Draft& draft) {
  const Ref* section = top.need("channels", "[{name: news, number: 1, ...}]");
  const std::vector<Ref>* items = top.list("channels", section);
  if (items == nullptr) return;
  if (items->empty())
    top.faults().error(section->mark,
                       fmt::format("channels is empty: a {} needs at least one",
                                   draft.lineup.role == Role::kRepeater ? "repeater" : "headend"));
  for (const Ref& item : *items) {
    const Section& section_of = draft.lineup.role == Role::kRepeater ? kRelaySection : kChannelSection;
    draft.lineup.channels.push_back(ChannelReader(MapCursor(item, section_of, top.faults()), draft).read());
    draft.channels.push_back(item);
  }
  const auto enabled = [](const Channel& channel) { return channel.enabled; };
  if (!items->empty() && std::none_of(draft.lineup.channels.begin(), draft.lineup.channels.end(), enabled))
    top.faults().warn(section->mark, "no channel is enabled: nothing will be sent");
}

}  // namespace linecast::lineup
