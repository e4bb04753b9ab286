// Replacement requests against a real lane: what is answered, what is refused and under which name.
#include <gtest/gtest.h>

#include <cstring>

#include "lib/smart/trailer.h"
#include "tests/vdev/lane_bed.h"

namespace linecast {
namespace {

using app::ChannelCounter;
using app::LaneCounter;

constexpr TimeNs kStart = 10 * kNsPerSecond;
constexpr TimeNs kRoundTripNs = 60 * kNsPerMs;

class Requests : public testing::Test {
 protected:
  void make(const BedOptions& options) {
    bed_ = std::make_unique<LaneBed>(options);
    up_ = std::make_unique<crypto::CmacKey>(crypto::receiver_key(
        manager_, crypto::CmacKey(manager_, crypto::derive_up_key(bed_->group_key(), bed_->channel_id(0))),
        LaneBed::kReceiverId));
    bed_->lane().poll(kStart);
    bed_->sent();
  }

  // Sends n data packets, sequences next .. next + n - 1, and returns their frames.
  std::vector<std::vector<uint8_t>> send(unsigned n) {
    std::vector<std::vector<uint8_t>> frames;
    for (unsigned k = 0; k < n; ++k) {
      bed_->feed(feed_frame(0, ts_payload(7, static_cast<uint8_t>(k))));
      bed_->lane().poll(kStart);
      for (auto& frame : bed_->sent()) frames.push_back(std::move(frame));
    }
    return frames;
  }

  std::vector<uint8_t> request(std::vector<smart::SequencePair> pairs, uint64_t count,
                               Ipv4 group = LaneBed::output_group(0)) {
    smart::Replacement message;
    message.group = group;
    message.list.count = pairs.size();
    std::copy(pairs.begin(), pairs.end(), message.list.pairs.begin());
    std::vector<uint8_t> datagram(1024);
    size_t size = smart::encode(message, datagram);
    if (sign_)
      size = smart::append_cmac_trailer(manager_, *up_, {LaneBed::kReceiverId, bed_->group_key().id, count},
                                        1, datagram, size);
    datagram.resize(size);
    return datagram;
  }

  // Hands the lane a request and returns what it sends for it.
  std::vector<std::vector<uint8_t>> ask(const std::vector<uint8_t>& datagram, TimeNs now,
                                        Ipv4 from = 0x0a010063) {
    net::UdpFlow flow;
    flow.source = from;
    flow.destination = LaneBed::kOutAddress;
    flow.source_port = flow.destination_port = smart::kDefaultPort;
    bed_->feed(udp_frame(flow, datagram), 1);
    bed_->lane().poll(now);
    auto frames = bed_->sent();
    std::erase_if(frames, [](const auto& frame) {
      smart::DataHeader header;
      const net::ParsedFrame out = net::parse_frame(frame, {});
      return smart::decode_data(out.payload, header) != smart::WireFault::kNone ||
             header.command != smart::DataCommand::kRepair;
    });
    return frames;
  }

  uint64_t count(ChannelCounter c) { return bed_->count(0, c); }

