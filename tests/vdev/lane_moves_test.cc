// A hop that moves to another group: announced, then both, then the new one alone.
#include <map>

#include "app/linecast/channel_move.h"
#include "tests/vdev/requests.h"

namespace linecast {
namespace {

constexpr Ipv4 kNew = 0xef150007;
const Ipv4 kOld = LaneBed::output_group(0);
constexpr uint16_t kNewPort = 47200;
using Phase = app::HopMove::Phase;

class Moves : public Requests {
 protected:
  void make_moving(const BedOptions& options) {
    make(options);
    app::HopSetup setup;
    setup.offloads = options.offloads;
    setup.flow.source = LaneBed::kOutAddress;
    setup.flow.destination = kNew;
    setup.flow.source_mac = LaneBed::kOutMac;
    setup.flow.destination_mac = net::multicast_mac(kNew);
    setup.flow.source_port = setup.flow.destination_port = kNewPort;
    moves_.assign(3, app::HopMove{.to = app::HopPlace(setup), .first_sequence = 1'000});
    smart::AddrRangeChange message{.from = kOld, .to = kNew, .at = {}};
    for (size_t i = 0; i < moves_.size(); ++i) {
      moves_[i].phase = static_cast<Phase>(i);
      moves_[i].announcement_size = smart::encode(message, moves_[i].announcement);
    }
  }
  void enter(Phase phase, TimeNs now = kStart) {
    app::LaneCall call;
    call.command.kind = app::LaneCommand::Kind::kMove;
    call.command.move = &moves_[static_cast<size_t>(phase)];
    call.issue(bed_->lane());
    bed_->lane().poll(now);
    ASSERT_TRUE(call.done());
    bed_->sent();
  }
  // SMART packets by the group that they went to; each frame whole and with good checksums.
  using Packets = std::map<Ipv4, std::vector<std::vector<uint8_t>>>;
  static Packets by_group(const Frames& frames) {
    Packets packets;
    for (const auto& frame : frames) {
      const net::ParsedFrame out = net::parse_frame(frame, {});
      EXPECT_EQ(out.fault, net::FrameFault::kNone);
      EXPECT_EQ(out.destination_port, out.destination == kNew ? kNewPort : smart::kDefaultPort);
      EXPECT_TRUE(std::ranges::equal(Bytes(frame).first(6), net::multicast_mac(out.destination)));
      packets[out.destination].emplace_back(out.payload.begin(), out.payload.end());
    }
    return packets;
  }
  static bool is_message(const std::vector<uint8_t>& packet, smart::MessageCommand command) {
    return packet[1] == (1 << 6 | static_cast<int>(command));
  }
  static size_t messages(const std::vector<std::vector<uint8_t>>& packets, smart::MessageCommand command) {
    return static_cast<size_t>(
        std::ranges::count_if(packets, [=](const auto& p) { return is_message(p, command); }));
  }
  Packets run(TimeNs from, TimeNs span) {
    Frames frames;
    for (TimeNs now = from; now < from + span; now += kNsPerMs) {
      bed_->lane().poll(now);
      for (auto& frame : bed_->sent()) frames.push_back(std::move(frame));
    }
    return by_group(frames);
  }

  std::vector<app::HopMove> moves_;
};

TEST_F(Moves, AnnouncedItGoesToTheOldGroupAlone) {
  make_moving({});
  enter(Phase::kAnnounced);
  EXPECT_EQ(by_group(send(3)).size(), 1u);
  Packets packets = run(kStart + kNsPerMs, kNsPerSecond);
  EXPECT_EQ(packets.size(), 1u);
  EXPECT_NEAR(static_cast<double>(messages(packets[kOld], smart::MessageCommand::kAddrRangeChange)), 10, 1);
  EXPECT_EQ(count(ChannelCounter::kCopiesSent), 0u);
}

TEST_F(Moves, DataIsTheSameInBoth) {
  for (const bool segments : {false, true}) {
    BedOptions options;
    options.offloads.segments = segments;
    make_moving(options);
    enter(Phase::kBoth);
    Packets packets = by_group(send(40));
    ASSERT_EQ(packets[kOld].size(), 40u);
    EXPECT_EQ(packets[kOld], packets[kNew]);
    EXPECT_EQ(count(ChannelCounter::kPacketsSent), 40u);
    // And so are repairs.
    packets = by_group(ask(request({{7, 1}}, 40), kStart + 1));
    ASSERT_EQ(packets[kOld].size(), 2u);
    EXPECT_EQ(packets[kOld], packets[kNew]);
    EXPECT_EQ(count(ChannelCounter::kRepairsSent), 2u);
  }
}

TEST_F(Moves, MessagesNameTheirGroup) {
  BedOptions options;
  options.announce = true;
  make_moving(options);
  enter(Phase::kBoth);
  Packets packets = run(kStart + kNsPerMs, 3 * kNsPerSecond);
  for (const Ipv4 group : {kOld, kNew}) {
    size_t heartbeats = 0;
    for (const auto& packet : packets[group]) {
      smart::Split split;
      smart::SenderStatus status;
      heartbeats += packet[1] >> 6 == 0;
      if (!is_message(packet, smart::MessageCommand::kSenderStatus)) continue;
      ASSERT_EQ(smart::split_message(packet, split), smart::WireFault::kNone);
      ASSERT_TRUE(smart::decode(split.body, status));
      EXPECT_EQ(status.group, group);
    }
    EXPECT_GT(messages(packets[group], smart::MessageCommand::kSenderStatus), 2u);
    EXPECT_GT(messages(packets[group], smart::MessageCommand::kKeyAnnounce), 20u);
    EXPECT_GT(messages(packets[group], smart::MessageCommand::kAddrRangeChange), 20u);
    EXPECT_GE(heartbeats, 2u);
  }
}

TEST_F(Moves, TheRateMayBringTheSecondGroupInEarlier) {
  make_moving({});
  for (app::HopMove& move : moves_) move.first_sequence = 5;
  enter(Phase::kAnnounced);
  Packets packets = by_group(send(10));
  EXPECT_EQ(packets[kOld].size(), 10u);
  EXPECT_EQ(packets[kNew].size(), 6u) << "from sequence 5 on";
}

TEST_F(Moves, DoneItGoesToTheNewGroupAloneAndWhatWasKeptBeforeIsRepairedThere) {
  for (const bool segments : {false, true})
    for (const bool card : {false, true}) {
      BedOptions options;
      options.offloads.segments = segments;
      options.offloads.ip_checksum = card;
      make_moving(options);
      Packets before = by_group(send(5));
      enter(Phase::kBoth);
      enter(Phase::kDone);
      Packets packets = by_group(send(5));
      EXPECT_EQ(packets.size(), 1u);
      EXPECT_EQ(packets[kNew].size(), 5u);
      packets = by_group(ask(request({{2, 0}}, 10), kStart + 1));
      ASSERT_EQ(packets.size(), 1u);
      ASSERT_EQ(packets[kNew].size(), 1u);
      EXPECT_TRUE(std::ranges::equal(Bytes(packets[kNew][0]).subspan(8), Bytes(before[kOld][1]).subspan(8)));
      packets = run(kStart + kNsPerMs, kNsPerSecond);
      EXPECT_EQ(packets.size(), 1u);
      EXPECT_EQ(messages(packets[kNew], smart::MessageCommand::kAddrRangeChange), 0u);
    }
}

TEST_F(Moves, WithoutAFreePacketTheSecondGroupGoesShortAndItIsCounted) {
  make_moving({});
  enter(Phase::kBoth);
  std::vector<drivers::Packet*> taken;
  while (drivers::Packet* packet = bed_->control_pool().take()) taken.push_back(packet);
  Packets packets = by_group(send(4));
  EXPECT_EQ(packets[kOld].size(), 4u);
  EXPECT_EQ(packets.count(kNew), 0u);
  EXPECT_EQ(count(ChannelCounter::kCopyNoPacket), 4u);
  for (drivers::Packet* packet : taken) drivers::release(packet);
}

// What the control lcore makes of it.
TEST_F(Moves, AChannelMoveGoesThroughItsPhasesAtTheirTimes) {
  make_moving({});
  const crypto::SigningKey key({7});
  lineup::Output from, to;
  from.group = kOld;
  to.group = kNew;
  to.udp_port = kNewPort;
  app::ChannelMove move({.slot = 0,
                         .from = from,
                         .to = to,
                         .place = moves_[0].to,
                         .signing_key = &key,
                         .start_number = LaneBed::kStartNumber,
                         .count = 3,
                         .synch_code = 1,
                         .next_sequence = 1,
                         .bitrate_cap_bps = 8'000'000,
                         .now = kStart,
                         .overlap_ns = 5 * kNsPerSecond});
  std::map<Ipv4, TimeNs> first, last;
  std::vector<uint8_t> announcement;
  TimeNs ended = 0;
  for (TimeNs now = kStart; now < kStart + 8 * kNsPerSecond && ended == 0; now += 100 * kNsPerMs) {
    if (move.tick(now, bed_->lane())) ended = now;
    bed_->feed(feed_frame(0, ts_payload(7, 1)));
    bed_->lane().poll(now);
    for (const auto& [group, packets] : by_group(bed_->sent())) {
      first.emplace(group, now);
      last[group] = now;
      for (const auto& packet : packets)
        if (is_message(packet, smart::MessageCommand::kAddrRangeChange)) announcement = packet;
    }
  }
  EXPECT_NEAR(static_cast<double>(first[kNew] - kStart), 1e9, 3e8);
  EXPECT_NEAR(static_cast<double>(last[kOld] - kStart), 6e9, 3e8);
  EXPECT_NEAR(static_cast<double>(ended - kStart), 6e9, 3e8);
  // It is what a receiver believes.
  smart::MoveAcceptor acceptor(true, false, {key.public_key()});
  const std::array<Ipv4, 1> held{kOld};
  smart::GroupPlace place;
  EXPECT_EQ(acceptor.accept(kStart, announcement,
                            {{kOld, smart::kDefaultPort}, held, true, LaneBed::kStartNumber}, place),
            smart::MoveResult::kAccepted);
  EXPECT_EQ(place, (smart::GroupPlace{kNew, kNewPort}));
}

}  // namespace
}  // namespace linecast
