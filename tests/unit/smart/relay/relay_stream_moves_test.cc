// The hop above moves to another group, and the repeater follows.
#include <gmock/gmock.h>

#include <set>

#include "tests/unit/smart/relay/relay_bed.h"

namespace linecast::smart {
namespace {

using Way = RelayStream::Way;
constexpr TimeNs kMs = kNsPerMs;
constexpr uint64_t kStart = 1000;

class Moves : public testing::TestWithParam<RelayGuard> {
 protected:
  Moves() { bed.begin(); }

  // A packet each 10 ms to each of these groups, where that is joined.
  void run_for(TimeNs span, std::initializer_list<GroupPlace> to) {
    for (const TimeNs end = bed.now + span; bed.now < end; bed.run_for(10 * kMs, 3 * kMs)) {
      const Datagram packet = bed.data();
      for (const GroupPlace& place : to)
        if (const size_t slot = bed.relay->groups().find(place); slot != GroupFollower::kNone)
          bed.take(packet, Way::kNative, slot);
    }
  }
  bool holds(const GroupPlace& place) const {
    return bed.relay->groups().find(place) != GroupFollower::kNone;
  }
  const GroupPlace& in_use() const { return bed.relay->groups().in_use(); }
  bool all_passed_on() const {
    return bed.passed_on.size() == bed.sender->next_sequence() - bed.sender->o.first_sequence;
  }

  RelayBed bed{GetParam()};
  const GroupPlace old_{bed.sender->o.group, kDefaultPort}, new_{bed.sender->o.group + 1, 47200};
};
INSTANTIATE_TEST_SUITE_P(, Moves,
                         testing::Values(RelayGuard::kClear, RelayGuard::kOpened, RelayGuard::kTrusted));

TEST_P(Moves, BothAreTakenThenTheOldOneIsLeftAndEachPacketGoesOnOnce) {
  if (GetParam() != RelayGuard::kClear) {
    EXPECT_EQ(bed.relay->hop_start_number(), kStart);
  }
  run_for(2 * kNsPerSecond, {old_});
  bed.relay->follow(bed.now, new_);
  EXPECT_TRUE(holds(old_) && holds(new_));
  EXPECT_EQ(in_use(), old_);
  run_for(kNsPerSecond, {old_});
  run_for(5 * kNsPerSecond, {old_, new_});
  EXPECT_EQ(in_use(), new_);
  EXPECT_TRUE(holds(old_)) << "as long as it is sent to";
  run_for(5 * kNsPerSecond, {new_});
  EXPECT_FALSE(holds(old_));
  EXPECT_TRUE(all_passed_on());
  EXPECT_EQ(bed.count(ReceiveCounter::kMoves), 1u);
  EXPECT_EQ(bed.count(ReceiveCounter::kUnrecovered), 0u);

  bed.sender->group = new_.group;
  bed.data();  // lost
  run_for(200 * kMs, {new_});
  ASSERT_FALSE(bed.requests.empty()) << "and the hop takes them";
  EXPECT_EQ(bed.relay->port_of(bed.requests.back()), new_.port);
  EXPECT_TRUE(all_passed_on());
  bed.message(bed.sender->status());
  bed.sender->group = old_.group;
  bed.message(bed.sender->status());
  EXPECT_EQ(bed.count(ReceiveCounter::kWrongGroup), 1u) << "no longer its group";
}

TEST_P(Moves, WhatIsSaidOfItNamesTheGroupInUse) {
  run_for(2 * kNsPerSecond, {old_});
  bed.relay->follow(bed.now, new_);
  run_for(5 * kNsPerSecond, {old_, new_});
  run_for(5 * kNsPerSecond, {new_});
  ASSERT_EQ(in_use(), new_);
  bed.sender->group = new_.group;
  bed.reports.clear();
  bed.receivers = 3;
  for (int i = 0; i < 4; ++i) {
    bed.message(bed.sender->status());
    run_for(kNsPerSecond, {new_});
  }
  bed.run_for(8 * kNsPerSecond);  // silence, which is reported
  bed.relay->leave(bed.manager(), bed.now, 3,
                   [this](Bytes message) { bed.reports.emplace_back(message.begin(), message.end()); });
  std::set<MessageCommand> said;
  for (const Datagram& report : bed.reports) {
    Split split;
    UsageReport usage;
    FaultReport fault;
    ASSERT_EQ(split_message(report, split), WireFault::kNone);
    const auto command = static_cast<MessageCommand>(split.header.command);
    if (command == MessageCommand::kProblemReport) {
      ASSERT_TRUE(decode(split.body, fault));
      EXPECT_EQ(fault.concerning, new_.group);
    } else {
      ASSERT_TRUE(decode(split.body, usage));
      EXPECT_EQ(usage.group, new_.group);
      EXPECT_EQ(usage.detail->receivers, 3u);
    }
    said.insert(command);
  }
  EXPECT_THAT(
      said, testing::UnorderedElementsAre(MessageCommand::kUsageReportJoin, MessageCommand::kUsageReportLeave,
                                          MessageCommand::kProblemReport));
}

TEST_P(Moves, WhereNothingComesItStaysAndSaysSo) {
  run_for(2 * kNsPerSecond, {old_});
  bed.relay->follow(bed.now, new_);
  run_for(5 * kNsPerSecond, {old_});
  bed.relay->announced_again(bed.now);
  run_for(9 * kNsPerSecond, {old_});
  EXPECT_TRUE(holds(new_)) << "it was announced a moment ago";
  run_for(16 * kNsPerSecond, {old_});
  EXPECT_FALSE(holds(new_));
  EXPECT_EQ(in_use(), old_);
  EXPECT_EQ(bed.count(ReceiveCounter::kMovesFailed), 1u);
  bool told = false;
  for (const Datagram& report : bed.reports) {
    Split split;
    FaultReport fault;
    told |= split_message(report, split) == WireFault::kNone && decode(split.body, fault) &&
            split.header.command == static_cast<uint8_t>(MessageCommand::kProblemReport) &&
            fault.code == static_cast<uint32_t>(ProblemCode::kMoveFailed);
  }
  EXPECT_TRUE(told);
}

TEST_P(Moves, AHopThatFallsSilentIsLookedForWhereItWas) {
  run_for(kNsPerSecond, {old_});
  bed.relay->follow(bed.now, new_);
  run_for(3 * kNsPerSecond, {old_, new_});
  run_for(6 * kNsPerSecond, {new_});
  ASSERT_FALSE(holds(old_));
  bed.run_for(11 * kNsPerSecond);
  EXPECT_TRUE(holds(old_));
  run_for(3 * kNsPerSecond, {old_});
  EXPECT_EQ(in_use(), old_);
}

}  // namespace
}  // namespace linecast::smart
