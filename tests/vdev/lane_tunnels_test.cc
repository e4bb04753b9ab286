// What a lane sends into tunnels: every packet to each of them, repairs to the one who asks, messages; how
// much of that in a turn; and what happens where it can't keep up.
#include <map>

#include "tests/vdev/tunnel_bed.h"

namespace linecast {
namespace {

using smart::TunnelPeer;

class Tunnels : public Requests {
 protected:
  void make_tunnels(const BedOptions& options, size_t count, uint64_t rate_bps = TunnelBed::kMuch) {
    make(options);
    tunnels_ = std::make_unique<TunnelBed>(bed_->lane(), bed_->tunnels_setup(0), rate_bps);
    tunnels_->set(0, count);
  }
  static TunnelPeer peer(size_t k) { return TunnelBed::peer(k); }
  static std::vector<uint8_t> datagram(const std::vector<uint8_t>& frame, const TunnelPeer& to) {
    return TunnelBed::datagram(frame, to);
  }

  void feed() { bed_->feed(feed_frame(0, ts_payload(7, 9))); }

  // What a turn sends: what goes to the group, and into tunnels.
  struct Sent {
    Frames native, tunnelled;
  };
  Sent turn() { return turn(now_ += 10'000); }
  Sent turn(TimeNs now) {
    bed_->lane().poll(now);
    Sent sent;
    for (auto& frame : bed_->sent()) {
      const bool to_group = is_multicast(net::parse_frame(frame, {}).destination);
      (to_group ? sent.native : sent.tunnelled).push_back(std::move(frame));
    }
    return sent;
  }

  TimeNs now_ = kStart;
  std::unique_ptr<TunnelBed> tunnels_;
};

TEST_F(Tunnels, HaveEachPacketAsTheGroupHasIt) {
  for (const bool segments : {false, true})
    for (const bool card : {false, true})
      for (const uint16_t vlan : {0, 100}) {
        SCOPED_TRACE(testing::Message() << segments << card << vlan);
        BedOptions options;
        options.offloads = {.ip_checksum = card, .udp_checksum = card, .segments = segments};
        options.output_vlan = vlan;
        options.quiet = 5;
        make_tunnels(options, 3);
        turn();
        for (int k = 0; k < 3; ++k) {
          feed();
          const Sent sent = turn();
          ASSERT_EQ(sent.native.size(), 1u);
          ASSERT_EQ(sent.tunnelled.size(), 3u);
          const Bytes native = net::parse_frame(sent.native[0], {}).payload;
          std::vector<uint8_t> expected(native.begin(), native.end());
          smart::set_data_command(expected.data(), smart::DataCommand::kOriginal, 0);  // ask at once
          for (size_t t = 0; t < 3; ++t) EXPECT_EQ(datagram(sent.tunnelled[t], peer(t)), expected);
        }
        EXPECT_EQ(count(ChannelCounter::kTunnelPackets), 9u);
        EXPECT_EQ(count(ChannelCounter::kPacketsSent), 3u);
        tunnels_->set(0, 0);
        feed();
        EXPECT_TRUE(turn().tunnelled.empty());
        EXPECT_EQ(bed_->tunnel_pool().available(), 1023u);
      }
}

// The control lcore makes it for the place that a hop is on its way to.
TEST_F(Tunnels, SayWhereTheHopIsNow) {
  BedOptions options;
  make(options);
  app::HopTunnelsSetup setup = bed_->tunnels_setup(0);
  setup.flow.inner.destination += 5;
  tunnels_ = std::make_unique<TunnelBed>(bed_->lane(), setup);
  tunnels_->set(0, 1);
  turn();
  feed();
  const Sent sent = turn();
  ASSERT_EQ(sent.tunnelled.size(), 1u);
  datagram(sent.tunnelled[0], peer(0));  // checks the group
}

TEST_F(Tunnels, ATurnSendsSoManyAndNoTunnelMissesAny) {
  BedOptions options;
  make_tunnels(options, 100);
  turn();
  std::map<Ipv4, int> had;
  for (int k = 0; k < 6; ++k) feed();
  for (int k = 0; k < 20; ++k) {
    const Sent sent = turn();
    EXPECT_EQ(sent.native.size(), k == 0 ? 6u : 0u) << "never behind tunnels";
    EXPECT_LE(sent.tunnelled.size(), 64u);
    for (const auto& frame : sent.tunnelled) ++had[net::parse_frame(frame, {}).destination];
  }
  EXPECT_EQ(had.size(), 100u);
  for (const auto& [address, packets] : had) EXPECT_EQ(packets, 6) << address;
  EXPECT_EQ(count(ChannelCounter::kTunnelBehind), 0u);
}

TEST_F(Tunnels, AreChangedWhileAPacketIsOnItsWay) {
  make_tunnels({}, 100);
  turn();
  feed();
  std::map<Ipv4, int> had;
  const auto take = [&] {
    for (const auto& frame : turn().tunnelled) ++had[net::parse_frame(frame, {}).destination];
  };
  take();  // 64 of the hundred have it
  EXPECT_EQ(had.size(), 64u);
  tunnels_->set(20, 100);  // 80 of them stay
  take();
  take();
  for (size_t k = 20; k < 120; ++k) EXPECT_EQ(had[peer(k).address], 1) << k;
  tunnels_->set(0, 10);
  feed();
  take();
  for (size_t k = 0; k < 10; ++k) EXPECT_EQ(had[peer(k).address], 2) << k;
}

TEST_F(Tunnels, ThatAreTooFarBehindSkipTheOldest) {
  BedOptions options;
  options.window_packets = 64;
  make_tunnels(options, 1, 1'000'000);  // the burst, and then next to nothing
  turn();
  size_t sent = 0;
  for (int k = 0; k < 200; ++k) {
    feed();
    sent += turn().tunnelled.size();
  }
  EXPECT_GT(sent, 50u);
  EXPECT_LT(sent, 80u);
  const uint64_t waiting = 200 - sent - count(ChannelCounter::kTunnelBehind);
  EXPECT_LE(waiting, 32u) << "half of what is kept waits at most";
  EXPECT_GE(waiting, 16u) << "and a quarter at least";
}

TEST_F(Tunnels, WaitForPackets) {
  BedOptions options;
  options.tunnel_packets = 15;
  make_tunnels(options, 20);
  turn();
  feed();
  std::vector<drivers::Packet*> taken;
  while (drivers::Packet* packet = bed_->tunnel_pool().take()) taken.push_back(packet);
  EXPECT_TRUE(turn().tunnelled.empty());
  EXPECT_GE(bed_->count(LaneCounter::kTunnelNoPacket), 1u);
  drivers::release_bulk(taken.data(), static_cast<unsigned>(taken.size()));
  size_t sent = 0;
  for (int k = 0; k < 3; ++k) sent += turn().tunnelled.size();
  EXPECT_EQ(sent, 20u);
}

TEST_F(Tunnels, TakeNothingThatDoesNotFit) {
  BedOptions options;
  options.format = smart::PacketFormat::kOpaque;
  make_tunnels(options, 2);
  turn();
  // 8 + 24 bytes of SMART around them, and 60 of the tunnel: 1408 fit.
  for (const size_t size : {1408, 1409, 100}) {
    bed_->feed(feed_frame(0, std::vector<uint8_t>(size, 1)));
    const Sent sent = turn();
    EXPECT_EQ(sent.native.size(), 1u);
    EXPECT_EQ(sent.tunnelled.size(), size == 1409 ? 0u : 2u) << size;
    for (const auto& frame : sent.tunnelled) EXPECT_LE(frame.size(), net::kEthernetSize + LaneBed::kMtu);
  }
  EXPECT_EQ(count(ChannelCounter::kTunnelTooLarge), 1u);
}

TEST_F(Tunnels, HaveTheirOwnRepairsAndNobodyElseHasThem) {
  for (const bool segments : {false, true}) {
    BedOptions options;
    options.offloads.segments = segments;
    make_tunnels(options, 3);
    turn();
    std::vector<uint8_t> expected;
    for (int k = 0; k < 10; ++k) {
      feed();
      const Sent sent = turn();
      if (k == 4) {
        const Bytes native = net::parse_frame(sent.native[0], {}).payload;
        expected = {native.begin(), native.end()};
      }
    }
    smart::set_data_command(expected.data(), smart::DataCommand::kRepair, 0);
    deliver(request({{5, 0}}, 10), kReceiver);
    deliver(request({{5, 0}}, 10), kReceiver + 1);
    deliver(request({{5, 0}}, 10), kReceiver);  // locked
    const Sent sent = turn();
    EXPECT_TRUE(sent.native.empty()) << "neither repair nor QUIET";
    ASSERT_EQ(sent.tunnelled.size(), 2u);
    for (size_t t = 0; t < 2; ++t) EXPECT_EQ(datagram(sent.tunnelled[t], peer(t)), expected);
    EXPECT_EQ(count(ChannelCounter::kTunnelRepairs), 2u);
    EXPECT_EQ(count(ChannelCounter::kRepairsSent), 0u);
    EXPECT_EQ(count(ChannelCounter::kRequestRepeated), 1u);
    // Who has no tunnel has the group repaired.
    deliver(request({{6, 0}}, 10), kReceiver + 50);
    EXPECT_EQ(turn().native.size(), 2u);
    EXPECT_EQ(count(ChannelCounter::kRepairsSent), 1u);
  }
}

TEST_F(Tunnels, MayEndWhileRepairsWait) {
  make_tunnels({}, 2);
  turn();
  for (int k = 0; k < 60; ++k) feed();
  turn();
  turn();
  deliver(request({{10, 0xffff}, {30, 0xffff}, {47, 7}}, 60));
  EXPECT_EQ(turn().tunnelled.size(), 32u);
  tunnels_->set(0, 0);
  EXPECT_TRUE(turn().tunnelled.empty());
  tunnels_->free_tunnels();
  // And the hop takes its turns as ever.
  for (int k = 0; k < 3; ++k) {
    deliver(request({{static_cast<uint16_t>(50 + k), 0}}, 60));
    EXPECT_EQ(turn().native.size(), 2u) << "QUIET and repair";
  }
}

TEST_F(Tunnels, CarryTheHopsMessages) {
  BedOptions options;
  options.announce = true;
  make_tunnels(options, 2);
  turn();
  feed();
  turn();
  std::map<std::pair<int, int>, int> seen;  // type and command
  for (TimeNs now = kStart; now < kStart + 1100 * kNsPerMs; now += 10 * kNsPerMs)
    for (const auto& frame : turn(now).tunnelled) {
      const TunnelPeer to{net::parse_frame(frame, {}).destination, kReceiverPort};
      const std::vector<uint8_t> message = datagram(frame, to);
      smart::DataHeader data;
      smart::Split split;
      if (smart::decode_data(message, data) == smart::WireFault::kNone) {
        ++seen[{0, static_cast<int>(data.command)}];
      } else {
        ASSERT_EQ(smart::split_message(message, split), smart::WireFault::kNone);
        ++seen[{static_cast<int>(split.header.type), split.header.command}];
      }
    }
  EXPECT_GE((seen[{0, static_cast<int>(smart::DataCommand::kHeartbeat)}]), 4);
  EXPECT_GE((seen[{1, static_cast<int>(smart::MessageCommand::kSenderStatus)}]), 4);
  EXPECT_GE((seen[{1, static_cast<int>(smart::MessageCommand::kKeyAnnounce)}]), 16);
  for (const auto& [what, times] : seen) EXPECT_EQ(times % 2, 0) << "to both";
}

std::vector<uint8_t> tunnel_request(smart::TunnellingCommand command) {
  std::vector<uint8_t> datagram(64);
  datagram.resize(smart::encode(command, {.group = LaneBed::output_group(0)}, datagram));
  return datagram;
}

// Their counts rise: who has heard a later one refuses the earlier.
TEST_F(Tunnels, HaveMessagesInTheirOrder) {
  make_tunnels({}, 1);
  turn();
  app::HopTunnels& tunnels = *bed_->lane().hop(0)->tunnels();
  using enum app::HopTunnels::Message;
  const std::vector<uint8_t> first{0, 0x41, 0, 4}, hold{0, 0x42, 0, 4}, second{0, 0x43, 0, 4};
  tunnels.set_message(kStatus, first);
  tunnels.set_message(kHold, hold);
  tunnels.set_message(kStatus, second);  // in place of the first, but no earlier than `hold`
  const Sent sent = turn();
  ASSERT_EQ(sent.tunnelled.size(), 2u);
  EXPECT_EQ(datagram(sent.tunnelled[0], peer(0)), hold);
  EXPECT_EQ(datagram(sent.tunnelled[1], peer(0)), second);
}

TEST_F(Tunnels, AreAskedForThroughTheControlLcore) {
  make({});
  for (const auto command : {smart::TunnellingCommand::kRequest, smart::TunnellingCommand::kLeave}) {
    const std::vector<uint8_t> datagram = tunnel_request(command);
    deliver(datagram);
    bed_->lane().poll(kStart + 5);
    app::HeardTunnelAsk ask;
    ASSERT_TRUE(bed_->lane().next_tunnel_ask(ask));
    EXPECT_EQ(ask.time, kStart + 5);
    EXPECT_EQ(ask.from, (TunnelPeer{kReceiver, kReceiverPort}));
    EXPECT_EQ(ask.way, (smart::TunnelWay{1, kReceiverMac}));
    EXPECT_EQ(ask.to, LaneBed::kOutAddress);
    EXPECT_EQ(ask.to_port, smart::kDefaultPort);
    EXPECT_TRUE(std::ranges::equal(ask.view(), datagram));
  }
  deliver(tunnel_request(smart::TunnellingCommand::kChallenge));  // nothing that a headend is told
  bed_->lane().poll(kStart + 6);
  app::HeardTunnelAsk ask;
  EXPECT_FALSE(bed_->lane().next_tunnel_ask(ask));
  EXPECT_EQ(bed_->count(LaneCounter::kTunnelAsks), 2u);
  EXPECT_EQ(bed_->count(LaneCounter::kMessageIgnored), 1u);
  bed_->sent();

  app::TunnelReply reply{.to = {kReceiver, kReceiverPort},
                         .way = {1, TunnelBed::kWay},
                         .from = LaneBed::kOutAddress,
                         .from_port = smart::kDefaultPort,
                         .answer = {}};
  reply.answer.size = smart::encode(smart::TunnelGrant{.group = 1, .lease_s = 60}, reply.answer.bytes);
  ASSERT_TRUE(bed_->lane().send(reply));
  bed_->lane().poll(kStart + 7);
  const Frames frames = bed_->sent();
  ASSERT_EQ(frames.size(), 1u);
  const net::ParsedFrame frame = net::parse_frame(frames[0], {});
  EXPECT_EQ(frame.kind, net::FrameKind::kUdp);
  EXPECT_TRUE(std::equal(TunnelBed::kWay.begin(), TunnelBed::kWay.end(), frames[0].begin()));
  EXPECT_TRUE(std::equal(LaneBed::kOutMac.begin(), LaneBed::kOutMac.end(), frames[0].begin() + 6));
  EXPECT_EQ(frame.destination, kReceiver);
  EXPECT_EQ(frame.destination_port, kReceiverPort);
  EXPECT_TRUE(std::ranges::equal(frame.payload, reply.answer.view()));
}

TEST_F(Tunnels, QueuesAreBounded) {
  make({});
  const std::vector<uint8_t> datagram = tunnel_request(smart::TunnellingCommand::kRequest);
  for (size_t k = 0; k < app::kTunnelQueueRoom + 10; ++k) {
    deliver(datagram);
    if (k % 32 == 31) bed_->lane().poll(kStart);
  }
  for (int k = 0; k < 3; ++k) bed_->lane().poll(kStart);
  EXPECT_EQ(bed_->count(LaneCounter::kTunnelAsks), app::kTunnelQueueRoom);
  EXPECT_EQ(bed_->count(LaneCounter::kTunnelQueueFull), 10u);
  const app::TunnelReply reply{};
  for (size_t k = 0; k < app::kTunnelQueueRoom; ++k) EXPECT_TRUE(bed_->lane().send(reply));
  EXPECT_FALSE(bed_->lane().send(reply));
}

}  // namespace
}  // namespace linecast
