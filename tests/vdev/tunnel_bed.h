// Tunnels of the hop in slot 0 of a lane, as the control lcore hands them over, and what is sent into them.
#pragma once

#include <gtest/gtest.h>

#include "lib/net/checksum.h"
#include "lib/smart/tunnel/tunnel_list.h"
#include "tests/vdev/requests.h"

namespace linecast {

class TunnelBed {
 public:
  static constexpr net::Mac kWay{2, 0, 0, 0, 0, 0x77};
  static constexpr uint64_t kMuch = 100'000'000'000;

  // The lane must outlive what is handed to it.
  TunnelBed(app::Lane& lane, const app::HopTunnelsSetup& setup, uint64_t rate_bps = kMuch)
      : lane_(lane), tunnels_(std::make_unique<app::HopTunnels>(setup)) {
    command({.kind = app::LaneCommand::Kind::kTunnelRate, .tunnel_rate_bps = rate_bps});
  }

  // Peers first .. first + count - 1 have the hop's tunnels from now on.
  void set(size_t first, size_t count) {
    smart::TunnelCounters counters;
    smart::LeaseTable leases({.tunnels = 1000,
                              .tunnels_of_a_peer = 1000,
                              .ports = {{1000, UINT64_MAX}},
                              .port_of_interface = {0, 0},
                              .channel_rates_bps = {1}},
                             counters);
    for (size_t k = first; k < first + count; ++k) leases.grant(0, {peer(k), 0}, {1, kWay}, {});
    former_list_ = std::move(list_);  // the lane's until it has the next
    list_ = std::make_unique<smart::TunnelList>(leases, 0);
    command({.kind = app::LaneCommand::Kind::kTunnels,
             .index = 0,
             .tunnels = count > 0 ? tunnels_.get() : nullptr,
             .tunnel_list = list_.get()});
  }
  // The lane has been told that there are none.
  void free_tunnels() { tunnels_.reset(); }
  // The first of them is where the receiver of Requests asks from.
  static smart::TunnelPeer peer(size_t k) {
    return {Requests::kReceiver + static_cast<Ipv4>(k), Requests::kReceiverPort};
  }

  // The SMART datagram in a TUNNEL_DATA whose headers and checksums are right, both the outer and the inner.
  static std::vector<uint8_t> datagram(const std::vector<uint8_t>& frame, const smart::TunnelPeer& to) {
    const net::ParsedFrame outer = net::parse_frame(frame, {});
    EXPECT_EQ(outer.kind, net::FrameKind::kUdp);
    EXPECT_TRUE(std::equal(kWay.begin(), kWay.end(), frame.begin()));
    EXPECT_EQ(outer.source, LaneBed::kOutAddress);
    EXPECT_EQ(outer.source_port, smart::kDefaultPort);
    EXPECT_EQ(outer.destination, to.address);
    EXPECT_EQ(outer.destination_port, to.port);
    EXPECT_EQ(load_be16(&frame[outer.ethernet_size + size_t{6}]), 0x4000) << "don't fragment";
    smart::Split split;
    EXPECT_EQ(smart::split_message(outer.payload, split), smart::WireFault::kNone);
    EXPECT_EQ(split.header.type, smart::PacketType::kTunnelling);
    EXPECT_EQ(split.header.command, static_cast<uint8_t>(smart::TunnellingCommand::kData));
    const Bytes packet = split.body;
    EXPECT_EQ(net::checksum_finish(net::checksum_add(packet.first(20))), 0);
    EXPECT_EQ(load_be32(&packet[12]), LaneBed::kOutAddress);
    EXPECT_EQ(load_be32(&packet[16]), LaneBed::output_group(0));
    EXPECT_EQ(load_be16(&packet[26]), 0) << "no checksum";
    return {packet.begin() + 28, packet.end()};
  }

 private:
  void command(const app::LaneCommand& command) {
    commands_.push_back(std::make_unique<app::LaneCommand>(command));
    EXPECT_NE(lane_.command(*commands_.back()), 0u);
  }

  app::Lane& lane_;
  std::vector<std::unique_ptr<app::LaneCommand>> commands_;
  std::unique_ptr<app::HopTunnels> tunnels_;
  std::unique_ptr<smart::TunnelList> list_, former_list_;
};

}  // namespace linecast
