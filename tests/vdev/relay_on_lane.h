// A repeater's channel on a real lane, and the hop above as a sender of its own.
#pragma once

#include <gmock/gmock.h>

#include "app/linecast/relay_keeper.h"
#include "tests/packets/smart_sender.h"
#include "tests/vdev/requests.h"

namespace linecast {

using packets::Datagram;
using packets::SmartSender;
using smart::RelayCounter;
using smart::RelayGuard;

class Relay : public Requests {
 protected:
  static constexpr uint16_t kUpwardPort = 49'152;
  static constexpr net::Mac kAboveMac{2, 0, 0, 0, 0, 0x51};

  // options: what is not given by the guard, or by there being a relay.
  void make_relay(RelayGuard guard = RelayGuard::kOpened,
                  smart::UpstreamTunnel tunnel = smart::UpstreamTunnel::kNever, BedOptions options = {}) {
    options.channels = 0;
    options.free_slots = 1;
    options.ssm_source = LaneBed::kFeeder;
    options.encrypted = guard != RelayGuard::kClear;
    keeper_.reset();
    bed_.reset();  // names of pools are taken while they live
    bed_ = std::make_unique<LaneBed>(options);
    become(LaneBed::kReceiverId);
    sign_ = options.encrypted;
    SmartSender::Options above;
    above.encrypted = options.encrypted;
    above.group_key = bed_->group_key();
    above.channel_id = bed_->channel_id(0);
    above.group = LaneBed::source_group(0);
    sender_ = std::make_unique<SmartSender>(above);

    channel_ = {};
    channel_.bitrate_cap_bps = options.bitrate_cap_bps;
    channel_.window_packets = options.window_packets;
    channel_.budget_percent = 100;
    channel_.max_payload = LaneBed::kMtu - 60;
    channel_.output.group = LaneBed::output_group(0);
    if (options.encrypted) channel_.key_file = "a file";
    app::LaneRelaySetup setup;
    setup.channel = &channel_;
    setup.hop.start_number = LaneBed::kStartNumber;
    setup.hop.out_port = setup.hop.out_interface = 1;
    setup.hop.offloads = options.offloads;
    setup.hop.flow.source = LaneBed::kOutAddress;
    setup.hop.flow.source_mac = LaneBed::kOutMac;
    setup.hop.flow.destination = LaneBed::output_group(0);
    setup.hop.flow.destination_mac = net::multicast_mac(setup.hop.flow.destination);
    setup.hop.flow.source_port = setup.hop.flow.destination_port = smart::kDefaultPort;
    setup.upstream.flow.source = LaneBed::kInAddress;
    setup.upstream.flow.source_mac = LaneBed::kInMac;
    setup.upstream.flow.destination = LaneBed::kFeeder;
    setup.upstream.flow.source_port = kUpwardPort;
    setup.upstream.flow.destination_port = LaneBed::kSourcePort;
    setup.upstream.flow.ttl = 64;
    setup.receivers = &receivers_;
    setup.stream = {.guard = guard,
                    .upstream = LaneBed::kFeeder,
                    .group = LaneBed::source_group(0),
                    .port = LaneBed::kSourcePort,
                    .tunnel = tunnel,
                    .address = LaneBed::kInAddress,
                    .receiver_id = 99,
                    .window = options.window_packets};
    if (options.encrypted) {
      const auto down = crypto::derive_down_key(bed_->group_key(), bed_->channel_id(0));
      const crypto::CmacKey up(manager_, crypto::derive_up_key(bed_->group_key(), bed_->channel_id(0)));
      setup.upstream_keys = std::make_unique<smart::RelayMessageKeys>(smart::RelayMessageKeys{
          crypto::CmacKey(manager_, down), crypto::receiver_key(manager_, up, 99), bed_->group_key().id});
      setup.hop.message_keys =
          std::make_unique<app::MessageKeys>(app::MessageKeys{crypto::CmacKey(manager_, down), up});
      app::RelayKeeper::Material material{{}, crypto::derive_hop_key(bed_->group_key(), bed_->channel_id(0))};
      if (guard == RelayGuard::kOpened) material.group_keys.push_back(bed_->group_key());
      keeper_ = std::make_unique<app::RelayKeeper>(material, std::vector{sender_->public_key()});
    }
    bed_->lane().add_channel(
        0, std::make_unique<app::LaneRelay>(std::move(setup), bed_->frame_pool(), drivers::any_numa_node()));
    directory_ = bed_->further_directory(0, SIZE_MAX);
    directory_->flows.insert({0, LaneBed::kInAddress, kUpwardPort, LaneBed::kFeeder}, 0);
    adopt_ = {};
    adopt_.directory = directory_.get();
    app::LaneCall call;
    call.command.kind = app::LaneCommand::Kind::kChange;
    call.command.change = &adopt_;
    call.issue(bed_->lane());
    poll();
  }
  // As it is when a stream is followed and its hop known.
  void begin() {
    if (keeper_ != nullptr) {
      from_above(sender_->announce());
      control();
    }
    from_above(sender_->status());
    poll();
    bed_->sent();
  }
  // What the control lcore does between the lane's turns.
  void control() {
    poll();
    app::HeardAnnouncement heard;
    while (bed_->lane().next_announcement(heard)) keeper_->take(heard, relay());
    keeper_->tick(bed_->lane(), 0);
    poll();
  }
  void poll() { bed_->lane().poll(now_); }
  void run_for(TimeNs span) {
    for (const TimeNs end = now_ + span; now_ < end; now_ += kNsPerMs) poll();
  }
  void from_above(const Datagram& datagram, Ipv4 source = LaneBed::kFeeder) {
    net::UdpFlow flow;
    flow.source = source;
    flow.source_mac = kAboveMac;
    flow.destination = LaneBed::source_group(0);
    flow.destination_mac = net::multicast_mac(flow.destination);
    flow.source_port = flow.destination_port = LaneBed::kSourcePort;
    bed_->feed(udp_frame(flow, datagram));
  }
  Datagram data() { return sender_->data(ts_payload(7, fill_++)); }
  // Payloads of what was sent below since the last call, of the type and command.
  std::vector<Datagram> below(smart::PacketType type, uint8_t command) {
    std::vector<Datagram> found;
    for (const auto& frame : bed_->sent()) {
      const net::ParsedFrame out = net::parse_frame(frame, {});
      smart::CommonHeader header;
      if (out.kind != net::FrameKind::kUdp ||
          smart::decode_common(out.payload, header) != smart::WireFault::kNone)
        continue;
      EXPECT_EQ(out.source, LaneBed::kOutAddress);
      EXPECT_EQ(out.destination, LaneBed::output_group(0));
      if (header.type == type && header.command == command)
        found.emplace_back(out.payload.begin(), out.payload.end());
    }
    return found;
  }
  std::vector<Datagram> data_below(smart::DataCommand command = smart::DataCommand::kOriginal) {
    return below(smart::PacketType::kData, static_cast<uint8_t>(command));
  }
  std::vector<Datagram> announcements_below() {
    return below(smart::PacketType::kMessage, static_cast<uint8_t>(smart::MessageCommand::kKeyAnnounce));
  }
  std::vector<Datagram> statuses_below() {
    return below(smart::PacketType::kMessage, static_cast<uint8_t>(smart::MessageCommand::kSenderStatus));
  }
  // Payloads of what was said to the hop above since the last call: only REPLACEMENT.
  std::vector<Datagram> requests_above() {
    std::vector<Datagram> found;
    for (const auto& frame : bed_->sent(0)) {
      const net::ParsedFrame out = net::parse_frame(frame, {});
      if (out.kind != net::FrameKind::kUdp) continue;
      EXPECT_EQ(out.source, LaneBed::kInAddress);
      EXPECT_EQ(out.source_port, kUpwardPort);
      EXPECT_EQ(out.destination, LaneBed::kFeeder);
      EXPECT_EQ(out.destination_port, LaneBed::kSourcePort);
      EXPECT_TRUE(std::equal(kAboveMac.begin(), kAboveMac.end(), frame.begin()))
          << "the way that the stream came";
      if (out.payload[1] >> 6 == static_cast<int>(smart::PacketType::kReplacement))
        found.emplace_back(out.payload.begin(), out.payload.end());
    }
    return found;
  }
  int leaves_above() {
    int leaves = 0;
    for (const auto& frame : bed_->sent(0)) {
      const net::ParsedFrame out = net::parse_frame(frame, {});
      smart::Split split;
      if (out.kind == net::FrameKind::kUdp &&
          smart::split_message(out.payload, split) == smart::WireFault::kNone)
        leaves += split.header.command == static_cast<uint8_t>(smart::MessageCommand::kUsageReportLeave);
    }
    return leaves;
  }
  const app::LaneRelay& relay() { return *bed_->lane().relay(0); }
  uint64_t count(RelayCounter counter) { return relay().relay_counters().get(counter); }
  uint64_t count(smart::ReceiveCounter counter) { return relay().receive_counters().get(counter); }
  uint64_t count(ChannelCounter counter) { return relay().counters().get(counter); }

  TimeNs now_ = kStart;
  Counter receivers_;
  lineup::Channel channel_;
  std::unique_ptr<SmartSender> sender_;
  std::unique_ptr<app::RelayKeeper> keeper_;
  std::unique_ptr<app::Directory> directory_;
  app::LaneChange adopt_;
  uint8_t fill_ = 0;
};

}  // namespace linecast
