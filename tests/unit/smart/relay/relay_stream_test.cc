// What is kept and passed on, asked for above, answered below.
#include "tests/unit/smart/relay/relay_bed.h"

namespace linecast::smart {
namespace {

using Fate = RelayStream::Fate;
constexpr TimeNs kMs = kNsPerMs;

class EveryGuard : public testing::TestWithParam<RelayGuard> {};
INSTANTIATE_TEST_SUITE_P(, EveryGuard,
                         testing::Values(RelayGuard::kClear, RelayGuard::kOpened, RelayGuard::kTrusted));

TEST_P(EveryGuard, PassesEachPacketOnOnce) {
  RelayBed bed(GetParam());
  bed.begin();
  for (int i = 0; i < 1000; ++i) {
    const Datagram packet = bed.data();
    EXPECT_EQ(bed.fate(packet), Fate::kKept);
    EXPECT_NE(bed.fate(packet), Fate::kKept);
    Datagram repair = packet;
    set_data_command(repair.data(), DataCommand::kRepair, 3);
    EXPECT_NE(bed.fate(repair), Fate::kKept) << "it had come as an original";
  }
  EXPECT_EQ(bed.passed_on.size(), 1000u);
  EXPECT_EQ(bed.count(RelayCounter::kPassedOn), 1000u);
  EXPECT_EQ(bed.count(ReceiveCounter::kDuplicates), 1000u);
  EXPECT_EQ(bed.count(ReceiveCounter::kUnneededRepairs), 1000u);
}

TEST_P(EveryGuard, AsksForWhatIsMissingAndPassesItOnWhenItComes) {
  RelayBed bed(GetParam());
  bed.begin();
  std::vector<Datagram> lost;
  for (int i = 0; i < 200; ++i) {
    const Datagram packet = bed.data();
    if (i % 20 == 5)
      lost.push_back(packet);
    else
      EXPECT_EQ(bed.fate(packet), Fate::kKept);
    bed.run_for(kMs, 3 * kMs);
  }
  bed.run_for(100 * kMs, 3 * kMs);
  EXPECT_EQ(bed.passed_on.size(), 200u);
  EXPECT_EQ(bed.count(ReceiveCounter::kRepaired), lost.size());
  EXPECT_EQ(bed.count(ReceiveCounter::kSequencesRequested), lost.size()) << "each once";
  EXPECT_EQ(bed.count(ReceiveCounter::kUnrecovered), 0u);
}

TEST_P(EveryGuard, AHeartbeatRevealsALossAtTheTailAndIsPassedOn) {
  RelayBed bed(GetParam());
  bed.begin();
  bed.take(bed.data());
  bed.data();  // lost
  const Datagram heartbeat = bed.sender->heartbeat();
  EXPECT_EQ(bed.fate(heartbeat), Fate::kHeartbeat);
  bed.run_for(100 * kMs, 3 * kMs);
  EXPECT_EQ(bed.passed_on.size(), 2u);
}

TEST_P(EveryGuard, AHeartbeatBeforeTheFirstPacketIsPassedOnAndShowsThatThisWasLost) {
  RelayBed bed(GetParam());
  bed.begin();
  const Datagram heartbeat = bed.sender->heartbeat();
  EXPECT_EQ(bed.fate(heartbeat), Fate::kHeartbeat);
  EXPECT_EQ(bed.fate(heartbeat), Fate::kDropped) << "it came round";
  bed.data();  // lost
  bed.data();
  bed.take(bed.data());
  bed.run_for(100 * kMs, 3 * kMs);
  EXPECT_EQ(bed.passed_on.size(), 3u);
  EXPECT_EQ(bed.count(ReceiveCounter::kRepaired), 2u);
}

TEST_P(EveryGuard, AHeartbeatThatComesRoundIsNotPassedOn) {
  RelayBed bed(GetParam());
  bed.begin();
  bed.take(bed.data());
  const Datagram heartbeat = bed.sender->heartbeat();
  EXPECT_EQ(bed.fate(heartbeat), Fate::kHeartbeat);
  EXPECT_EQ(bed.fate(heartbeat), Fate::kDropped);
}

TEST_P(EveryGuard, WhatLeavesTheWindowUnrecoveredIsCountedAndReported) {
  RelayBed bed(GetParam(), {}, 64);
  bed.begin();
  bed.take(bed.data());
  for (int i = 0; i < 3; ++i) bed.data();  // lost, and nobody answers
  for (int i = 0; i < 100; ++i) {
    bed.take(bed.data());
    bed.run_for(10 * kMs);
  }
  EXPECT_EQ(bed.count(ReceiveCounter::kUnrecovered), 3u);
  bed.run_for(3 * kNsPerSecond);
  std::vector<FaultReport> errors;
  for (const Datagram& report : bed.reports) {
    Split split;
    FaultReport fault;
    ASSERT_EQ(split_message(report, split), WireFault::kNone);
    if (split.header.command == static_cast<uint8_t>(MessageCommand::kErrorReport) &&
        decode(split.body, fault))
      errors.push_back(fault);
  }
  ASSERT_EQ(errors.size(), 1u) << "one for all that is below";
  EXPECT_EQ(errors[0].code, static_cast<uint32_t>(ErrorCode::kUnrecovered));
  EXPECT_EQ(errors[0].count, 3u);
}

TEST_P(EveryGuard, WhatIsAskedForBelowIsParted) {
  RelayBed bed(GetParam());
  bed.begin();
  std::vector<uint16_t> numbers;
  for (int i = 0; i < 20; ++i) {
    const Datagram packet = bed.data();
    numbers.push_back(load_be16(packet.data() + 4));
    if (i != 7 && i != 9) bed.take(packet);
  }
  PairList asked, held, missing;
  // 6 to 10, of which 7 and 9 are missing here too; and one that was never sent.
  asked.pairs[asked.count++] = {numbers[6], 0b1111};
  asked.pairs[asked.count++] = {static_cast<uint16_t>(numbers[19] + 5), 0};
  bed.relay->part(bed.now, asked, held, missing);
  ASSERT_EQ(held.count, 2u);
  EXPECT_EQ(held.pairs[0].sequence, numbers[6]);
  EXPECT_EQ(held.pairs[0].mask, 0b1010);
  EXPECT_EQ(held.pairs[1].sequence, asked.pairs[1].sequence)
      << "the repair engine says of it what is to be said";
  ASSERT_EQ(missing.count, 1u);
  EXPECT_EQ(missing.pairs[0].sequence, numbers[7]);
  EXPECT_EQ(missing.pairs[0].mask, 0b10);
  EXPECT_EQ(bed.relay->wait_ns(), 100 * kMs) << "two round trips of the hop above";
  // However many ask, they are told once to wait.
  PairList again_held, again_missing;
  bed.relay->part(bed.now + 99 * kMs, asked, again_held, again_missing);
  EXPECT_EQ(again_missing.count, 0u);
  bed.relay->part(bed.now + 100 * kMs, asked, held = {}, again_missing);
  EXPECT_EQ(again_missing.count, 1u);
  EXPECT_EQ(bed.count(RelayCounter::kMissingBelow), 6u);
}

TEST_P(EveryGuard, EveryMaskIsPartedIntoAsManyPairsAtMost) {
  RelayBed bed(GetParam());
  bed.begin();
  uint16_t first = 0;
  for (int i = 0; i < 200; ++i) {
    const Datagram packet = bed.data();
    if (i == 0) first = load_be16(packet.data() + 4);
    if (i % 3 != 1) bed.take(packet);
  }
  PairList asked, held, missing;
  for (size_t k = 0; k < kMaxPairs; ++k)
    asked.pairs[asked.count++] = {static_cast<uint16_t>(first + 2 * k), 0xffff};
  bed.relay->part(bed.now, asked, held, missing);
  EXPECT_LE(held.count, kMaxPairs);
  EXPECT_LE(missing.count, kMaxPairs);
}

TEST_P(EveryGuard, TooManyHopsAreRefused) {
  RelayBed bed(GetParam());
  bed.begin();
  EXPECT_EQ(bed.relay->hops(), 1u);
  bed.sender->hops = 7;
  if (GetParam() == RelayGuard::kClear) {
    bed.message(bed.sender->status());
    EXPECT_EQ(bed.relay->hops(), 8u);
    EXPECT_EQ(bed.fate(bed.data()), Fate::kKept) << "the eighth is the last";
    bed.sender->hops = 255;
    bed.message(bed.sender->status());
    EXPECT_TRUE(bed.relay->too_far());
    EXPECT_EQ(bed.fate(bed.data()), Fate::kDropped);
    EXPECT_EQ(bed.fate(bed.sender->heartbeat()), Fate::kDropped);
    EXPECT_EQ(bed.count(RelayCounter::kTooManyHops), 2u);
    bed.sender->hops = 0;
    bed.message(bed.sender->status());
    EXPECT_EQ(bed.fate(bed.data()), Fate::kKept) << "once it is near again";
    return;
  }
  bed.sender->hops = 8;
  bed.message(bed.sender->status());
  EXPECT_EQ(bed.fate(bed.data()), Fate::kDropped);
}

TEST_P(EveryGuard, ItJoinsForAllThatAreBelowAndLeaves) {
  RelayBed bed(GetParam());
  bed.begin();
  bed.take(bed.data());
  bed.receivers = 1234;
  bed.run_for(1500 * kMs);
  bed.relay->leave(bed.manager(), bed.now, 1200,
                   [&](Bytes leave) { bed.reports.emplace_back(leave.begin(), leave.end()); });
  ASSERT_EQ(bed.reports.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    Split split;
    UsageReport usage;
    ASSERT_EQ(split_message(bed.reports[static_cast<size_t>(i)], split), WireFault::kNone);
    ASSERT_TRUE(decode(split.body, usage));
    EXPECT_EQ(split.trailer.empty(), GetParam() == RelayGuard::kClear);
    EXPECT_EQ(usage.detail->receivers, i == 0 ? 1234u : 1200u);
  }
}

TEST_P(EveryGuard, OthersThatAreBehindItAreSoonReportedAndTheSameAreNot) {
  RelayBed bed(GetParam());
  bed.begin();
  bed.take(bed.data());
  std::vector<uint32_t> told;
  const auto run = [&](uint32_t receivers) {
    bed.receivers = receivers;
    for (int i = 0; i < 10; ++i) {
      bed.message(bed.sender->status());
      bed.run_for(500 * kMs);
    }
    for (const Datagram& report : bed.reports) {
      Split split;
      UsageReport usage;
      if (split_message(report, split) == WireFault::kNone && decode(split.body, usage))
        told.push_back(usage.detail->receivers);
    }
    bed.reports.clear();
  };
  for (const uint32_t receivers : {0u, 3u, 3u, 1u, 0u, 0u}) run(receivers);
  EXPECT_EQ(told, (std::vector<uint32_t>{0, 3, 1, 0}));
}

TEST_P(EveryGuard, SilenceIsReported) {
  RelayBed bed(GetParam());
  bed.begin();
  bed.run_for(8 * kNsPerSecond);
  bool told = false;
  for (const Datagram& report : bed.reports) {
    Split split;
    FaultReport fault;
    ASSERT_EQ(split_message(report, split), WireFault::kNone);
    told |= split.header.command == static_cast<uint8_t>(MessageCommand::kProblemReport) &&
            decode(split.body, fault) && fault.code == static_cast<uint32_t>(ProblemCode::kNothingReceived);
  }
  EXPECT_TRUE(told);
}

// --- with the group key ---

TEST(RelayStream, AForgeryIsNotPassedOn) {
  RelayBed bed;
  bed.begin();
  bed.take(bed.data());
  Datagram forged = bed.data();
  const Datagram genuine = forged;
  forged[100] ^= 1;
  EXPECT_EQ(bed.fate(forged), Fate::kDropped);
  EXPECT_EQ(bed.count(ReceiveCounter::kBadTag), 1u);
  EXPECT_EQ(bed.fate(genuine), Fate::kKept) << "the forgery has marked nothing";
  // One that leaps ahead does not move the stream either.
  Datagram ahead = bed.data();
  store_be64(ahead.data() + kDataHeaderSize, load_be64(ahead.data() + kDataHeaderSize) + 65536 * 100);
  EXPECT_EQ(bed.fate(ahead), Fate::kDropped);
  EXPECT_EQ(bed.relay->next_sequence(), 102u);
}

TEST(RelayStream, ANewEpochIsFollowed) {
  RelayBed bed;
  bed.begin();
  for (int i = 0; i < 10; ++i) bed.take(bed.data());
  bed.sender->schedule_epoch(120, bed.sender->o.group_key);
  ASSERT_TRUE(bed.announce(bed.sender->announce()));
  for (int i = 0; i < 30; ++i) EXPECT_EQ(bed.fate(bed.data()), Fate::kKept) << i;
  EXPECT_EQ(bed.relay->synch_code(), 2u);
}

TEST(RelayStream, ANewStartIsFollowedAndWhatCameBeforeItsKeyIsAskedFor) {
  RelayBed bed;
  bed.begin();
  for (int i = 0; i < 50; ++i) bed.take(bed.data());
  SmartSender::Options next = bed.sender->o;
  next.start_number = 2000;
  next.salt = 2;
  next.first_sequence = 120;  // within what is kept of the old one
  bed.sender = std::make_unique<SmartSender>(next);
  bed.passed_on.clear();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(bed.fate(bed.data()), Fate::kDropped) << "its key is not known yet";
  ASSERT_TRUE(bed.announce(bed.sender->announce()));
  bed.message(bed.sender->status());
  for (int i = 0; i < 40; ++i) EXPECT_EQ(bed.fate(bed.data()), Fate::kKept);
  bed.run_for(100 * kMs, 3 * kMs);
  EXPECT_EQ(bed.count(ReceiveCounter::kRestarts), 1u);
  EXPECT_EQ(bed.passed_on.begin()->first, 140u - 10u)
      << "what the old stream had under its numbers was not taken for a new packet";
  EXPECT_EQ(bed.relay->next_sequence(), 170u);
}

TEST(RelayStream, WhatTheHopAboveSaysMustBeItsOwn) {
  RelayBed bed;
  bed.begin();
  Datagram status = bed.sender->status();
  Datagram forged = status;
  forged[17] = 9;  // hops
  bed.message(forged);
  EXPECT_EQ(bed.count(ReceiveCounter::kBadTrailer), 1u);
  bed.message(status);
  bed.message(status);
  EXPECT_EQ(bed.count(ReceiveCounter::kStaleMessage), 1u);
  EXPECT_EQ(bed.relay->hops(), 1u);
}

// --- without it ---

TEST(RelayStream, ACopyIsNamedSoThatItCanBeCompared) {
  RelayBed bed(RelayGuard::kTrusted);
  bed.begin();
  const Datagram packet = bed.data();
  EXPECT_EQ(bed.fate(packet), Fate::kKept);
  Datagram other = packet;
  other[100] ^= 1;
  const RelayStream::Taken taken = bed.take(other);
  EXPECT_EQ(taken.fate, Fate::kCopy);
  EXPECT_EQ(taken.sequence, 100u);
}

TEST(RelayStream, WithoutAKeyOnePacketMovesTheStreamNowhere) {
  RelayBed bed(RelayGuard::kTrusted);
  bed.begin();
  for (int i = 0; i < 10; ++i) bed.take(bed.data());
  Datagram far = bed.data();
  store_be64(far.data() + kDataHeaderSize, load_be64(far.data() + kDataHeaderSize) + 65536 * 100);
  EXPECT_EQ(bed.fate(far), Fate::kDropped);
  EXPECT_EQ(bed.count(ReceiveCounter::kDoubtful), 1u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(bed.fate(bed.data()), Fate::kKept);
}

class Unvouched : public testing::TestWithParam<RelayGuard> {};
INSTANTIATE_TEST_SUITE_P(, Unvouched, testing::Values(RelayGuard::kClear, RelayGuard::kTrusted));

TEST_P(Unvouched, WhatComesToTheRepeaterAloneOnlyMends) {
  using Way = RelayStream::Way;
  RelayBed bed(GetParam());
  bed.begin();
  const auto alone = [&](const Datagram& packet) { return bed.take(packet, Way::kUnicast).fate; };
  EXPECT_EQ(alone(bed.sender->heartbeat()), Fate::kDropped);
  EXPECT_EQ(alone(bed.data()), Fate::kDropped) << "begins no stream";
  EXPECT_FALSE(bed.relay->running());
  const Datagram kept = bed.data();
  bed.take(kept);
  const Datagram lost = bed.data();
  bed.take(bed.data());
  const auto as_repair = [](Datagram packet) {
    set_data_command(packet.data(), DataCommand::kRepair, 0);
    return packet;
  };
  const uint64_t next = bed.relay->next_sequence();
  Datagram other = kept;
  other[100] ^= 1;
  EXPECT_EQ(alone(other), Fate::kDropped) << "replaces nothing";
  EXPECT_EQ(alone(as_repair(other)), Fate::kDropped);
  EXPECT_EQ(alone(lost), Fate::kDropped) << "an original";
  EXPECT_EQ(alone(as_repair(bed.data())), Fate::kDropped) << "not known to have been sent";
  EXPECT_EQ(bed.relay->next_sequence(), next);
  EXPECT_EQ(bed.count(RelayCounter::kStray), 6u);
  EXPECT_EQ(alone(as_repair(lost)), Fate::kKept);
  EXPECT_EQ(bed.count(RelayCounter::kStray), 6u);
}

TEST(RelayStream, WithoutAKeyAHeartbeatFarFromTheFirstPacketHasNothingAskedFor) {
  RelayBed bed(RelayGuard::kTrusted);
  bed.begin();
  bed.take(bed.sender->heartbeat());
  for (int i = 0; i < 65; ++i) bed.data();  // a quarter of the window, and one
  bed.take(bed.data());
  bed.run_for(100 * kMs, 3 * kMs);
  EXPECT_EQ(bed.passed_on.size(), 1u);
  EXPECT_TRUE(bed.requests.empty());
}

TEST(RelayStream, WithoutAKeyAStreamThatWasMistakenIsFoundAgain) {
  RelayBed bed(RelayGuard::kTrusted);
  bed.begin();
  for (int i = 0; i < 10; ++i) bed.take(bed.data());
  for (uint64_t k = 0; k < 3; ++k) {  // a row of them is believed
    Datagram far = bed.data();
    store_be64(far.data() + kDataHeaderSize, load_be64(far.data() + kDataHeaderSize) + 65536 * 100);
    bed.take(far);
  }
  EXPECT_GT(bed.relay->next_sequence(), 65536u * 100);
  bed.passed_on.clear();
  int kept = 0;
  for (int i = 0; i < 10; ++i) kept += bed.fate(bed.data()) == Fate::kKept;
  EXPECT_EQ(kept, 8) << "the third of a row brings it back";
}

// --- clear ---

TEST(RelayStream, ANewStartOfAClearChannelShowsInTheStatus) {
  RelayBed bed(RelayGuard::kClear);
  bed.begin();
  for (int i = 0; i < 10; ++i) bed.take(bed.data());
  SmartSender::Options next = bed.sender->o;
  next.start_number = 2000;
  next.first_sequence = 40'000;
  bed.sender = std::make_unique<SmartSender>(next);
  bed.message(bed.sender->status());
  EXPECT_EQ(bed.relay->restarts(), 1u);
  EXPECT_EQ(bed.fate(bed.data()), Fate::kKept);
}

TEST(RelayStream, AJumpOfAClearChannelIsBelievedWhenItGoesOn) {
  RelayBed bed(RelayGuard::kClear);
  bed.begin();
  for (int i = 0; i < 10; ++i) bed.take(bed.data());
  SmartSender::Options next = bed.sender->o;
  next.first_sequence = 40'000;
  bed.sender = std::make_unique<SmartSender>(next);
  EXPECT_EQ(bed.fate(bed.data()), Fate::kDropped);
  EXPECT_EQ(bed.fate(bed.data()), Fate::kDropped);
  EXPECT_EQ(bed.fate(bed.data()), Fate::kKept);
  bed.run_for(100 * kMs, 3 * kMs);
  EXPECT_EQ(bed.passed_on.size(), 10u + 3u) << "the two before it are asked for";
}

// --- what is none of it ---

TEST(RelayStream, WhatIsNotOfTheChannelsKindIsCounted) {
  RelayBed bed;
  bed.begin();
  RelayBed clear(RelayGuard::kClear);
  EXPECT_EQ(bed.fate(clear.data()), Fate::kDropped);
  EXPECT_EQ(bed.count(ReceiveCounter::kNotSealed), 1u);
  EXPECT_EQ(clear.fate(bed.data()), Fate::kDropped);
  EXPECT_EQ(clear.count(ReceiveCounter::kSealedOnClear), 1u);
  Datagram cut = bed.data();
  cut.pop_back();
  EXPECT_EQ(bed.take(cut).fault, WireFault::kSizeMismatch);
  EXPECT_EQ(bed.message({1, 2}), WireFault::kTruncated);
  bed.message(bed.requests.emplace_back(bed.sender->announce()));
  EXPECT_EQ(bed.count(ReceiveCounter::kNotForReceivers), 1u);
}

}  // namespace
}  // namespace linecast::smart
