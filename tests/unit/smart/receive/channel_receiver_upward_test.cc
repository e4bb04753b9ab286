// What a receiver tells its hop of itself.
#include "tests/unit/smart/receive/scenario.h"

namespace linecast::smart {
namespace {

class ChannelReceiverUpward : public testing::TestWithParam<bool> {
 protected:
  static Scenario::Options options() {
    Scenario::Options out;
    out.sender.encrypted = GetParam();
    out.settings.address = 0xc6336414;
    return out;
  }
  // The body, where the trailer is as it must be.
  Bytes body_of(const Scenario& s, const Datagram& datagram, uint64_t least_count) {
    Split split;
    EXPECT_EQ(split_message(datagram, split), WireFault::kNone);
    EXPECT_EQ(split.trailer.empty(), !GetParam());
    if (GetParam()) {
      const TrailerFields fields = read_trailer(split.trailer);
      EXPECT_EQ(fields.id, 77u);
      EXPECT_EQ(fields.key_id, s.sender->o.group_key.id);
      EXPECT_GE(fields.count, least_count);
      const crypto::CmacKey up(manager_,
                               crypto::derive_up_key(s.sender->o.group_key, s.sender->o.channel_id));
      EXPECT_TRUE(verify_cmac_trailer(manager_, crypto::receiver_key(manager_, up, 77), datagram));
    }
    return split.body;
  }
  std::vector<FaultReport> faults_of(const Scenario& s, MessageCommand command, uint64_t least_count = 0) {
    std::vector<FaultReport> out;
    for (const auto& r : s.reports_of(command)) {
      out.emplace_back();
      EXPECT_TRUE(decode(body_of(s, r.datagram, least_count), out.back()));
      EXPECT_EQ(out.back().reporting, 0xc6336414u);
      EXPECT_EQ(out.back().concerning, s.sender->o.group);
    }
    return out;
  }
  void lose_originals(Scenario& s, double share) {
    s.drop = [this, share](const Datagram& d) { return is_original(d) && random_.unit() < share; };
  }

  crypto::Manager manager_;
  Random random_{3};
};

INSTANTIATE_TEST_SUITE_P(Channels, ChannelReceiverUpward, testing::Bool(),
                         [](const auto& channel) { return channel.param ? "Encrypted" : "Clear"; });

TEST_P(ChannelReceiverUpward, JoinsAfterAStatusAndLeavesAtTheEnd) {
  Scenario s(options());
  s.start_sender();
  s.send_stream(2'000, 100 * kMs);
  s.run_for(200 * kNsPerSecond);
  const auto joins = s.reports_of(MessageCommand::kUsageReportJoin);
  EXPECT_GE(joins.size(), 3u);
  EXPECT_LE(joins.size(), 7u);
  EXPECT_EQ(joins.size(), s.count(ReceiveCounter::kJoins));
  s.receiver->leave(s.now);
  const auto leaves = s.reports_of(MessageCommand::kUsageReportLeave);
  ASSERT_EQ(leaves.size(), 1u);
  EXPECT_EQ(s.count(ReceiveCounter::kLeaves), 1u);
  EXPECT_EQ(s.reports.size(), joins.size() + 1) << "no fault, no report";
  for (const auto& r : {joins[0], leaves[0]}) {
    EXPECT_EQ(r.to, kHop);
    UsageReport m;
    ASSERT_TRUE(decode(body_of(s, r.datagram, s.sender->o.first_sequence), m));
    EXPECT_EQ(m.group, s.sender->o.group);
    EXPECT_EQ(m.receiver, 0xc6336414u);
    ASSERT_TRUE(m.detail);
    EXPECT_LT(m.detail->held_us, 1'000'000u);
    EXPECT_EQ(m.detail->receivers, 1u);
  }
}

TEST_P(ChannelReceiverUpward, LeavesWhereNoStatusCame) {
  Scenario s(options());
  if (GetParam()) s.transmit(s.sender->announce());
  s.send_stream(10, kMs);
  s.run_for(100 * kMs);
  s.receiver->leave(s.now);
  ASSERT_EQ(s.reports.size(), 1u);
  UsageReport m;
  ASSERT_TRUE(decode(body_of(s, s.reports[0].datagram, 1), m));
  EXPECT_FALSE(m.detail);
}

TEST_P(ChannelReceiverUpward, SaysNothingWhereNoHopIsKnown) {
  Scenario s(options());
  s.run_for(60 * kNsPerSecond);
  s.receiver->leave(s.now);
  EXPECT_TRUE(s.reports.empty());
}

TEST_P(ChannelReceiverUpward, WhatStaysUnrecoveredIsReported) {
  Scenario s(options());
  s.answers = false;
  s.drop = [&](const Datagram& d) { return is_original(d) && s.sent >= 50 && s.sent < 60; };
  s.start_sender();
  s.send_stream(2'000, kMs);
  s.run_for(4 * kNsPerSecond);
  const auto faults = faults_of(s, MessageCommand::kErrorReport, s.sender->o.first_sequence);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].code, static_cast<uint32_t>(ErrorCode::kUnrecovered));
  EXPECT_EQ(faults[0].count, 10u);
  EXPECT_EQ(faults[0].first_sequence, s.sender->o.first_sequence + 49);
  EXPECT_EQ(s.count(ReceiveCounter::kErrorReports), 1u);
}

TEST_P(ChannelReceiverUpward, ASilentHopIsTold) {
  Scenario s(options());
  s.start_sender();
  s.send_stream(100, kMs);
  s.run_for(10 * kNsPerSecond);
  EXPECT_TRUE(faults_of(s, MessageCommand::kProblemReport).empty()) << "heartbeats and status go on";
  s.drop = [](const Datagram&) { return true; };
  s.run_for(6 * kNsPerSecond + kNsPerSecond);
  const auto faults = faults_of(s, MessageCommand::kProblemReport);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].code, static_cast<uint32_t>(ProblemCode::kNothingReceived));
  EXPECT_EQ(faults[0].count, 1u);
  s.run_for(100 * kNsPerSecond);
  EXPECT_NEAR(static_cast<double>(s.reports_of(MessageCommand::kProblemReport).size()), 11, 2)
      << "one in ten seconds";
  EXPECT_EQ(s.reports_of(MessageCommand::kUsageReportJoin).size(), 1u) << "nor does it say that it watches";
}

