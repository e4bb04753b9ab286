// ERROR_REPORT and PROBLEM_REPORT against a real lane: what reaches the control lcore, what is refused and
// under which name.
#include <gtest/gtest.h>

#include "lib/smart/trailer.h"
#include "tests/vdev/lane_bed.h"

namespace linecast {
namespace {

using app::ChannelCounter;
using app::LaneCounter;
using smart::MessageCommand;

constexpr TimeNs kStart = 10 * kNsPerSecond;
constexpr Ipv4 kReceiver = 0x0a010063;
constexpr unsigned kSent = 100;  // data packets, of which the window keeps 64

class FaultReports : public testing::Test {
 protected:
  void make(const BedOptions& options) {
    bed_ = std::make_unique<LaneBed>(options);
    for (unsigned k = 0; k < kSent; ++k) {
      bed_->feed(feed_frame(0, ts_payload(7, static_cast<uint8_t>(k))));
      poll(kStart);
    }
  }

  std::vector<uint8_t> clear_report(MessageCommand command, const smart::FaultReport& report) {
    std::vector<uint8_t> datagram(128);
    datagram.resize(smart::encode(command, report, datagram));
    return datagram;
  }

  std::vector<uint8_t> report(MessageCommand command, const smart::FaultReport& report,
                              uint64_t count = kSent, uint64_t id = LaneBed::kReceiverId) {
    const crypto::CmacKey up(manager_, crypto::derive_up_key(bed_->group_key(), bed_->channel_id(0)));
    std::vector<uint8_t> datagram = clear_report(command, report);
    const size_t size = datagram.size();
    datagram.resize(128);
    datagram.resize(smart::append_cmac_trailer(manager_, crypto::receiver_key(manager_, up, id),
                                               {id, bed_->group_key().id, count}, 1, datagram, size));
    return datagram;
  }

  void hand_in(const std::vector<uint8_t>& datagram, TimeNs now = kStart, Ipv4 from = kReceiver) {
    net::UdpFlow flow;
    flow.source = from;
    flow.destination = LaneBed::kOutAddress;
    flow.source_port = 40'000;
    flow.destination_port = smart::kDefaultPort;
    bed_->feed(udp_frame(flow, datagram), 1);
    poll(now);
  }

  void poll(TimeNs now) {
    for (const auto& lane : bed_->lanes()) lane->poll(now);
    bed_->sent();
  }

  std::vector<smart::HeardFault> heard(size_t lane = 0) {
    std::vector<smart::HeardFault> faults;
    for (smart::HeardFault fault; bed_->lane(lane).next_fault(fault);) faults.push_back(fault);
    return faults;
  }

  uint64_t count(ChannelCounter c) { return bed_->count(0, c); }

  static constexpr smart::FaultReport kUnrecovered{
      .reporting = kReceiver, .concerning = 0xef140000, .code = 1, .count = 12, .first_sequence = 77};

  crypto::Manager manager_;
  std::unique_ptr<LaneBed> bed_;
};

TEST_F(FaultReports, ReachTheControlLcoreAsTheyWereSent) {
  make({});
  hand_in(report(MessageCommand::kErrorReport, kUnrecovered), kStart + 5);
  smart::FaultReport problem = kUnrecovered;
  problem.code = 3;
  problem.first_sequence = 0;
  hand_in(report(MessageCommand::kProblemReport, problem, kSent, 9), kStart + 6, kReceiver + 1);
  const auto faults = heard();
  ASSERT_EQ(faults.size(), 2u);
  EXPECT_EQ(faults[0].time, kStart + 5);
  EXPECT_EQ(faults[0].receiver, LaneBed::kReceiverId);
  EXPECT_EQ(faults[0].channel, 0u);
  EXPECT_EQ(faults[0].source, kReceiver);
  EXPECT_FALSE(faults[0].problem);
  EXPECT_EQ(faults[0].code, 1u);
  EXPECT_EQ(faults[0].count, 12u);
  EXPECT_EQ(faults[0].first_sequence, 77u);
  EXPECT_EQ(faults[1].receiver, 9u);
  EXPECT_EQ(faults[1].source, kReceiver + 1);
  EXPECT_TRUE(faults[1].problem);
  EXPECT_EQ(faults[1].code, 3u);
  EXPECT_EQ(count(ChannelCounter::kErrorReports), 1u);
  EXPECT_EQ(count(ChannelCounter::kProblemReports), 1u);
  EXPECT_EQ(count(ChannelCounter::kRequests), 0u);
}

TEST_F(FaultReports, OnAClearChannelAreOfAnAddressAndWithoutTrailer) {
  BedOptions options;
  options.encrypted = false;
  make(options);
  hand_in(report(MessageCommand::kErrorReport, kUnrecovered));
  EXPECT_TRUE(heard().empty());
  EXPECT_EQ(count(ChannelCounter::kRequestTrailer), 1u);
  hand_in(clear_report(MessageCommand::kErrorReport, kUnrecovered));
  const auto faults = heard();
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].receiver, 0u);
  EXPECT_EQ(faults[0].source, kReceiver);
}

TEST_F(FaultReports, OfAChannelOfAnotherLaneAreHandedOver) {
  BedOptions options;
  options.lanes = 2;
  options.channels = 2;
  options.encrypted = false;
  make(options);
  smart::FaultReport second = kUnrecovered;
  second.concerning = LaneBed::output_group(1);
  hand_in(clear_report(MessageCommand::kErrorReport, second));
  poll(kStart);
  EXPECT_TRUE(heard(0).empty());
  const auto faults = heard(1);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].channel, 1u);
}

