#include "tests/vdev/lane_bed.h"

#include <cstring>
#include <map>

#include "lib/base/error.h"
#include "lib/net/checksum.h"

namespace linecast {
namespace {

// Port names stay taken for the life of EAL: each bed has its own.
std::string next_name(const char* name) {
  static std::map<std::string, int> used;
  return name + std::to_string(used[name]++);
}

drivers::PortConfig port_config(const char* name, const std::string& device, const BedOptions& options) {
  drivers::PortConfig config;
  config.name = name;
  config.device = device;
  config.mtu = LaneBed::kMtu;
  config.queues = static_cast<uint16_t>(options.lanes);
  return config;
}

}  // namespace

LaneBed::LaneBed(const BedOptions& options)
    : options_(options),
      frames_("frames",
              static_cast<unsigned>(options.channels + options.free_slots) * options.window_packets + 1023,
              drivers::frame_room(kMtu), drivers::any_numa_node()),
      control_("control", 1023, drivers::control_room(kMtu), drivers::any_numa_node()),
      tunnels_("tunnels", options.tunnel_packets, drivers::control_room(kMtu), drivers::any_numa_node()),
      receive_("receive", 4095, drivers::receive_room(kMtu), drivers::any_numa_node()),
      in_memory_(next_name("bed_in"), 4096, static_cast<unsigned>(options.lanes),
                 options.queue_each ? static_cast<unsigned>(options.lanes) : 1),
      out_memory_(options.discard_output
                      ? nullptr
                      : std::make_unique<drivers::MemoryPort>(next_name("bed_out"), 4096,
                                                              static_cast<unsigned>(options.lanes))),
      in_(port_config("in", in_memory_.name(), options), receive_),
      out_(port_config("out", options.discard_output ? drivers::make_null_port() : out_memory_->name(),
                       options),
           receive_) {
  directory_.set_ports(2);
  directory_.add_interface(0, 0, 0);
  directory_.add_interface(1, options.output_vlan, 0);
  if (options.input_vlan != 0) directory_.add_interface(0, options.input_vlan, 0);
  group_key_.id = 7;
  group_key_.cipher = options.cipher;
  for (size_t i = 0; i < group_key_.bytes.size(); ++i) group_key_.bytes[i] = static_cast<uint8_t>(i * 7 + 1);
  for (size_t i = 0; i < options.channels; ++i) {
    const auto index = static_cast<uint32_t>(i);
    directory_.flows.insert({options.source_interface, source_group(i), kSourcePort, options.ssm_source},
                            index);
    directory_.groups.insert({options.request_interface, output_group(i), smart::kDefaultPort, 0}, index);
    directory_.lane_of.push_back(static_cast<uint8_t>(i % options.lanes));
  }
  directory_.lane_of.resize(options.channels + options.free_slots, 0);
  directory_.flows.insert({options.request_interface, kOutAddress, smart::kDefaultPort, 0},
                          app::Directory::kRequests);
  std::vector<app::Lane*> peers;
  for (size_t i = 0; i < options.lanes; ++i) {
    app::Lane::Setup setup;
    setup.index = static_cast<unsigned>(i);
    setup.directory = &directory_;
    setup.control_packets = &control_;
    setup.tunnel_packets = &tunnels_;
    setup.slots = options.channels + options.free_slots;
    lanes_.push_back(std::make_unique<app::Lane>(setup));
    // What is discarded is nothing to poll.
    const auto queue = i == options.polling_lane ? std::optional<uint16_t>(0) : std::nullopt;
    lanes_.back()->add_port(in_, static_cast<uint16_t>(i),
                            options.queue_each ? std::optional<uint16_t>(static_cast<uint16_t>(i)) : queue);
    lanes_.back()->add_port(out_, static_cast<uint16_t>(i), options.discard_output ? std::nullopt : queue);
    lanes_.back()->add_interface(0, 0);
    lanes_.back()->add_interface(1, options.output_vlan);
    if (options.input_vlan != 0) lanes_.back()->add_interface(0, options.input_vlan);
    peers.push_back(lanes_.back().get());
  }
  for (const auto& lane : lanes_) lane->set_peers(peers);
  const auto add_host = [&](size_t interface, const net::Mac& mac, Ipv4 address) {
    app::HostSetup setup;
    setup.igmp.mac = setup.neighbors.mac = mac;
    setup.igmp.address = setup.neighbors.address = address;
    setup.igmp.mtu = kMtu;
    setup.igmp.forced = options.igmp_version;
    setup.neighbors.prefix_length = 24;
    setup.seed = interface + 1;
    lanes_[0]->add_host(interface, setup);
  };
  add_host(0, kInMac, kInAddress);
  add_host(1, kOutMac, kOutAddress);
  if (options.input_vlan != 0) add_host(2, kInMac, kVlanAddress);
  channels_.resize(options.channels + options.free_slots);
  for (size_t i = 0; i < options.channels; ++i)
    lanes_[directory_.lane_of[i]]->add_channel(i, make_channel(i));
}

std::unique_ptr<app::LaneChannel> LaneBed::make_channel(size_t i) {
  const BedOptions& options = options_;
  lineup::Channel& channel = channels_[i];
  channel.bitrate_cap_bps = options.bitrate_cap_bps;
  channel.window_packets = options.window_packets;
  channel.budget_percent = options.budget_percent;
  channel.repairs_to = options.repairs_to;
  channel.unicast_prefixes = options.unicast_prefixes;
  channel.quiet = options.quiet;
  channel.max_payload = kMtu - 60;
  channel.source.format = options.format;
  channel.output.group = output_group(i);
  app::LaneChannelSetup setup;
  setup.channel = &channel;
  setup.sender_id = 1;
  setup.hop.start_number = kStartNumber;
  setup.first_sequence = 1 + i;
  setup.hop.out_port = 1;
  setup.hop.out_interface = 1;
  setup.hop.offloads = options.offloads;
  if (options.output_vlan != 0) setup.hop.vlan_control = net::vlan_control(options.output_vlan, 32);
  setup.hop.flow.source = kOutAddress;
  setup.hop.flow.destination = output_group(i);
  setup.hop.flow.source_mac = kOutMac;
  setup.hop.flow.destination_mac = net::multicast_mac(setup.hop.flow.destination);
  setup.hop.flow.source_port = setup.hop.flow.destination_port = smart::kDefaultPort;
  setup.hop.flow.ttl = 16;
  setup.hop.flow.dscp = 32;
  if (options.encrypted) {
    crypto::Manager& manager = lanes_[directory_.lane_of[i]]->manager();
    if (options.announce) {
      app::StreamKeys::Setup keys;
      keys.signing_key = &signing_key_;
      keys.group_key = group_key_;
      keys.channel_id = channel_id(i);
      keys.sender_id = setup.sender_id;
      keys.start_number = kStartNumber;
      keys.first_sequence = setup.first_sequence;
      stream_keys_.push_back(std::make_unique<app::StreamKeys>(keys));
      setup.key = &stream_keys_.back()->current();
      setup.announcement = &stream_keys_.back()->announcement();
    }
    keys_.push_back(
        std::make_unique<smart::EpochKey>(manager, group_key_, crypto::StartSalt{}, channel_id(i), 1, 1));
    if (!options.announce) setup.key = keys_.back().get();
    setup.hop.message_keys = std::make_unique<app::MessageKeys>(
        app::MessageKeys{crypto::CmacKey(manager, crypto::derive_down_key(group_key_, channel_id(i))),
                         crypto::CmacKey(manager, crypto::derive_up_key(group_key_, channel_id(i)))});
  }
  return std::make_unique<app::LaneChannel>(std::move(setup), frames_, drivers::any_numa_node());
}

app::HopTunnelsSetup LaneBed::tunnels_setup(size_t i) const {
  const lineup::Channel& channel = channels_[i];
  const drivers::TransmitOffloads& offloads = options_.offloads;
  const uint16_t control = options_.output_vlan == 0 ? 0 : net::vlan_control(options_.output_vlan, 32);
  app::HopTunnelsSetup setup;
  setup.port = setup.interface = 1;
  setup.segments = offloads.segments;
  setup.window_packets = channel.window_packets;
  setup.window_ns = kNsPerSecond;
  setup.marks = drivers::frame_marks(offloads, control, true);
  setup.repairs = app::tunnel_repair_settings(channel);
  setup.flow.inner.source = kOutAddress;
  setup.flow.inner.destination = output_group(i);
  setup.flow.inner.source_port = setup.flow.inner.destination_port = smart::kDefaultPort;
  setup.flow.inner.ttl = 16;
  setup.flow.inner.dscp = 32;
  setup.flow.outer = setup.flow.inner;
  setup.flow.outer.source_mac = kOutMac;
  setup.flow.outer.ttl = 64;
  setup.flow.outer.vlan_control = offloads.vlan_insert ? 0 : control;
  setup.flow.outer.card_ip_checksum = offloads.ip_checksum;
  setup.flow.card_udp_checksum = offloads.udp_checksum;
  setup.flow.mtu = kMtu;
  return setup;
}

std::unique_ptr<app::Directory> LaneBed::further_directory(size_t with, size_t without) const {
  auto further = std::make_unique<app::Directory>(directory_);
  further->flows = {};
  further->groups = {};
  for (size_t i = 0; i < further->lane_of.size(); ++i) {
    if ((i >= options_.channels && i != with) || i == without) continue;
    const auto slot = static_cast<uint32_t>(i);
    further->flows.insert({options_.source_interface, source_group(i), kSourcePort, options_.ssm_source},
                          slot);
    further->groups.insert({options_.request_interface, output_group(i), smart::kDefaultPort, 0}, slot);
  }
  further->flows.insert({options_.request_interface, kOutAddress, smart::kDefaultPort, 0},
                        app::Directory::kRequests);
  return further;
}

void LaneBed::feed(Bytes frame, size_t interface) {
  drivers::Packet* packet = receive_.take();
  packet->data_len = static_cast<uint16_t>(frame.size());
  packet->pkt_len = packet->data_len;
  std::memcpy(drivers::data(packet), frame.data(), frame.size());
  memory(interface).in.push(packet);
}

std::vector<std::vector<uint8_t>> LaneBed::sent(size_t interface) {
  std::vector<std::vector<uint8_t>> frames;
  drivers::Packet* packet = nullptr;
  while (memory(interface).out.pop(&packet, 1) == 1) {
    frames.push_back(drivers::wire_bytes(packet));
    if (!drivers::fits(packet)) throw Error("a frame is larger than its packet");
    drivers::release(packet);
  }
  return frames;
}

std::vector<uint8_t> udp_frame(const net::UdpFlow& flow, Bytes payload) {
  const net::UdpTemplate header(flow);
  std::vector<uint8_t> frame(header.size() + payload.size());
  uint8_t* const behind = frame.data() + header.size();
  if (!payload.empty()) std::memcpy(behind, payload.data(), payload.size());
  header.write(behind, static_cast<uint16_t>(payload.size()), 1);
  net::UdpTemplate::finish_udp_checksum(behind, static_cast<uint16_t>(payload.size()));
  return frame;
}

std::vector<uint8_t> general_query(igmp::Version version) {
  std::vector<uint8_t> message{0x11, 10, 0, 0, 0, 0, 0, 0};                          // 1 s
  if (version == igmp::Version::kV3) message.insert(message.end(), {2, 125, 0, 0});  // QRV, QQIC
  if (version == igmp::Version::kV1) message[1] = 0;
  store_be16(&message[2], net::checksum_finish(net::checksum_add(message)));
  const Ipv4 all_hosts = 0xe0000001;
  std::vector<uint8_t> frame(net::kEthernetSize + igmp::kIpHeaderSize + message.size());
  std::copy(message.begin(), message.end(), frame.end() - static_cast<ptrdiff_t>(message.size()));
  igmp::finish_frame(frame, message.size(), {2, 0, 0, 0, 0, 9}, 0x0a000009, all_hosts);
  return frame;
}

std::vector<uint8_t> ts_payload(size_t packets, uint8_t seed) {
  std::vector<uint8_t> payload(packets * 188);
  for (size_t i = 0; i < payload.size(); ++i)
    payload[i] = i % 188 == 0 ? 0x47 : static_cast<uint8_t>(i * 31 + seed);
  return payload;
}

std::vector<uint8_t> feed_frame(size_t channel, Bytes payload, Ipv4 source) {
  net::UdpFlow flow;
  flow.destination = LaneBed::source_group(channel);
  flow.destination_mac = net::multicast_mac(flow.destination);
  flow.source = source;
  flow.source_port = 4000;
  flow.destination_port = LaneBed::kSourcePort;
  return udp_frame(flow, payload);
}

}  // namespace linecast
