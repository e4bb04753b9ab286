#include "app/linecast/appliance.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "drivers/hugepages.h"
#include "drivers/vfio_group.h"
#include "lib/base/error.h"
#include "lib/crypto/key_file.h"

namespace linecast::app {
namespace {

// Of a port, for each lane: its queue's descriptors, what waits in its inbox, its cache and a burst.
constexpr unsigned kReceivePacketsALane = drivers::kReceiveDescriptors + kInboxSize + 1024;
constexpr unsigned kControlPackets = 2047;  // of a lane
constexpr unsigned kSpareFrames =
    2047;  // of a lane: frames that cards still hold when their slot comes round
constexpr uint64_t kPacketExtraBytes = 256;  // mbuf, object header, the pool's padding
constexpr uint64_t kEnvironmentBytes =
    64u << 20;  // what EAL and drivers take for themselves, and the heap's rounding

uint16_t largest_mtu(const lineup::Lineup& lineup) {
  uint16_t mtu = 0;
  for (const lineup::Port& port : lineup.ports) mtu = std::max(mtu, port.mtu);
  return mtu;
}

unsigned receive_packets(const lineup::Lineup& lineup) {
  return static_cast<unsigned>(lineup.lanes.lcores.size()) * kReceivePacketsALane - 1;
}

// Which lane a channel is on: enabled ones in turn.
std::vector<uint8_t> spread_over_lanes(const lineup::Lineup& lineup) {
  std::vector<uint8_t> lane_of(lineup.channels.size(), 0);
  size_t next = 0;
  for (size_t i = 0; i < lane_of.size(); ++i)
    if (lineup.channels[i].enabled) lane_of[i] = static_cast<uint8_t>(next++ % lineup.lanes.lcores.size());
  return lane_of;
}

std::vector<std::string> eal_arguments(const lineup::Lineup& lineup, const std::vector<std::string>& more) {
  std::string lcores = std::to_string(lineup.lanes.main_lcore);
  for (const unsigned lcore : lineup.lanes.lcores) lcores += "," + std::to_string(lcore);
  std::vector<std::string> arguments{"-l",
                                     lcores,
                                     "--main-lcore",
                                     std::to_string(lineup.lanes.main_lcore),
                                     "--file-prefix",
                                     "linecast-" + lineup.name};
  const auto given = [&](const std::string& option) {
    return std::ranges::count(lineup.eal_arguments, option) + std::ranges::count(more, option) > 0;
  };
  if (!given("--no-huge")) arguments.emplace_back("--in-memory");
  bool pci = false;
  for (const lineup::Port& port : lineup.ports) {
    pci = pci || port.is_pci;
    // Ports that a test made in memory are there already.
    arguments.emplace_back(port.is_pci ? "-a" : "--vdev");
    arguments.push_back(port.device);
  }
  if (!pci && !given("--no-pci")) arguments.emplace_back("--no-pci");
  arguments.insert(arguments.end(), lineup.eal_arguments.begin(), lineup.eal_arguments.end());
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

bool without_hugepages(const lineup::Lineup& lineup, const std::vector<std::string>& more) {
  return std::ranges::count(lineup.eal_arguments, "--no-huge") + std::ranges::count(more, "--no-huge") > 0;
}

// EAL is started as a member: what must be known before it is asked for here.
std::vector<std::string> checked_arguments(const lineup::Lineup& lineup,
                                           const std::vector<std::string>& more) {
  for (const lineup::Port& port : lineup.ports)
    if (port.is_pci) drivers::require_free_card(port.name, port.device);
  if (!without_hugepages(lineup, more)) drivers::require_hugepages(needed_memory(lineup));
  return eal_arguments(lineup, more);
}

std::vector<std::unique_ptr<drivers::InterfaceClaim>> claim_interfaces(const lineup::Lineup& lineup) {
  std::vector<std::unique_ptr<drivers::InterfaceClaim>> claims;
  for (const lineup::Port& port : lineup.ports)
    if (!port.kernel_interface.empty())
      claims.push_back(std::make_unique<drivers::InterfaceClaim>(port.name, port.kernel_interface));
  return claims;
}

// The lane that polls a port's first receive queue, where all goes that is steered nowhere else, and that
// answers for the port.
size_t host_lane(size_t port, size_t lanes) { return port % lanes; }

// Which of a port's queues a lane polls.
std::optional<uint16_t> receive_queue(size_t port, size_t lane, uint16_t queues, size_t lanes) {
  const size_t queue = (lane + lanes - host_lane(port, lanes)) % lanes;
  return queue < queues ? std::optional(static_cast<uint16_t>(queue)) : std::nullopt;
}

uint64_t random_number() {
  std::array<uint8_t, 8> bytes;
  crypto::random_bytes(bytes);
  return load_be64(bytes.data());
}

}  // namespace

uint64_t needed_memory(const lineup::Lineup& lineup) {
  const uint64_t frame_bytes = drivers::frame_room(largest_mtu(lineup)) + kPacketExtraBytes;
  uint64_t bytes = kEnvironmentBytes;
  for (const lineup::Channel& channel : lineup.channels)
    if (channel.enabled)
      bytes += channel.window_packets * (frame_bytes + drivers::FrameRing::bytes_per_slot());
  const uint64_t control_bytes = drivers::control_room(largest_mtu(lineup)) + kPacketExtraBytes;
  bytes += lineup.lanes.lcores.size() * (kSpareFrames * frame_bytes + kControlPackets * control_bytes);
  for (const lineup::Port& port : lineup.ports)
    bytes += receive_packets(lineup) * (drivers::receive_room(port.mtu) + kPacketExtraBytes);
  return bytes;
}

Appliance::Appliance(const lineup::Lineup& lineup, uint64_t start_number,
                     const std::vector<std::string>& more)
    : lineup_(lineup),
      start_number_(start_number),
      claims_(claim_interfaces(lineup)),
      eal_("linecast", checked_arguments(lineup, more)),
      faults_(lineup.channels.size()) {
  directory_.lane_of = spread_over_lanes(lineup_);
  make_ports();
  make_lanes();
  make_hosts();
  make_channels();
  fill_directory();
  join_sources();
}

Appliance::~Appliance() {
  if (running_) {
    stop_ = true;
    for (const unsigned lcore : lineup_.lanes.lcores) drivers::wait_lcore(lcore);
    drivers::sleep_us(20'000);  // cards still send the leaves that the lanes gave them last
  }
  ports_.clear();
}

void Appliance::make_ports() {
  for (size_t i = 0; i < lineup_.ports.size(); ++i) {
    const lineup::Port& port = lineup_.ports[i];
    drivers::PortConfig config;
    config.name = port.name;
    config.device = port.device;
    config.mtu = port.mtu;
    config.queues = static_cast<uint16_t>(lineup_.lanes.lcores.size());
    config.steering = steering(i);
    std::set<net::Mac> macs{net::multicast_mac(0xe0000001)};  // all hosts: IGMP queries
    for (const lineup::Channel& channel : lineup_.channels)
      if (channel.enabled && lineup_.interfaces[channel.source.interface].port == i &&
          is_multicast(channel.source.address))
        macs.insert(net::multicast_mac(channel.source.address));
    for (const lineup::Interface& interface : lineup_.interfaces)
      config.all_groups |= interface.port == i && interface.querier.has_value();
    config.group_macs.assign(macs.begin(), macs.end());
    receive_pools_.push_back(
        std::make_unique<drivers::Pool>("receive" + std::to_string(i), receive_packets(lineup_),
                                        drivers::receive_room(port.mtu), drivers::any_numa_node()));
    try {
      ports_.push_back(std::make_unique<drivers::Port>(config, *receive_pools_.back()));
    } catch (const Error& error) {
      throw Error(eal_.words().empty() ? error.what()
                                       : fmt::format("{}. DPDK's words:\n{}", error.what(), eal_.words()));
    }
  }
}

// Each channel's feed to the queue that its lane polls.
std::vector<drivers::SteeringRule> Appliance::steering(size_t port) const {
  std::vector<drivers::SteeringRule> rules;
  const size_t lanes = lineup_.lanes.lcores.size();
  for (size_t i = 0; i < lineup_.channels.size(); ++i) {
    const lineup::Source& source = lineup_.channels[i].source;
    const lineup::Interface& interface = lineup_.interfaces[source.interface];
    if (!lineup_.channels[i].enabled || interface.port != port) continue;
    rules.push_back(
        {.vlan = interface.vlan,
         .destination = source.address,
         .source = source.ssm_source,
         .udp_port = source.udp_port,
         .queue = *receive_queue(port, directory_.lane_of[i], static_cast<uint16_t>(lanes), lanes)});
  }
  return rules;
}

void Appliance::make_lanes() {
  const uint16_t room = drivers::frame_room(largest_mtu(lineup_));
  const size_t count = lineup_.lanes.lcores.size();
  for (size_t i = 0; i < count; ++i) {
    const int node = drivers::lcore_numa_node(lineup_.lanes.lcores[i]);
    unsigned frames = kSpareFrames;
    for (size_t c = 0; c < lineup_.channels.size(); ++c)
      if (lineup_.channels[c].enabled && directory_.lane_of[c] == i)
        frames += lineup_.channels[c].window_packets;
    frame_pools_.push_back(std::make_unique<drivers::Pool>("frames" + std::to_string(i), frames, room, node));
    control_pools_.push_back(std::make_unique<drivers::Pool>(
        "control" + std::to_string(i), kControlPackets, drivers::control_room(largest_mtu(lineup_)), node));
    kept_packets_ += frames - kSpareFrames;
    kept_bytes_ += (frames - kSpareFrames) *
                   (frame_pools_.back()->bytes_per_packet() + drivers::FrameRing::bytes_per_slot());

    Lane::Setup setup;
    setup.index = static_cast<unsigned>(i);
    setup.numa_node = node;
    setup.idle_sleep_us = lineup_.lanes.idle_sleep_us;
    setup.directory = &directory_;
    setup.control_packets = control_pools_.back().get();
    setup.channels = lineup_.channels.size();
    lanes_.push_back(std::make_unique<Lane>(setup));
    for (size_t p = 0; p < ports_.size(); ++p)
      lanes_.back()->add_port(*ports_[p], static_cast<uint16_t>(i),
                              receive_queue(p, i, ports_[p]->receive_queues(), count));
    for (const lineup::Interface& interface : lineup_.interfaces)
      lanes_.back()->add_interface(interface.port, interface.vlan);
  }
  std::vector<Lane*> peers;
  for (const auto& lane : lanes_) peers.push_back(lane.get());
  for (const auto& lane : lanes_) lane->set_peers(peers);
  for (size_t p = 0; p < ports_.size(); ++p)
    port_keepers_.push_back(std::make_unique<PortKeeper>(*ports_[p], p, lanes_));
}

void Appliance::make_hosts() {
  directory_.set_ports(ports_.size());
  for (size_t i = 0; i < lineup_.interfaces.size(); ++i) {
    const lineup::Interface& interface = lineup_.interfaces[i];
    const size_t lane = host_lane(interface.port, lanes_.size());
    directory_.add_interface(static_cast<uint16_t>(interface.port), interface.vlan,
                             static_cast<uint8_t>(lane));
    HostSetup setup;
    setup.igmp.mac = setup.neighbors.mac = ports_[interface.port]->mac();
    setup.igmp.address = setup.neighbors.address = interface.address;
    setup.igmp.mtu = lineup_.ports[interface.port].mtu;
    if (interface.igmp_version) setup.igmp.forced = static_cast<igmp::Version>(*interface.igmp_version);
    setup.igmp.max_groups = setup.igmp.max_sources = 0;
    for (const lineup::Channel& channel : lineup_.channels)
      if (channel.enabled && channel.source.interface == i && is_multicast(channel.source.address)) {
        ++setup.igmp.max_groups;
        ++setup.igmp.max_sources;
      }
    if (interface.querier) {
      setup.querier.emplace();
      setup.querier->mac = setup.igmp.mac;
      setup.querier->address = interface.address;
      setup.querier->prefix_length = interface.prefix_length;
      setup.querier->mtu = setup.igmp.mtu;
      setup.querier->version = static_cast<igmp::Version>(interface.querier->version);
      setup.querier->query_interval_ns = interface.querier->query_interval_s * kNsPerSecond;
      setup.querier->query_response_interval_ns = interface.querier->response_interval_s * kNsPerSecond;
    }
    setup.neighbors.prefix_length = interface.prefix_length;
    setup.neighbors.gateway = interface.gateway;
    setup.seed = random_number();
    lanes_[lane]->add_host(i, setup);
  }
}

void Appliance::make_channels() {
  stream_keys_.resize(lineup_.channels.size());
  key_calls_.resize(lineup_.channels.size());
  if (!lineup_.signing_key_file.empty()) signing_key_ = crypto::read_signing_key(lineup_.signing_key_file);
  for (size_t i = 0; i < lineup_.channels.size(); ++i) {
    const lineup::Channel& channel = lineup_.channels[i];
    if (!channel.enabled) continue;
    const size_t lane = directory_.lane_of[i];
    const lineup::Interface& interface = lineup_.interfaces[channel.output.interface];
    const drivers::Port& port = *ports_[interface.port];

    LaneChannelSetup setup;
    setup.channel = &channel;
    setup.sender_id = lineup_.sender_id;
    setup.start_number = start_number_;
    setup.first_sequence = 2 + random_number() % 0xfffe;  // 2 .. 65535: a receiver's count of 0 says "none"
    setup.out_port = static_cast<uint16_t>(interface.port);
    setup.out_interface = static_cast<uint16_t>(channel.output.interface);
    setup.offloads = port.offloads();
    if (interface.vlan != 0) setup.vlan_control = net::vlan_control(interface.vlan, channel.output.dscp);
    setup.flow.source_mac = port.mac();
    setup.flow.destination_mac = net::multicast_mac(channel.output.group);
    setup.flow.source = interface.address;
    setup.flow.destination = channel.output.group;
    setup.flow.source_port = setup.flow.destination_port = channel.output.udp_port;
    setup.flow.ttl = channel.output.ttl;
    setup.flow.dscp = channel.output.dscp;
    if (!channel.key_file.empty()) {
      StreamKeys::Setup keys;
      keys.signing_key = signing_key_.get();
      keys.group_key = crypto::read_group_key(channel.key_file);
      keys.channel_id = channel.id;
      keys.sender_id = lineup_.sender_id;
      keys.start_number = start_number_;
      keys.first_sequence = setup.first_sequence;
      keys.bitrate_cap_bps = channel.bitrate_cap_bps;
      stream_keys_[i] = std::make_unique<StreamKeys>(keys);
      setup.key = &stream_keys_[i]->current();
      setup.announcement = &stream_keys_[i]->announcement();
      setup.message_keys = stream_keys_[i]->message_keys(lanes_[lane]->manager());
    }
    lanes_[lane]->add_channel(
        i, std::make_unique<LaneChannel>(std::move(setup), *frame_pools_[lane],
                                         drivers::lcore_numa_node(lineup_.lanes.lcores[lane])));
  }
}

void Appliance::fill_directory() {
  for (size_t i = 0; i < lineup_.channels.size(); ++i) {
    const lineup::Channel& channel = lineup_.channels[i];
    if (!channel.enabled) continue;
    const auto index = static_cast<uint32_t>(i);
    if (!directory_.flows.insert({static_cast<uint16_t>(channel.source.interface), channel.source.address,
                                  channel.source.udp_port, channel.source.ssm_source},
                                 index))
      throw Error(fmt::format("channel {}: its source is taken already", channel.name));
    const auto out = static_cast<uint16_t>(channel.output.interface);
    directory_.groups.insert({out, channel.output.group, channel.output.udp_port, 0}, index);
    // Several channels share a hop's address and port: all but the first insertion find it there.
    directory_.flows.insert({out, lineup_.interfaces[out].address, channel.output.udp_port, 0},
                            Directory::kRequests);
  }
}

void Appliance::join_sources() {
  const TimeNs now = clock_.now();
  for (const lineup::Channel& channel : lineup_.channels) {
    if (!channel.enabled || !is_multicast(channel.source.address)) continue;
    const size_t interface = channel.source.interface;
    LaneHost& host = lanes_[directory_.host_lane_of[interface]]->host(interface);
    if (!host.join(now, channel.source.address, channel.source.ssm_source))
      throw Error(fmt::format("channel {}: more than {} senders of group {} can't be joined one by one",
                              channel.name, igmp::MembershipTable::kMaxSourcesAGroup,
                              to_string(channel.source.address)));
  }
}

void Appliance::start() {
  lane_mains_.resize(lanes_.size());
  for (size_t i = 0; i < lanes_.size(); ++i) {
    lane_mains_[i] = [this, i] { lanes_[i]->run(clock_, stop_); };
    drivers::launch(lineup_.lanes.lcores[i], lane_mains_[i]);
    running_ = true;
  }
}

const LaneChannel* Appliance::channel(size_t index) const {
  return lanes_[directory_.lane_of[index]]->channel(index);
}

void Appliance::tick() {
  const TimeNs now = clock_.now();
  for (const auto& keeper : port_keepers_) keeper->tick(now);
  take_faults();
  if (now < next_key_tick_) return;
  next_key_tick_ = now + kNsPerSecond;
  for (size_t i = 0; i < stream_keys_.size(); ++i) {
    if (stream_keys_[i] == nullptr) continue;
    const size_t lane = directory_.lane_of[i];
    LaneCall& call = key_calls_[i];
    const Announcement* announcement = stream_keys_[i]->tick(*channel(i), call.done());
    if (announcement == nullptr) continue;
    call.command.kind = LaneCommand::Kind::kAnnounce;
    call.command.index = i;
    call.command.announcement = announcement;
    call.issue(*lanes_[lane]);
  }
}

// No more than a queue holds at once of any lane, however fast they come.
void Appliance::take_faults() {
  smart::HeardFault fault;
  for (const auto& lane : lanes_)
    for (size_t k = 0; k < kFaultQueueRoom && lane->next_fault(fault); ++k) faults_.take(fault);
}

const smart::FaultReportTable& Appliance::faults() {
  take_faults();
  return faults_;
}

const IgmpPage* Appliance::igmp_page(size_t interface, size_t from) {
  constexpr int kTries = 2000;
  constexpr uint32_t kPauseUs = 100;
  if (!igmp_call_.done()) return nullptr;  // of an earlier call, which was waited for long enough
  igmp_page_.from = from;
  igmp_call_.command.kind = LaneCommand::Kind::kShowIgmp;
  igmp_call_.command.index = interface;
  igmp_call_.command.page = &igmp_page_;
  igmp_call_.issue(*lanes_[directory_.host_lane_of[interface]]);
  for (int i = 0; i < kTries; ++i) {
    if (igmp_call_.done()) return &igmp_page_;
    drivers::sleep_us(kPauseUs);
  }
  return nullptr;
}

bool Appliance::reset_port(const std::string& name) {
  for (size_t i = 0; i < ports_.size(); ++i)
    if (lineup_.ports[i].name == name) {
      port_keepers_[i]->ask_reset();
      return true;
    }
  return false;
}

bool Appliance::roll_key(const std::string& name) {
  for (size_t i = 0; i < stream_keys_.size(); ++i)
    if (lineup_.channels[i].name == name && stream_keys_[i] != nullptr) {
      stream_keys_[i]->roll();
      return true;
    }
  return false;
}

}  // namespace linecast::app