  crypto::Manager manager_;
  std::unique_ptr<LaneBed> bed_;
  std::unique_ptr<crypto::CmacKey> up_;
  bool sign_ = true;
};

TEST_F(Requests, ARepairIsTheOriginalWithAnotherCommand) {
  make({});
  const auto originals = send(20);
  const auto repairs = ask(request({{3, 0b101}}, 20), kStart + 1);  // 3, 4 and 6
  ASSERT_EQ(repairs.size(), 3u);
  const size_t sequences[] = {3, 4, 6};
  for (size_t k = 0; k < 3; ++k) {
    const auto& original = originals[sequences[k] - 1];
    const net::ParsedFrame out = net::parse_frame(repairs[k], {});
    ASSERT_EQ(out.fault, net::FrameFault::kNone);  // its own, correct checksums
    std::vector<uint8_t> datagram(out.payload.begin(), out.payload.end());
    smart::set_data_command(datagram.data(), smart::DataCommand::kOriginal, 0);
    EXPECT_TRUE(std::equal(datagram.begin(), datagram.end(), original.begin() + net::kUdpFrameOverhead,
                           original.end()));
    EXPECT_TRUE(
        std::equal(repairs[k].begin(), repairs[k].begin() + 6, original.begin()));  // to the group's MAC
  }
  EXPECT_EQ(count(ChannelCounter::kRepairsSent), 3u);
}

TEST_F(Requests, ASequenceIsRepairedOnceARoundTripHoweverManyAsk) {
  make({});
  send(5);
  EXPECT_EQ(ask(request({{2, 0}}, 5), kStart + 1).size(), 1u);
  EXPECT_EQ(ask(request({{2, 0}}, 5), kStart + kNsPerMs).size(), 0u);
  EXPECT_EQ(ask(request({{2, 0}}, 5), kStart + 2 * kNsPerMs, 0x0a010064).size(), 0u);
  EXPECT_EQ(count(ChannelCounter::kRequestRepeated), 2u);
  EXPECT_EQ(ask(request({{2, 0}}, 5), kStart + kRoundTripNs).size(), 1u);
}

TEST_F(Requests, WhatWasNotSentOrIsNoLongerKeptIsCounted) {
  make({});
  send(100);  // 64 are kept: 37 .. 100
  EXPECT_EQ(ask(request({{101, 0}}, 100), kStart + 1).size(), 0u);
  EXPECT_EQ(count(ChannelCounter::kRequestNotSent), 1u);
  EXPECT_EQ(ask(request({{36, 0}}, 100), kStart + 2).size(), 0u);
  EXPECT_EQ(count(ChannelCounter::kRequestTooOld), 1u);
  EXPECT_EQ(ask(request({{37, 0}}, 100), kStart + 3).size(), 1u);
  EXPECT_EQ(ask(request({{100, 0xffff}}, 100), kStart + 4).size(), 1u);
  EXPECT_EQ(count(ChannelCounter::kRequestNotSent), 17u);
}

TEST_F(Requests, TheTrailerMustBeRight) {
  make({});
  send(100);
  const auto good = request({{99, 0}}, 100);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(ask(bad, kStart + 1).size(), 0u) << "bit " << bit;
  }
  EXPECT_EQ(ask(request({{99, 0}}, 100), kStart + 2).size(), 1u);
  EXPECT_GT(count(ChannelCounter::kRequestMac), 100u);
  EXPECT_GT(count(ChannelCounter::kRequestTrailer), 0u);
  sign_ = false;
  EXPECT_EQ(ask(request({{98, 0}}, 100), kStart + 3).size(), 0u);
}

TEST_F(Requests, StaleAndImpossibleCountsAreRefused) {
  make({});
  send(100);
  EXPECT_EQ(ask(request({{99, 0}}, 0), kStart + 1).size(), 0u);
  EXPECT_EQ(ask(request({{99, 0}}, 36), kStart + 1).size(), 0u);   // further behind than the ring
  EXPECT_EQ(ask(request({{99, 0}}, 101), kStart + 1).size(), 0u);  // never sent
  EXPECT_EQ(count(ChannelCounter::kRequestStale), 3u);
  EXPECT_EQ(ask(request({{99, 0}}, 37), kStart + 1).size(), 1u);
}

TEST_F(Requests, ClearChannelsTakeNoTrailer) {
  BedOptions options;
  options.encrypted = false;
  make(options);
  send(5);
  EXPECT_EQ(ask(request({{2, 0}}, 5), kStart + 1).size(), 0u);
  EXPECT_EQ(count(ChannelCounter::kRequestTrailer), 1u);
  sign_ = false;
  EXPECT_EQ(ask(request({{2, 0}}, 5), kStart + 1).size(), 1u);
}

TEST_F(Requests, TheBudgetHolds) {
  BedOptions options;
  options.window_packets = 1024;
  options.bitrate_cap_bps = 2'000'000;
  options.budget_percent = 1;  // next to nothing: the least burst of 64 full frames remains, 69 of these
  make(options);
  for (int second = 3; second > 0; --second)  // within the cap
    for (int k = 0; k < 40; ++k) {
      bed_->feed(feed_frame(0, ts_payload(7, 1)));
      bed_->lane().poll(kStart + (3 - second) * kNsPerSecond);
    }
  bed_->sent();
  ASSERT_EQ(bed_->channel(0).next_sequence(), 121u);
  size_t repaired = 0;
  for (uint16_t first = 1; first < 101; first = static_cast<uint16_t>(first + 10))
    repaired += ask(request({{first, 0b111111111}}, 120), kStart + 3 * kNsPerSecond).size();
  EXPECT_EQ(repaired, 69u);
  EXPECT_EQ(count(ChannelCounter::kRequestOverBudget), 31u);
}

TEST_F(Requests, OneAddressCannotAskWithoutEnd) {
  make({});
  send(5);
  const std::vector<smart::SequencePair> many(
      64, {2, 0xffff});  // 1,088 sequences: 30 times is within the allowance
  for (int k = 0; k < 40; ++k) ask(request(many, 5), kStart + 1);
  EXPECT_EQ(count(ChannelCounter::kRequestSourceLimit), 10u);
  ask(request(many, 5), kStart + 1, 0x0a010065);
  EXPECT_EQ(count(ChannelCounter::kRequestSourceLimit), 10u);
  ask(request(many, 5), kStart + kNsPerSecond);
  EXPECT_EQ(count(ChannelCounter::kRequestSourceLimit), 10u);
}

TEST_F(Requests, OtherMessagesAndGroupsAreCounted) {
  make({});
  send(5);
  ask(request({{2, 0}}, 5, 0xef630000), kStart + 1);
  EXPECT_EQ(bed_->count(LaneCounter::kUnknownGroup), 1u);
  ask({1, 2, 3}, kStart + 1);
  EXPECT_EQ(bed_->count(smart::WireFault::kTruncated), 1u);
  ask({1, 0xbf, 0, 4}, kStart + 1);
  EXPECT_EQ(bed_->count(smart::WireFault::kUnknownCommand), 1u);
  std::vector<uint8_t> join(128);
  size_t size = smart::encode(smart::MessageCommand::kUsageReportJoin, smart::UsageReport{}, join);
  size = smart::append_cmac_trailer(manager_, *up_, {LaneBed::kReceiverId, 7, 5}, 1, join, size);
  join.resize(size);
  ask(join, kStart + 1);
  EXPECT_EQ(bed_->count(LaneCounter::kMessageIgnored), 1u);
}

TEST_F(Requests, LiveTrafficGoesFirst) {
  BedOptions options;
  options.source_interface = 1;  // so that one burst brings both
  make(options);
  const auto feed = [&] { bed_->feed(feed_frame(0, ts_payload(7, 9)), 1); };
  feed();
  bed_->lane().poll(kStart + 1);
  bed_->sent();
  net::UdpFlow flow;
  flow.source = 0x0a010063;
  flow.destination = LaneBed::kOutAddress;
  flow.source_port = flow.destination_port = smart::kDefaultPort;
  bed_->feed(udp_frame(flow, request({{1, 0}}, 1)), 1);
  feed();
  bed_->lane().poll(kStart + 2);
  const auto frames = bed_->sent();
  ASSERT_EQ(frames.size(), 2u);
  smart::DataHeader first, second;
  ASSERT_EQ(smart::decode_data(net::parse_frame(frames[0], {}).payload, first), smart::WireFault::kNone);
  ASSERT_EQ(smart::decode_data(net::parse_frame(frames[1], {}).payload, second), smart::WireFault::kNone);
  EXPECT_EQ(first.command, smart::DataCommand::kOriginal);
  EXPECT_EQ(second.command, smart::DataCommand::kRepair);
}

TEST_F(Requests, WithoutFreePacketsRepairsAreCountedAndTheLaneGoesOn) {
  make({});
  send(10);
  std::vector<drivers::Packet*> taken;
  while (drivers::Packet* packet = bed_->control_pool().take()) taken.push_back(packet);
  EXPECT_EQ(ask(request({{2, 0b11}}, 10), kStart + 1).size(), 0u);
  EXPECT_EQ(count(ChannelCounter::kRepairNoPacket), 3u);
  for (drivers::Packet* packet : taken) drivers::release(packet);
  EXPECT_EQ(ask(request({{2, 0b11}}, 10), kStart + kRoundTripNs).size(), 3u);
}

TEST_F(Requests, ARepairByReferenceKeepsItsFrameUntilTheCardHasSentIt) {
  BedOptions options;
  options.window_packets = 64;
  options.offloads.segments = true;
  make(options);
  const auto originals = send(1);
  net::UdpFlow flow;
  flow.source = 0x0a010063;
  flow.destination = LaneBed::kOutAddress;
  flow.source_port = flow.destination_port = smart::kDefaultPort;
  bed_->feed(udp_frame(flow, request({{.sequence = 1, .mask = 0}}, 1)), 1);
  bed_->lane().poll(kStart);
  ASSERT_EQ(count(ChannelCounter::kRepairsSent), 1u);
  // The card is slow: the window goes round twice before it comes to the repair.
  for (unsigned k = 0; k < 128; ++k) {
    bed_->feed(feed_frame(0, ts_payload(7, static_cast<uint8_t>(100 + k))));
    bed_->lane().poll(kStart);
  }
  ASSERT_EQ(count(ChannelCounter::kPacketsSent), 129u);
  const auto original = net::parse_frame(originals.at(0), {}).payload;
  unsigned repairs = 0;
  for (const auto& frame : bed_->sent()) {
    const net::ParsedFrame out = net::parse_frame(frame, {});
    smart::DataHeader header;
    if (smart::decode_data(out.payload, header) != smart::WireFault::kNone ||
        header.command != smart::DataCommand::kRepair)
      continue;
    ++repairs;
    EXPECT_EQ(out.fault, net::FrameFault::kNone);
    ASSERT_EQ(out.payload.size(), original.size());
    EXPECT_TRUE(std::equal(original.begin() + smart::kDataHeaderSize, original.end(),
                           out.payload.begin() + smart::kDataHeaderSize));
  }
  EXPECT_EQ(repairs, 1u);
}

}  // namespace
}  // namespace linecast
