// Datagrams in, SMART out: a real lane between ports in memory, time set by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/net/checksum.h"
#include "lib/smart/trailer.h"
#include "tests/vdev/lane_bed.h"

namespace linecast {
namespace {

using app::ChannelCounter;
using app::LaneCounter;
using smart::DataCommand;

constexpr TimeNs kStart = 10 * kNsPerSecond;

// The lane's first turns send announcements, statuses and heartbeats: tests of the data path begin behind
// them.
void settle(LaneBed& bed) {
  bed.lane().poll(kStart);
  bed.sent();
}

net::ParsedFrame parsed(const std::vector<uint8_t>& frame) { return net::parse_frame(frame, {}); }

struct DataPacket {
  smart::DataHeader header;
  Bytes datagram;
};

std::vector<DataPacket> data_packets(const std::vector<std::vector<uint8_t>>& frames) {
  std::vector<DataPacket> packets;
  for (const auto& frame : frames) {
    DataPacket packet;
    packet.datagram = parsed(frame).payload;
    if (smart::decode_data(packet.datagram, packet.header) == smart::WireFault::kNone &&
        packet.header.command != DataCommand::kHeartbeat)
      packets.push_back(packet);
  }
  return packets;
}

std::vector<uint8_t> open(LaneBed& bed, size_t channel, Bytes datagram) {
  std::vector<uint8_t> plain(datagram.size() - smart::kDataHeaderSize - smart::kSealOverhead);
  const uint8_t* iv = datagram.data() + smart::kDataHeaderSize;
  const bool opened = bed.key(channel).gcm.open(
      bed.lane().manager(), iv, smart::data_aad(datagram.data()), {iv + smart::kIvSize, plain.size()},
      datagram.data() + datagram.size() - smart::kTagSize, plain.data());
  EXPECT_TRUE(opened);
  return plain;
}

TEST(LaneIngest, SealsNumbersAndAddressesEveryDatagram) {
  for (const auto cipher : {crypto::Cipher::kAes128Gcm, crypto::Cipher::kAes256Gcm}) {
    BedOptions options;
    options.cipher = cipher;
    LaneBed bed(options);
    settle(bed);
    for (size_t n = 1; n <= 7; ++n) bed.feed(feed_frame(0, ts_payload(n, static_cast<uint8_t>(n))));
    bed.lane().poll(kStart + 1);
    const auto frames = bed.sent();
    ASSERT_EQ(frames.size(), 7u);
    for (size_t n = 1; n <= 7; ++n) {
      const auto& frame = frames[n - 1];
      const net::ParsedFrame out = parsed(frame);  // checks lengths and checksums
      ASSERT_EQ(out.fault, net::FrameFault::kNone);
      EXPECT_EQ(frame[0], 0x01);
      EXPECT_EQ(frame[1], 0x00);
      EXPECT_EQ(frame[2], 0x5e);
      EXPECT_EQ(frame[3], 0x14);      // 239.20.0.0
      EXPECT_EQ(frame[15], 32 << 2);  // DSCP CS4
      EXPECT_EQ(frame[22], 16);       // TTL
      EXPECT_EQ(out.source, LaneBed::kOutAddress);
      EXPECT_EQ(out.destination, LaneBed::output_group(0));
      EXPECT_EQ(out.destination_port, smart::kDefaultPort);
      EXPECT_EQ(out.source_port, smart::kDefaultPort);
      smart::DataHeader header;
      ASSERT_EQ(smart::decode_data(out.payload, header), smart::WireFault::kNone);
      EXPECT_EQ(header.number, n);
      EXPECT_EQ(header.synch_code, 1);
      EXPECT_EQ(header.format, smart::PacketFormat::kMpegTs);
      EXPECT_EQ(open(bed, 0, out.payload), ts_payload(n, static_cast<uint8_t>(n)));
    }
    EXPECT_EQ(bed.count(0, ChannelCounter::kPacketsSent), 7u);
    EXPECT_EQ(bed.count(0, ChannelCounter::kBytesIn), 28u * 188);
    EXPECT_EQ(bed.channel(0).next_sequence(), 8u);
  }
}

TEST(LaneIngest, ClearChannelsCarryThePayloadAsItIs) {
  BedOptions options;
  options.encrypted = false;
  options.format = smart::PacketFormat::kOpaque;
  LaneBed bed(options);
  settle(bed);
  const std::vector<uint8_t> payload(1432, 0xab);
  bed.feed(feed_frame(0, payload));
  bed.lane().poll(kStart + 1);
  const auto frames = bed.sent();
  ASSERT_EQ(frames.size(), 1u);
  const Bytes datagram = parsed(frames[0]).payload;
  EXPECT_EQ(std::vector<uint8_t>(datagram.begin() + 8, datagram.end()), payload);
  EXPECT_EQ(datagram[0], 0);
}

TEST(LaneIngest, RingWrapsManyTimesWithoutLosingAPacket) {
  BedOptions options;
  options.channels = 3;
  LaneBed bed(options);
  settle(bed);
  size_t sent = 0;
  for (int turn = 0; turn < 200; ++turn) {
    for (size_t c = 0; c < 3; ++c)
      for (int k = 0; k < 4; ++k) bed.feed(feed_frame(c, ts_payload(7, static_cast<uint8_t>(turn + k))));
    bed.lane().poll(kStart + turn);
    sent += data_packets(bed.sent()).size();
  }
  EXPECT_EQ(sent, 2400u);
  EXPECT_EQ(bed.count(2, ChannelCounter::kPacketsSent), 800u);
}

// What comes in, and the counter that must say so; nothing may go out for it, and the channel must go on.
struct BadInput {
  const char* name;
  std::vector<uint8_t> frame;
  std::function<uint64_t(LaneBed&)> counter;
};

std::vector<uint8_t> with(std::vector<uint8_t> frame,
                          const std::function<void(std::vector<uint8_t>&)>& change) {
  change(frame);
  return frame;
}

// Rewrites the IPv4 header checksum after a change (20 bytes, no options).
void fix_ip(std::vector<uint8_t>& frame) {
  frame[24] = frame[25] = 0;
  uint32_t sum = 0;
  for (size_t i = 14; i < 34; i += 2) sum += load_be16(&frame[i]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  store_be16(&frame[24], static_cast<uint16_t>(~sum));
}

TEST(LaneIngest, BadInputIsDroppedCountedByNameAndDisturbsNothing) {
  const auto good = feed_frame(0, ts_payload(7, 1));
  const auto fault = [](net::FrameFault f) { return [f](LaneBed& bed) { return bed.count(f); }; };
  const auto channel = [](ChannelCounter c) { return [c](LaneBed& bed) { return bed.count(0, c); }; };
  const auto lane = [](LaneCounter c) { return [c](LaneBed& bed) { return bed.count(c); }; };
  const BadInput table[] = {
      {"truncated Ethernet", {good.begin(), good.begin() + 10}, fault(net::FrameFault::kTruncated)},
      {"truncated IPv4", {good.begin(), good.begin() + 30}, fault(net::FrameFault::kTruncated)},
      {"cut payload", {good.begin(), good.end() - 100}, fault(net::FrameFault::kTruncated)},
      {"VLAN tag",
       with(good,
            [](auto& f) {
              f.insert(f.begin() + 12, {0x81, 0, 0, 5});
            }),
       lane(LaneCounter::kVlanUnexpected)},
      {"two VLAN tags",
       with(good,
            [](auto& f) {
              f.insert(f.begin() + 12, {0x81, 0, 0, 5, 0x81, 0, 0, 6});
            }),
       fault(net::FrameFault::kVlanStacked)},
      {"IPv6", with(good, [](auto& f) { f[12] = 0x86, f[13] = 0xdd; }), fault(net::FrameFault::kEtherType)},
      {"fragment", with(good, [](auto& f) { f[20] = 0x20, fix_ip(f); }), fault(net::FrameFault::kIpFragment)},
      {"bad IPv4 checksum", with(good, [](auto& f) { f[24] ^= 1; }), fault(net::FrameFault::kIpChecksum)},
      {"bad UDP checksum", with(good, [](auto& f) { f.back() ^= 1; }), fault(net::FrameFault::kUdpChecksum)},
      {"TCP", with(good, [](auto& f) { f[23] = 6, fix_ip(f); }), fault(net::FrameFault::kIpProtocol)},
      {"no TS sync byte", feed_frame(0, std::vector<uint8_t>(1316, 0x48)),
       channel(ChannelCounter::kPayloadFormat)},
      {"not n x 188", feed_frame(0, std::vector<uint8_t>(1315, 0x47)),
       channel(ChannelCounter::kPayloadFormat)},
      {"empty datagram", feed_frame(0, {}), channel(ChannelCounter::kPayloadSize)},
      {"too large for the output", feed_frame(0, std::vector<uint8_t>(1472, 0x47)),
       channel(ChannelCounter::kPayloadSize)},
      {"a group nobody carries", feed_frame(77, ts_payload(7, 1)), lane(LaneCounter::kNoFlow)},
  };
  for (const BadInput& row : table) {
    SCOPED_TRACE(row.name);
    LaneBed bed(BedOptions{});
    settle(bed);
    bed.feed(good);
    bed.feed(row.frame);
    bed.feed(good);
    bed.lane().poll(kStart + 1);
    EXPECT_EQ(row.counter(bed), 1u);
    const auto sent = bed.sent();
    const auto packets = data_packets(sent);
    ASSERT_EQ(packets.size(), 2u);
    EXPECT_EQ(packets[1].header.number, 2);  // the bad one took no number
  }
}

TEST(LaneIngest, OptionsOnUdpAreRefused) {
  LaneBed bed(BedOptions{});
  settle(bed);
  auto frame = feed_frame(0, ts_payload(1, 1));
  frame[14] = 0x46;
  frame.insert(frame.begin() + 34, {1, 1, 1, 1});  // four no-operations
  store_be16(&frame[16], static_cast<uint16_t>(load_be16(&frame[16]) + 4));
  frame[24] = frame[25] = 0;
  store_be16(&frame[24], net::checksum_finish(net::checksum_add(Bytes(frame).subspan(14, 24))));
  bed.feed(frame);
  bed.lane().poll(kStart + 1);
  EXPECT_EQ(bed.count(net::FrameFault::kIpOptions), 1u);
  EXPECT_TRUE(data_packets(bed.sent()).empty());
}

TEST(LaneIngest, OnlyTheConfiguredSourceFeedsAChannel) {
  BedOptions options;
  options.ssm_source = LaneBed::kFeeder;
  LaneBed bed(options);
  settle(bed);
  bed.feed(feed_frame(0, ts_payload(7, 1), 0x0a000063));
  bed.feed(feed_frame(0, ts_payload(7, 2), LaneBed::kFeeder));
  bed.lane().poll(kStart + 1);
  EXPECT_EQ(bed.count(LaneCounter::kNoFlow), 1u);
  EXPECT_EQ(data_packets(bed.sent()).size(), 1u);
}

TEST(LaneIngest, TheCapIsKept) {
  BedOptions options;
  options.bitrate_cap_bps = 8 * 1316 * 100;  // 100 packets a second; half a second may come at once
  LaneBed bed(options);
  settle(bed);
  size_t sent = 0;
  for (int k = 0; k < 80; ++k) {
    bed.feed(feed_frame(0, ts_payload(7, 1)));
    bed.lane().poll(kStart + 1);
    sent += data_packets(bed.sent()).size();
  }
  EXPECT_EQ(sent, 50u);
  EXPECT_EQ(bed.count(0, ChannelCounter::kOverCap), 30u);
  bed.feed(feed_frame(0, ts_payload(7, 1)));
  bed.lane().poll(kStart + kNsPerSecond);
  EXPECT_EQ(data_packets(bed.sent()).size(), 1u);
}

TEST(LaneIngest, RtpKeepsItsHeader) {
  BedOptions options;
  options.format = smart::PacketFormat::kRtp;
  LaneBed bed(options);
  settle(bed);
  std::vector<uint8_t> packet{0x80, 33, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3};
  const auto ts = ts_payload(7, 9);
  packet.insert(packet.end(), ts.begin(), ts.end());
  bed.feed(feed_frame(0, packet));
  bed.feed(feed_frame(0, ts));  // no RTP
  bed.lane().poll(kStart + 1);
  const auto frames = bed.sent();
  const auto packets = data_packets(frames);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].header.format, smart::PacketFormat::kRtp);
  EXPECT_EQ(open(bed, 0, packets[0].datagram), packet);
  EXPECT_EQ(bed.count(0, ChannelCounter::kPayloadFormat), 1u);
}

std::vector<TimeNs> heartbeat_times(LaneBed& bed, TimeNs from, TimeNs until) {
  std::vector<TimeNs> times;
  for (TimeNs now = from; now < until; now += kNsPerMs) {
    bed.lane().poll(now);
    for (const auto& frame : bed.sent()) {
      smart::DataHeader header;
      const Bytes datagram = parsed(frame).payload;
      if (smart::decode_data(datagram, header) == smart::WireFault::kNone &&
          header.command == DataCommand::kHeartbeat)
        times.push_back((now - from) / kNsPerMs);
    }
  }
  return times;
}

TEST(LaneTimers, HeartbeatsFollowTheLastPacketAtDoublingIntervals) {
  LaneBed bed(BedOptions{});
  settle(bed);
  bed.feed(feed_frame(0, ts_payload(7, 1)));
  bed.lane().poll(kStart + kNsPerSecond);
  bed.sent();
  const auto times = heartbeat_times(bed, kStart + kNsPerSecond, kStart + 5 * kNsPerSecond);
  EXPECT_THAT(times, testing::ElementsAre(20, 60, 140, 300, 620, 1260, 2260, 3260));
}

TEST(LaneTimers, AHeartbeatFollowsAPacketThatEndsALongPause) {
  LaneBed bed(BedOptions{});
  settle(bed);
  TimeNs now = kStart;
  const auto idle = heartbeat_times(bed, now, now + 10 * kNsPerSecond);
  ASSERT_GT(idle.size(), 5u);
  now += (idle.back() + 1000) * kNsPerMs;  // the next is due now, and the one after that in a second
  ASSERT_EQ(heartbeat_times(bed, now, now + 100 * kNsPerMs).size(), 1u);
  now += 100 * kNsPerMs;
  bed.feed(feed_frame(0, ts_payload(7, 1)));
  const auto after = heartbeat_times(bed, now, now + 100 * kNsPerMs);
  ASSERT_FALSE(after.empty());
  EXPECT_GE(after[0], 20);
  EXPECT_LE(after[0], 40);
}

TEST(LaneTimers, NoHeartbeatWhileDataFlows) {
  LaneBed bed(BedOptions{});
  settle(bed);
  std::vector<TimeNs> times;
  for (int k = 0; k < 100; ++k) {
    bed.feed(feed_frame(0, ts_payload(7, 1)));
    for (const TimeNs t : heartbeat_times(bed, kStart + k * 10 * kNsPerMs, kStart + (k + 1) * 10 * kNsPerMs))
      times.push_back(t);
  }
  EXPECT_LE(times.size(), 1u);  // at most the one that was due when the data began
}

TEST(LaneTimers, StatusThreeTimesAtStartThenEverySecond) {
  LaneBed bed(BedOptions{});
  std::vector<TimeNs> times;
  uint64_t last_count = 0;
  crypto::Manager manager;
  const crypto::CmacKey down(manager, crypto::derive_down_key(bed.group_key(), bed.channel_id(0)));
  for (TimeNs now = kStart; now < kStart + 3 * kNsPerSecond; now += kNsPerMs) {
    bed.lane().poll(now);
    for (const auto& frame : bed.sent()) {
      const Bytes datagram = parsed(frame).payload;
      smart::Split split;
      smart::SenderStatus status;
      if (smart::split_message(datagram, split) != smart::WireFault::kNone) continue;
      ASSERT_TRUE(smart::decode(split.body, status));
      EXPECT_EQ(status.group, LaneBed::output_group(0));
      EXPECT_EQ(status.start_number, LaneBed::kStartNumber);
      EXPECT_TRUE(smart::verify_cmac_trailer(manager, down, datagram));
      const auto fields = smart::read_trailer(split.trailer);
      EXPECT_EQ(fields.id, LaneBed::kStartNumber);
      EXPECT_GT(fields.count, last_count);
      last_count = fields.count;
      times.push_back((now - kStart) / kNsPerMs);
    }
  }
  EXPECT_THAT(times, testing::ElementsAre(0, 100, 200, 1200, 2200));
}

}  // namespace
}  // namespace linecast