TEST_F(FaultReports, ThatAreForgedOrDamagedAreRefused) {
  make({});
  const auto good = report(MessageCommand::kErrorReport, kUnrecovered);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    hand_in(bad);
  }
  EXPECT_TRUE(heard().empty());
  EXPECT_GT(count(ChannelCounter::kRequestMac), 250u);
  EXPECT_EQ(count(ChannelCounter::kReportSourceLimit), 0u);  // the allowance of the receiver is untouched
  hand_in(clear_report(MessageCommand::kErrorReport, kUnrecovered));
  EXPECT_TRUE(heard().empty());
  EXPECT_GT(count(ChannelCounter::kRequestTrailer), 0u);
  hand_in(good);
  EXPECT_EQ(heard().size(), 1u);
}

TEST_F(FaultReports, OfWrongLengthOrGroupAreCounted) {
  make({});
  auto good = report(MessageCommand::kErrorReport, kUnrecovered);
  for (const size_t size : {size_t{0}, size_t{3}})
    hand_in({good.begin(), good.begin() + static_cast<long>(size)});
  EXPECT_EQ(bed_->count(smart::WireFault::kTruncated), 2u);
  hand_in({good.begin(), good.end() - 1});
  EXPECT_EQ(bed_->count(smart::WireFault::kSizeMismatch), 1u);
  auto longer = good;  // a body of 24
  longer.insert(longer.begin() + 4, 4, 0);
  store_be16(&longer[2], static_cast<uint16_t>(longer.size()));
  hand_in(longer);
  EXPECT_EQ(bed_->count(smart::WireFault::kBadLength), 1u);
  smart::FaultReport other = kUnrecovered;
  other.concerning = 0xef630000;
  hand_in(report(MessageCommand::kErrorReport, other));
  EXPECT_EQ(bed_->count(LaneCounter::kUnknownGroup), 1u);
  EXPECT_TRUE(heard().empty());
}

TEST_F(FaultReports, ErrorsMustBeOfTheLastWindow) {
  make({});
  for (const uint64_t stale : {uint64_t{0}, uint64_t{kSent - 64}, uint64_t{kSent + 1}})
    hand_in(report(MessageCommand::kErrorReport, kUnrecovered, stale));
  EXPECT_EQ(count(ChannelCounter::kRequestStale), 3u);
  EXPECT_TRUE(heard().empty());
  hand_in(report(MessageCommand::kErrorReport, kUnrecovered, kSent - 63));
  EXPECT_EQ(heard().size(), 1u);
}

TEST_F(FaultReports, ProblemsMayBeOfWhoHasOpenedNothingLately) {
  make({});
  for (const uint64_t opened : {uint64_t{0}, uint64_t{1}, uint64_t{kSent}, uint64_t{kSent + 1}})
    hand_in(report(MessageCommand::kProblemReport, kUnrecovered, opened));
  EXPECT_EQ(count(ChannelCounter::kRequestStale), 0u);
  EXPECT_EQ(heard().size(), 4u);
}

TEST_F(FaultReports, OfOneReceiverAreLimited) {
  make({});
  for (int k = 0; k < 150; ++k) hand_in(report(MessageCommand::kErrorReport, kUnrecovered));
  EXPECT_EQ(heard().size(), 100u);
  EXPECT_EQ(count(ChannelCounter::kReportSourceLimit), 50u);
  hand_in(report(MessageCommand::kErrorReport, kUnrecovered, kSent, 5));  // from the same address
  EXPECT_EQ(heard().size(), 1u);
}

TEST_F(FaultReports, OfManyForgedAddressesStopAtWhatAChannelTakes) {
  BedOptions options;
  options.encrypted = false;
  options.channels = 2;
  make(options);
  const auto good = clear_report(MessageCommand::kErrorReport, kUnrecovered);
  for (Ipv4 k = 0; k < 1200; ++k) hand_in(good, kStart, kReceiver + k);
  EXPECT_EQ(heard().size(), 1000u);
  EXPECT_EQ(count(ChannelCounter::kErrorReports), 1000u);
  EXPECT_EQ(count(ChannelCounter::kReportChannelLimit), 200u);
  smart::FaultReport second = kUnrecovered;
  second.concerning = LaneBed::output_group(1);
  hand_in(clear_report(MessageCommand::kErrorReport, second));
  EXPECT_EQ(heard().size(), 1u);  // the other channel's are taken
}

TEST_F(FaultReports, ThatNobodyTakesFillTheQueueAndAreCounted) {
  BedOptions options;
  options.encrypted = false;
  make(options);
  const auto good = clear_report(MessageCommand::kErrorReport, kUnrecovered);
  constexpr size_t kMore = 10;
  TimeNs now = kStart;
  for (Ipv4 k = 0; k < app::kFaultQueueRoom + kMore; ++k) hand_in(good, now += kNsPerMs, kReceiver + k);
  EXPECT_EQ(count(ChannelCounter::kReportQueueFull), kMore);
  EXPECT_EQ(count(ChannelCounter::kErrorReports), app::kFaultQueueRoom);
  EXPECT_EQ(heard().size(), app::kFaultQueueRoom);
  hand_in(good, now);
  EXPECT_EQ(heard().size(), 1u);
}

}  // namespace
}  // namespace linecast
