// How a lane repairs: what the group is told before, in what order repairs leave, and whom they go to.
#include <bit>

#include "lib/net/arp.h"
#include "tests/vdev/requests.h"

namespace linecast {
namespace {

constexpr Ipv4 kOther = 0x0a010064;    // 10.1.0.100
constexpr Ipv4 kOutside = 0x0a0900ff;  // 10.9.0.255

class Repairs : public Requests {
 protected:
  static BedOptions unicast(lineup::RepairsTo to) {
    BedOptions options;
    options.repairs_to = to;
    options.unicast_prefixes = {{0x0a020000, 16}, {0x0a010000, 24}};
    return options;
  }
  static Ipv4 destination(const std::vector<uint8_t>& frame) {
    return net::parse_frame(frame, {}).destination;
  }
};

// The QUIET in a frame; false where it is none.
bool read_quiet(const std::vector<uint8_t>& frame, smart::Split& split, smart::Quiet& quiet) {
  const net::ParsedFrame out = net::parse_frame(frame, {});
  return smart::split_message(out.payload, split) == smart::WireFault::kNone &&
         split.header.type == smart::PacketType::kReplacement &&
         split.header.command == static_cast<uint8_t>(smart::ReplacementCommand::kQuiet) &&
         smart::decode(split.body, quiet);
}

TEST_F(Repairs, QuietNamesThemBeforeTheyLeave) {
  for (const bool encrypted : {true, false}) {
    BedOptions options;
    options.encrypted = sign_ = encrypted;
    make(options);
    send(20);
    deliver(request({{3, 0b1}, {12, 0}}, 20));
    bed_->lane().poll(kStart + 1);
    const Frames frames = bed_->sent();
    ASSERT_EQ(frames.size(), 4u);
    smart::Split split;
    smart::Quiet quiet;
    ASSERT_TRUE(read_quiet(frames[0], split, quiet));
    EXPECT_EQ(destination(frames[0]), LaneBed::output_group(0));
    EXPECT_EQ(quiet.group, LaneBed::output_group(0));
    EXPECT_EQ(quiet.duration_ms, 100);  // two round trips of 50 ms
    ASSERT_EQ(quiet.list.count, 2u);
    EXPECT_EQ(quiet.list.pairs[0].sequence, 3);
    EXPECT_EQ(quiet.list.pairs[0].mask, 0b1);
    EXPECT_EQ(quiet.list.pairs[1].sequence, 12);
    EXPECT_EQ(quiet.list.pairs[1].mask, 0);
    for (size_t k = 1; k < 4; ++k) EXPECT_TRUE(is_repair(frames[k]));
    EXPECT_EQ(split.trailer.empty(), !encrypted);
    if (encrypted) {
      const crypto::CmacKey down(manager_, crypto::derive_down_key(bed_->group_key(), bed_->channel_id(0)));
      EXPECT_TRUE(smart::verify_cmac_trailer(manager_, down, net::parse_frame(frames[0], {}).payload));
      EXPECT_EQ(smart::read_trailer(split.trailer).id, LaneBed::kStartNumber);
      EXPECT_EQ(smart::read_trailer(split.trailer).count, 2u);  // SENDER_STATUS was the first
    }
    // Who asks for them now draws nothing.
    deliver(request({{3, 0b1}, {12, 0}}, 20), kOther);
    bed_->lane().poll(kStart + 2);
    EXPECT_TRUE(bed_->sent().empty());
    EXPECT_EQ(count(ChannelCounter::kQuietsSent), 1u);
  }
}

TEST_F(Repairs, QuietIsCountedWithSenderStatus) {
  make({});
  send(5);
  deliver(request({{2, 0}}, 5));
  bed_->lane().poll(kStart + 1);
  bed_->sent();
  bed_->lane().poll(kStart + 200 * kNsPerMs);
  uint64_t count = 0;
  for (const auto& frame : bed_->sent()) {
    smart::Split split;
    if (smart::split_message(net::parse_frame(frame, {}).payload, split) == smart::WireFault::kNone)
      count = smart::read_trailer(split.trailer).count;
  }
  EXPECT_EQ(count, 3u);  // strictly rising over both
}

TEST_F(Repairs, ARefusalOfTheBudgetQuietsTheGroup) {
  BedOptions options;
  options.window_packets = 1024;
  options.bitrate_cap_bps = 2'000'000;
  options.budget_percent = 1;  // the least burst, 65 of these and their QUIETs
  make(options);
  for (int second = 0; second < 3; ++second)  // within the cap
    for (int k = 0; k < 40; ++k) {
      bed_->feed(feed_frame(0, ts_payload(7, 1)));
      bed_->lane().poll(kStart + second * kNsPerSecond);
    }
  bed_->sent();
  // How many QUIETs for the whole group requests for ten sequences draw, and that all others name exactly
  // what is repaired.
  const auto quiets = [&](uint16_t first, TimeNs now) {
    for (uint16_t k = first; k < first + 10; ++k) {
      become(k);  // each for one, so that none has had its share
      deliver(request({{k, 0}}, 120));
    }
    bed_->lane().poll(now);
    int found = 0, named = 0, repaired = 0;
    for (const auto& frame : bed_->sent()) {
      smart::Split split;
      smart::Quiet quiet;
      repaired += is_repair(frame) ? 1 : 0;
      if (!read_quiet(frame, split, quiet)) continue;
      EXPECT_EQ(quiet.group, LaneBed::output_group(0));
      for (const smart::SequencePair& pair : quiet.list.view()) named += 1 + std::popcount(pair.mask);
      if (quiet.list.count > 0) continue;
      ++found;
      EXPECT_EQ(quiet.duration_ms, 100);
    }
    EXPECT_EQ(named, repaired);
    return found;
  };
  const TimeNs now = kStart + 3 * kNsPerSecond;
  for (uint16_t k = 0; k < 6; ++k) EXPECT_EQ(quiets(static_cast<uint16_t>(1 + 10 * k), now), 0) << k;
  EXPECT_EQ(quiets(61, now), 1) << "the 65th or 66th is refused";
  EXPECT_GE(count(ChannelCounter::kRepairsSent), 64u);
  EXPECT_LE(count(ChannelCounter::kRepairsSent), 65u);
  EXPECT_EQ(quiets(71, now + 50 * kNsPerMs), 0) << "it is quiet already";
  EXPECT_EQ(quiets(81, now + 100 * kNsPerMs), 1);
  EXPECT_EQ(quiets(91, now + 150 * kNsPerMs), 0);
  // What was refused while the group was quiet is forgotten with it.
  EXPECT_EQ(quiets(200, now + 20 * kNsPerSecond), 0) << "never sent";
  EXPECT_EQ(quiets(101, now + 20 * kNsPerSecond), 0) << "the budget has grown";
}

TEST_F(Repairs, ATurnSendsABurstAtMostBehindItsLivePackets) {
  BedOptions options;
  options.window_packets = 256;
  make(options);
  send(200);
  std::vector<smart::SequencePair> pairs;
  for (uint16_t first = 1; first < 170; first = static_cast<uint16_t>(first + 17))
    pairs.push_back({first, 0xffff});
  deliver(request(pairs, 200));  // 170 sequences
  unsigned repairs = 0;
  for (int turn = 0; turn < 7; ++turn) {
    bed_->feed(feed_frame(0, ts_payload(7, 1)));
    bed_->lane().poll(kStart + 1);
    Frames frames = bed_->sent();
    std::erase_if(frames, [](const auto& frame) {
      smart::Split split;
      return smart::split_message(net::parse_frame(frame, {}).payload, split) == smart::WireFault::kNone;
    });
    ASSERT_FALSE(frames.empty());
    EXPECT_FALSE(is_repair(frames[0])) << "turn " << turn;
    for (size_t k = 1; k < frames.size(); ++k) EXPECT_TRUE(is_repair(frames[k])) << "turn " << turn;
    EXPECT_EQ(frames.size(), turn < 5 ? 1u + app::kBurst : turn == 5 ? 11u : 1u) << "turn " << turn;
    repairs += static_cast<unsigned>(frames.size()) - 1;
  }
  EXPECT_EQ(repairs, 170u);
  EXPECT_EQ(count(ChannelCounter::kPacketsSent), 207u);
}

TEST_F(Repairs, ChannelsTakeTurns) {
  BedOptions options;
  options.channels = 3;
  options.encrypted = sign_ = false;
  make(options);
  for (size_t channel = 0; channel < 3; ++channel)
    for (int k = 0; k < 40; ++k) {
      bed_->feed(feed_frame(channel, ts_payload(7, 1)));
      bed_->lane().poll(kStart);
    }
  bed_->sent();
  // Channel i begins with sequence i + 1.
  deliver(request({{1, 0xffff}, {18, 0xffff}}, 0, LaneBed::output_group(0)));
  deliver(request({{3, 0b11}}, 0, LaneBed::output_group(2)));
  deliver(request({{2, 0b1}}, 0, LaneBed::output_group(1)));
  bed_->lane().poll(kStart + 1);
  std::vector<Ipv4> groups;
  for (const auto& frame : bed_->sent())
    if (is_repair(frame)) groups.push_back(destination(frame) - LaneBed::output_group(0));
  ASSERT_EQ(groups.size(), app::kBurst);
  EXPECT_EQ(std::vector<Ipv4>(groups.begin(), groups.begin() + 9),
            (std::vector<Ipv4>{0, 2, 1, 0, 2, 1, 0, 2, 0}));
  bed_->lane().poll(kStart + 2);
  EXPECT_EQ(bed_->sent().size(), 34u + 3 + 2 - app::kBurst);
  for (size_t channel = 0; channel < 3; ++channel)
    EXPECT_EQ(bed_->count(channel, ChannelCounter::kRepairsSent), std::vector({34u, 2u, 3u})[channel]);
}

TEST_F(Repairs, GoByUnicastToListedPrefixesOnly) {
  make(unicast(lineup::RepairsTo::kAuto));
  const auto originals = send(20);
  const auto ours = ask(request({{3, 0b1}}, 20), kStart + 1);
  ASSERT_EQ(ours.size(), 2u);
  for (size_t k = 0; k < 2; ++k) {
    const net::ParsedFrame out = net::parse_frame(ours[k], {});
    ASSERT_EQ(out.fault, net::FrameFault::kNone);  // checksums are those of its own addresses
    EXPECT_EQ(out.destination, kReceiver);
    EXPECT_EQ(out.destination_port, kReceiverPort);
    EXPECT_EQ(out.source, LaneBed::kOutAddress);
    EXPECT_EQ(out.source_port, smart::kDefaultPort);
    EXPECT_TRUE(std::equal(kReceiverMac.begin(), kReceiverMac.end(), ours[k].begin()));
    EXPECT_TRUE(std::equal(LaneBed::kOutMac.begin(), LaneBed::kOutMac.end(), ours[k].begin() + 6));
    const auto& original = originals[2 + k];
    EXPECT_TRUE(std::equal(ours[k].begin() + net::kUdpFrameOverhead + smart::kDataHeaderSize, ours[k].end(),
                           original.begin() + net::kUdpFrameOverhead + smart::kDataHeaderSize));
  }
  EXPECT_EQ(count(ChannelCounter::kRepairsUnicast), 2u);
  EXPECT_EQ(count(ChannelCounter::kQuietsSent), 0u);
  const auto outside = ask(request({{7, 0}}, 20), kStart + 2, kOutside);
  ASSERT_EQ(outside.size(), 1u);
  EXPECT_EQ(destination(outside[0]), LaneBed::output_group(0));
  EXPECT_EQ(count(ChannelCounter::kQuietsSent), 1u);
  EXPECT_EQ(count(ChannelCounter::kRepairsUnicast), 2u);
}

TEST_F(Repairs, NeverGoByUnicastToTheFirstOrLastAddressOfAPrefix) {
  BedOptions options = unicast(lineup::RepairsTo::kUnicast);
  options.unicast_prefixes.push_back({0x0a090900, 31});  // both are hosts'
  make(options);
  send(20);
  uint16_t sequence = 1;
  for (const Ipv4 reserved : {0x0a020000u, 0x0a02ffffu}) {  // beyond our own network: no ARP tells
    const auto repairs = ask(request({{sequence++, 0}}, 20), kStart + sequence, reserved);
    ASSERT_EQ(repairs.size(), 1u);
    EXPECT_EQ(destination(repairs[0]), LaneBed::output_group(0));
  }
  EXPECT_EQ(count(ChannelCounter::kRepairsUnicast), 0u);
  for (const Ipv4 host : {0x0a020001u, 0x0a0200ffu, 0x0a090900u, 0x0a090901u}) {
    const auto repairs = ask(request({{sequence++, 0}}, 20), kStart + sequence, host);
    ASSERT_EQ(repairs.size(), 1u);
    EXPECT_EQ(destination(repairs[0]), host);
  }
}

TEST_F(Repairs, ByDefaultNeverGoByUnicast) {
  BedOptions options = unicast(lineup::RepairsTo::kMulticast);
  make(options);
  send(5);
  const auto repairs = ask(request({{3, 0}}, 5), kStart + 1);
  ASSERT_EQ(repairs.size(), 1u);
  EXPECT_EQ(destination(repairs[0]), LaneBed::output_group(0));
}

TEST_F(Repairs, ASecondRequesterWithinTheRoundTripBringsTheGroupIn) {
  make(unicast(lineup::RepairsTo::kAuto));
  send(20);
  EXPECT_EQ(destination(ask(request({{3, 0}}, 20), kStart + 1).at(0)), kReceiver);
  EXPECT_EQ(destination(ask(request({{3, 0}}, 20), kStart + 2, kOther).at(0)), LaneBed::output_group(0));
  EXPECT_EQ(count(ChannelCounter::kQuietsSent), 1u);
  EXPECT_TRUE(ask(request({{3, 0}}, 20), kStart + 3, kOther + 1).empty());
  EXPECT_EQ(destination(ask(request({{3, 0}}, 20), kStart + 70 * kNsPerMs, kOther).at(0)), kOther);
}

TEST_F(Repairs, AlwaysByUnicastWhereTheLineupSaysSo) {
  make(unicast(lineup::RepairsTo::kUnicast));
  send(20);
  EXPECT_EQ(destination(ask(request({{3, 0}}, 20), kStart + 1).at(0)), kReceiver);
  EXPECT_EQ(destination(ask(request({{3, 0}}, 20), kStart + 2, kOther).at(0)), kOther);
  EXPECT_TRUE(ask(request({{3, 0}}, 20), kStart + 3, kOther).empty());
  EXPECT_EQ(destination(ask(request({{3, 0}}, 20), kStart + 4, kOutside).at(0)), LaneBed::output_group(0));
}

TEST_F(Repairs, ByUnicastUseTheMacThatArpKnows) {
  make(unicast(lineup::RepairsTo::kAuto));
  send(20);
  const net::Mac mac{2, 0, 0, 0, 0, 0x77};
  std::array<uint8_t, net::kArpFrameSize> frame;
  ASSERT_EQ(net::request_arp(net::kBroadcastMac, mac, kReceiver, LaneBed::kOutAddress, frame), frame.size());
  bed_->feed(frame, 1);
  bed_->lane().poll(kStart);
  bed_->sent();
  const auto repairs = ask(request({{3, 0}}, 20), kStart + 1);  // by another MAC, as a router's
  ASSERT_EQ(repairs.size(), 1u);
  EXPECT_TRUE(std::equal(mac.begin(), mac.end(), repairs[0].begin()));
  // The subnet's last address is no host's, whatever bears it: the group has its repair.
  const auto broadcast = ask(request({{4, 0}}, 20), kStart + 2, 0x0a0100ff);
  ASSERT_EQ(broadcast.size(), 1u);
  EXPECT_EQ(destination(broadcast[0]), LaneBed::output_group(0));
}

TEST_F(Repairs, ByUnicastAreTheSameHoweverTheCardHelps) {
  Frames expected;
  for (const bool ip : {false, true})
    for (const bool udp : {false, true})
      for (const bool segments : {false, true}) {
        BedOptions options = unicast(lineup::RepairsTo::kUnicast);
        options.offloads = {.ip_checksum = ip, .udp_checksum = udp, .segments = segments};
        options.output_vlan = 0;
        make(options);
        send(10);
        const auto repairs = ask(request({{3, 0xf}}, 10), kStart + 1);
        ASSERT_EQ(repairs.size(), 5u);
        for (const auto& repair : repairs)
          EXPECT_EQ(net::parse_frame(repair, {}).fault, net::FrameFault::kNone);
        if (expected.empty()) expected = repairs;
        EXPECT_EQ(repairs, expected) << ip << udp << segments;
      }
}

}  // namespace
}  // namespace linecast
