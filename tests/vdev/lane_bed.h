// Real lanes with their channels between ports in memory: for tests on real mbufs, and for benchmarks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/linecast/lane.h"
#include "app/linecast/stream_keys.h"
#include "drivers/memory_port.h"

namespace linecast {

struct BedOptions {
  size_t channels = 1;
  uint32_t window_packets = 64;
  smart::PacketFormat format = smart::PacketFormat::kMpegTs;
  bool encrypted = true;
  crypto::Cipher cipher = crypto::Cipher::kAes128Gcm;
  drivers::TransmitOffloads offloads;  // of the output's card
  uint64_t bitrate_cap_bps = 100'000'000'000;
  uint32_t budget_percent = 100;
  lineup::RepairsTo repairs_to = lineup::RepairsTo::kMulticast;
  std::vector<lineup::Prefix> unicast_prefixes;
  std::optional<uint8_t> quiet;  // none: auto
  Ipv4 ssm_source = 0;
  bool discard_output = false;     // a null port in place of a memory port
  uint16_t source_interface = 0;   // 0: the input port, 1: the output port, 2: the VLAN on the input port
  uint16_t request_interface = 1;  // that requests come in by and groups are sent out by, as the lane sees it
  std::optional<igmp::Version> igmp_version;  // none: found from queries
  size_t polling_lane = 0;                    // of both ports
  bool queue_each = false;                    // of the input port each lane polls a queue of its own
  uint16_t input_vlan = 0;                    // 0: none
  uint16_t output_vlan = 0;                   // 0: untagged
  bool announce = false;  // keys by StreamKeys, with KEY_ANNOUNCE; else a fixed key and none
  size_t free_slots = 0;  // beside those of the channels
  unsigned tunnel_packets = 1023;
  size_t lanes = 1;  // channel i is on lane i % lanes; lane 0 has the hosts
};

class LaneBed {
 public:
  static constexpr uint16_t kMtu = 1500;
  static constexpr uint16_t kSourcePort = 5000;
  static constexpr Ipv4 kFeeder = 0x0a000001;       // 10.0.0.1, who feeds
  static constexpr Ipv4 kInAddress = 0x0a000002;    // 10.0.0.2, the input port
  static constexpr Ipv4 kOutAddress = 0x0a010002;   // 10.1.0.2, the output port
  static constexpr Ipv4 kVlanAddress = 0x0a020002;  // 10.2.0.2, the VLAN on the input port
  static constexpr uint64_t kStartNumber = 77;
  static constexpr uint64_t kReceiverId = 0x1122334455667788;
  static Ipv4 source_group(size_t channel) {
    return 0xef0a0000 + static_cast<Ipv4>(channel);
  }  // 239.10.0.0 ...
  static Ipv4 output_group(size_t channel) {
    return 0xef140000 + static_cast<Ipv4>(channel);
  }  // 239.20.0.0 ...

  explicit LaneBed(const BedOptions& options);

  app::Lane& lane(size_t i = 0) { return *lanes_[i]; }
  const std::vector<std::unique_ptr<app::Lane>>& lanes() const { return lanes_; }
  drivers::Port& port(size_t i) { return i == 0 ? in_ : out_; }
  const app::LaneChannel& channel(size_t i) const { return *lanes_[directory_.lane_of[i]]->channel(i); }
  const smart::EpochKey& key(size_t i) const { return *keys_[i]; }
  app::StreamKeys& stream_keys(size_t i) { return *stream_keys_[i]; }
  const crypto::PublicKey& public_key() const { return signing_key_.public_key(); }
  crypto::GroupKey group_key() const { return group_key_; }
  crypto::ChannelId channel_id(size_t i) const { return {static_cast<uint8_t>(i)}; }
  uint64_t count(size_t channel_index, app::ChannelCounter c) const {
    return channel(channel_index).counters().get(c);
  }
  uint64_t count(app::LaneCounter c) const { return lanes_[0]->counters().get(c); }
  uint64_t count(net::FrameFault f) const { return lanes_[0]->frame_faults(static_cast<size_t>(f)); }
  uint64_t count(smart::WireFault f) const { return lanes_[0]->wire_faults(static_cast<size_t>(f)); }
  // Ports in memory have none of their own.
  static constexpr net::Mac kInMac{2, 0, 0, 0, 0, 0x11};
  static constexpr net::Mac kOutMac{2, 0, 0, 0, 0, 0x12};
  drivers::Pool& receive_pool() { return receive_; }
  drivers::Pool& frame_pool() { return frames_; }
  drivers::Pool& control_pool() { return control_; }
  drivers::Pool& tunnel_pool() { return tunnels_; }
  // Of channel i, by the output port.
  app::HopTunnelsSetup tunnels_setup(size_t i) const;
  drivers::MemoryPort& in_memory() { return in_memory_; }
  size_t hugepage_bytes_per_kept_packet() const {
    return frames_.bytes_per_packet() + drivers::FrameRing::bytes_per_slot();
  }

  // Puts a frame in at the input port or at the output port (requests, queries).
  void feed(Bytes frame, size_t interface = 0);
  // Channel i as the options have them all, also of a free slot; on no lane yet.
  std::unique_ptr<app::LaneChannel> make_channel(size_t i);
  // The lanes' directory with the channel of a free slot, and without another.
  std::unique_ptr<app::Directory> further_directory(size_t with, size_t without) const;
  // What the lane has sent by the input or output port since the last call.
  std::vector<std::vector<uint8_t>> sent(size_t interface = 1);

 private:
  drivers::MemoryPort& memory(size_t interface) { return interface == 0 ? in_memory_ : *out_memory_; }

  const BedOptions options_;
  crypto::GroupKey group_key_;
  const crypto::SigningKey signing_key_{{1, 2, 3}};
  std::vector<std::unique_ptr<app::StreamKeys>> stream_keys_;
  drivers::Pool frames_, control_, tunnels_, receive_;
  drivers::MemoryPort in_memory_;
  std::unique_ptr<drivers::MemoryPort> out_memory_;  // null: output is discarded
  drivers::Port in_, out_;
  app::Directory directory_;
  std::vector<std::unique_ptr<app::Lane>> lanes_;
  std::vector<lineup::Channel> channels_;
  std::vector<std::unique_ptr<smart::EpochKey>> keys_;
};

// A UDP frame as a feeder or a receiver sends it.
std::vector<uint8_t> udp_frame(const net::UdpFlow& flow, Bytes payload);
// A general query of a router's on the input port's network (10.0.0.9), to be answered within a second.
std::vector<uint8_t> general_query(igmp::Version version);
// n x 188 bytes of MPEG-TS with `seed` all over it.
std::vector<uint8_t> ts_payload(size_t packets, uint8_t seed);
// The feed of a channel.
std::vector<uint8_t> feed_frame(size_t channel, Bytes payload, Ipv4 source = LaneBed::kFeeder);

}  // namespace linecast
