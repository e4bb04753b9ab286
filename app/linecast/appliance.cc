#include "app/linecast/appliance.h"

#include <fmt/core.h>

#include <algorithm>

#include "drivers/hugepages.h"
#include "drivers/vfio_group.h"
#include "lib/base/error.h"
#include "lib/crypto/key_file.h"

namespace linecast::app {
namespace {

// Of a port, for each lane: its queue's descriptors, what waits in its inbox, its cache and a burst.
constexpr unsigned kReceivePacketsALane = drivers::kReceiveDescriptors + kInboxSize + 1024;
constexpr unsigned kControlPackets = 2047;  // of a lane
// Of a lane, for each port: what its card holds of them, headers and payloads, and some to go on with.
constexpr unsigned kTunnelPacketsAPort = 4096;
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

uint16_t receive_room(const lineup::Port& port) {
  return port.device.starts_with("net_af_xdp") ? drivers::xdp_receive_room(port.mtu)
                                               : drivers::receive_room(port.mtu);
}

// Whole frames, as a port's driver may take no frames of several segments.
unsigned tunnel_packets(const lineup::Lineup& lineup) {
  return lineup.tunnels ? kTunnelPacketsAPort * static_cast<unsigned>(lineup.ports.size()) - 1 : 0;
}

unsigned receive_packets(const lineup::Lineup& lineup) {
  return static_cast<unsigned>(lineup.lanes.lcores.size()) * kReceivePacketsALane - 1;
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

}  // namespace

uint64_t random_number() {
  std::array<uint8_t, 8> bytes;
  crypto::random_bytes(bytes);
  return load_be64(bytes.data());
}

uint64_t needed_memory(const lineup::Lineup& lineup) {
  const uint64_t frame_bytes = drivers::frame_room(largest_mtu(lineup)) + kPacketExtraBytes;
  uint64_t bytes = kEnvironmentBytes;
  for (const lineup::Channel& channel : lineup.channels)
    if (channel.enabled)
      bytes += channel.window_packets * (frame_bytes + drivers::FrameRing::bytes_per_slot());
  const uint64_t control_bytes = drivers::control_room(largest_mtu(lineup)) + kPacketExtraBytes;
  bytes += lineup.lanes.lcores.size() *
           (kSpareFrames * frame_bytes + (kControlPackets + tunnel_packets(lineup)) * control_bytes);
  for (const lineup::Port& port : lineup.ports)
    bytes += receive_packets(lineup) * (receive_room(port) + kPacketExtraBytes);
  return bytes;
}

Appliance::Appliance(const lineup::Lineup& lineup, uint64_t start_number,
                     const std::vector<std::string>& more)
    : lineup_(lineup),
      placement_(place_channels(lineup, {}, std::vector<size_t>(lineup.channels.size(), kNoSlot))),
      claims_(claim_interfaces(lineup)),
      hugepages_(!without_hugepages(lineup, more)),
      eal_("linecast", checked_arguments(lineup, more)),
      usage_(lineup.usage, start_number, random_number(), [this] { return clock_.now(); }),
      directory_(std::make_unique<Directory>(make_directory(lineup, placement_, {}))),
      faults_(kChannelSlots) {
  if (!lineup_.signing_key_file.empty()) signing_key_ = crypto::read_signing_key(lineup_.signing_key_file);
  make_ports();
  make_lanes();
  make_hosts();
  std::vector<size_t> enabled;
  for (size_t i = 0; i < lineup_.channels.size(); ++i)
    if (lineup_.channels[i].enabled) enabled.push_back(i);
  for (MadeChannel& made : make_channels(lineup_, placement_, enabled, start_number)) {
    running_[made.slot] = std::move(made.running);
    lanes_[placement_.lane_of[made.slot]]->add_channel(made.slot, std::move(made.stream));
  }
  open_accounts(lineup_, placement_);
  join_sources();
  make_tunnels();
  for (const size_t i : enabled) set_tunnels(lineup_, placement_, i);
}

Appliance::~Appliance() {
  if (running_lanes_) {
    stop_ = true;
    for (const unsigned lcore : lineup_.lanes.lcores) drivers::wait_lcore(lcore);
    drivers::sleep_us(20'000);  // cards still send the leaves that the lanes gave them last
    take_usage();
    usage_.stop();
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
    config.steering = steering_rules(lineup_, placement_, i);
    config.group_macs = group_macs(lineup_, placement_, i);
    for (const lineup::Interface& interface : lineup_.interfaces)
      config.all_groups |= interface.port == i && interface.querier.has_value();
    receive_pools_.push_back(std::make_unique<drivers::Pool>("receive" + std::to_string(i),
                                                             receive_packets(lineup_), receive_room(port),
                                                             drivers::any_numa_node()));
    try {
      ports_.push_back(std::make_unique<drivers::Port>(config, *receive_pools_.back()));
    } catch (const Error& error) {
      throw Error(eal_.words().empty() ? error.what()
                                       : fmt::format("{}. DPDK's words:\n{}", error.what(), eal_.words()));
    }
  }
}

void Appliance::make_lanes() {
  const size_t count = lineup_.lanes.lcores.size();
  for (size_t i = 0; i < count; ++i) {
    const int node = drivers::lcore_numa_node(lineup_.lanes.lcores[i]);
    control_pools_.push_back(std::make_unique<drivers::Pool>(
        "control" + std::to_string(i), kControlPackets, drivers::control_room(largest_mtu(lineup_)), node));

    Lane::Setup setup;
    setup.index = static_cast<unsigned>(i);
    setup.numa_node = node;
    setup.idle_sleep_us = lineup_.lanes.idle_sleep_us;
    setup.directory = directory_.get();
    setup.control_packets = control_pools_.back().get();
    setup.slots = kChannelSlots;
    if (lineup_.tunnels) {
      tunnel_pools_.push_back(
          std::make_unique<drivers::Pool>("tunnels" + std::to_string(i), tunnel_packets(lineup_),
                                          drivers::control_room(largest_mtu(lineup_)), node));
      setup.tunnel_packets = tunnel_pools_.back().get();
    }
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

// Asked before it is taken: to find out by taking it takes EAL seconds.
void Appliance::require_frames(const std::vector<unsigned>& packets) const {
  if (!hugepages_) return;
  const uint64_t each =
      drivers::frame_room(largest_mtu(lineup_)) + kPacketExtraBytes + drivers::FrameRing::bytes_per_slot();
  uint64_t bytes = 0;
  for (const unsigned count : packets)
    if (count > 0) bytes += (count + kSpareFrames) * each;
  if (const uint64_t there = drivers::free_heap_bytes(); bytes > there)
    drivers::require_hugepages(bytes - there);
}

std::shared_ptr<drivers::Pool> Appliance::make_frames(size_t lane, unsigned packets) {
  auto pool = std::make_shared<drivers::Pool>(
      fmt::format("frames{}.{}", lane, frame_pools_made_++), packets + kSpareFrames,
      drivers::frame_room(largest_mtu(lineup_)), drivers::lcore_numa_node(lineup_.lanes.lcores[lane]));
  bytes_per_kept_packet_ = pool->bytes_per_packet() + drivers::FrameRing::bytes_per_slot();
  return pool;
}

void Appliance::make_hosts() {
  for (size_t i = 0; i < lineup_.interfaces.size(); ++i) {
    const lineup::Interface& interface = lineup_.interfaces[i];
    const size_t lane = host_lane(interface.port, lanes_.size());
    HostSetup setup;
    setup.igmp.mac = setup.neighbors.mac = ports_[interface.port]->mac();
    setup.igmp.address = setup.neighbors.address = interface.address;
    setup.igmp.mtu = lineup_.ports[interface.port].mtu;
    if (interface.igmp_version) setup.igmp.forced = static_cast<igmp::Version>(*interface.igmp_version);
    // What a reload joins and what it leaves stand side by side for a while.
    setup.igmp.max_groups = setup.igmp.max_sources = kChannelSlots;
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

void Appliance::start() {
  lane_mains_.resize(lanes_.size());
  for (size_t i = 0; i < lanes_.size(); ++i) {
    lane_mains_[i] = [this, i] { lanes_[i]->run(clock_, stop_); };
    drivers::launch(lineup_.lanes.lcores[i], lane_mains_[i]);
    running_lanes_ = true;
  }
}

void Appliance::join_sources() {
  const std::vector<LaneChange::Membership> all = memberships(lineup_, placement_);
  check_memberships(all);
  const TimeNs now = clock_.now();
  for (const LaneChange::Membership& of : all)
    lanes_[directory_->host_lane_of[of.interface]]->host(of.interface).join(now, of.group, of.source);
}

void Appliance::tick() {
  const TimeNs now = clock_.now();
  tunnel_carrier_->tick(now);
  follow_announcements();
  follow_upstream();
  if (now < next_tick_) return;
  next_tick_ = now + 100 * kNsPerMs;
  for (const auto& keeper : port_keepers_) keeper->tick(now);
  take_faults();
  take_usage();
  usage_.tick();
  tell_relays_receivers();
  tick_moves(now);
  if (now < next_key_tick_) return;
  next_key_tick_ = now + kNsPerSecond;
  tick_keys();
  free_frames();
}

std::vector<const drivers::Pool*> Appliance::pools() const {
  std::vector<const drivers::Pool*> found;
  for (const auto* made : {&receive_pools_, &control_pools_, &tunnel_pools_})
    for (const auto& pool : *made) found.push_back(pool.get());
  std::set<std::shared_ptr<drivers::Pool>> frames = retired_frames_;
  for (const auto& running : running_)
    if (running != nullptr) frames.insert(running->frames);
  for (const auto& pool : frames) found.push_back(pool.get());
  std::ranges::sort(found, {}, &drivers::Pool::name);
  return found;
}

uint64_t Appliance::kept_packets() const {
  uint64_t packets = 0;
  for (const lineup::Channel& channel : lineup_.channels)
    if (channel.enabled) packets += channel.window_packets;
  return packets;
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

void Appliance::take_usage() {
  usage::HeardUsage heard;
  for (const auto& lane : lanes_)
    for (size_t k = 0; k < kUsageQueueRoom && lane->next_usage(heard); ++k) usage_.take(heard);
}

void Appliance::open_accounts(const lineup::Lineup& lineup, const Placement& placement) {
  for (size_t i = 0; i < lineup.channels.size(); ++i)
    if (const size_t slot = placement.slot_of[i]; slot != kNoSlot)
      usage_.open(slot, lineup.channels[i].id, lineup.channels[i].name);
}

const UsageKeeper& Appliance::usage() {
  take_usage();
  return usage_;
}

const IgmpPage* Appliance::igmp_page(size_t interface, size_t from) {
  constexpr int kTries = 2000;
  constexpr uint32_t kPauseUs = 100;
  if (!igmp_call_.done()) return nullptr;  // of an earlier call, which was waited for long enough
  igmp_page_.from = from;
  igmp_call_.command.kind = LaneCommand::Kind::kShowIgmp;
  igmp_call_.command.index = interface;
  igmp_call_.command.page = &igmp_page_;
  igmp_call_.issue(*lanes_[directory_->host_lane_of[interface]]);
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

}  // namespace linecast::app