TEST_P(ChannelReceiverUpward, AConfiguredSourceIsToldOfSilenceFromTheStart) {
  auto with_source = options();
  with_source.settings.source = kHop + 3;
  Scenario s(with_source);
  s.run_for(7 * kNsPerSecond);
  ASSERT_EQ(s.reports.size(), 1u);
  EXPECT_EQ(s.reports[0].to, kHop + 3);
  const auto faults = faults_of(s, MessageCommand::kProblemReport);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].first_sequence, 0u);
}

TEST_P(ChannelReceiverUpward, UnansweredRequestsAreReported) {
  Scenario s(options());
  s.answers = false;
  lose_originals(s, 0.1);
  s.start_sender();
  s.send_stream(3'000, kMs);
  s.run_for(5 * kNsPerSecond);
  const auto faults = faults_of(s, MessageCommand::kProblemReport, s.sender->o.first_sequence);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].code, static_cast<uint32_t>(ProblemCode::kRequestsUnanswered));
  EXPECT_GE(faults[0].count, 20u);
  EXPECT_EQ(s.count(ReceiveCounter::kProblemReports), 1u);
}

TEST_P(ChannelReceiverUpward, WhatTheSenderBeforeDidNotAnswerIsNotItsSuccessorsFault) {
  Scenario s(options());
  s.answers = false;
  lose_originals(s, 0.3);
  s.start_sender();
  s.send_stream(300, kMs);
  s.run_for(3 * kNsPerSecond);  // asked for in vain, but not for long enough
  ASSERT_GE(s.requests.size(), 20u);
  ASSERT_EQ(s.receiver->counters().get(ReceiveCounter::kProblemReports), 0u);
  auto again = s.sender->o;
  again.start_number += 1;
  again.salt = 2;
  s.restart_sender(again);
  s.answers = true;
  s.start_sender();
  s.send_stream(3'000, kMs);
  s.run_for(5 * kNsPerSecond);
  EXPECT_EQ(s.count(ReceiveCounter::kRestarts), 1u);
  for (const FaultReport& fault : faults_of(s, MessageCommand::kProblemReport))
    EXPECT_NE(fault.code, static_cast<uint32_t>(ProblemCode::kRequestsUnanswered));
}

TEST_P(ChannelReceiverUpward, WhatARepeaterLackedItselfIsAnsweredByTheOriginal) {
  Scenario s(options());
  s.answers_with_originals = true;
  lose_originals(s, 0.1);
  s.start_sender();
  s.send_stream(3'000, kMs);
  s.run_for(5 * kNsPerSecond);
  EXPECT_TRUE(faults_of(s, MessageCommand::kProblemReport).empty());
  EXPECT_GT(s.count(ReceiveCounter::kAnsweredByOriginal), 200u);
  EXPECT_LT(s.count(ReceiveCounter::kAnsweredByOriginal), s.count(ReceiveCounter::kSequencesRequested));
  EXPECT_EQ(s.count(ReceiveCounter::kRepaired), 0u);
}

TEST_P(ChannelReceiverUpward, HeavyLossAloneIsNoUnansweredRequest) {
  Scenario s(options());
  Random random(3);
  s.drop = [&](const Datagram&) { return random.unit() < 0.5; };
  s.start_sender();
  s.send_stream(10'000, kMs);
  s.run_for(12 * kNsPerSecond);
  for (const FaultReport& fault : faults_of(s, MessageCommand::kProblemReport))
    EXPECT_NE(fault.code, static_cast<uint32_t>(ProblemCode::kRequestsUnanswered));
}

TEST(ChannelReceiverUpwardSealed, BadTagsAndUnknownEpochsAreReported) {
  Scenario s;
  s.start_sender();
  s.send_stream(5'000, kMs);
  s.run_for(100 * kMs);
  const uint64_t first = s.sender->next_sequence();
  for (int i = 0; i < 3; ++i) {
    Datagram bad = s.sender->data(Scenario::payload(s.sent));
    bad.back() ^= 1;
    s.receiver->receive(s.now, bad, kHop);
    Datagram unknown = s.sender->kept(s.sender->next_sequence() - 1);
    unknown[0] = 99;
    s.receiver->receive(s.now, unknown, kHop);
  }
  s.run_for(4 * kNsPerSecond);
  std::map<uint32_t, FaultReport> by_code;
  for (const auto& r : s.reports_of(MessageCommand::kErrorReport)) {
    Split split;
    FaultReport m;
    ASSERT_EQ(split_message(r.datagram, split), WireFault::kNone);
    ASSERT_TRUE(decode(split.body, m));
    by_code[m.code] = m;
  }
  EXPECT_EQ(by_code[2].count, 3u);
  EXPECT_EQ(by_code[2].first_sequence, first);
  EXPECT_EQ(by_code[3].count, 3u);
  EXPECT_EQ(by_code[3].first_sequence, first);
}

}  // namespace
}  // namespace linecast::smart
