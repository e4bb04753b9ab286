#include "lib/smart/receive/fault_reporter.h"

#include <gtest/gtest.h>

#include <map>

namespace linecast::smart {
namespace {

constexpr TimeNs kSecond = kNsPerSecond;
constexpr Ipv4 kGroup = 0xef010203, kReceiver = 0xc6336414;

struct Sent {
  TimeNs when;
  FaultReporter::Report report;
};

std::vector<Sent> run(FaultReporter& reporter, TimeNs begin, TimeNs end, uint8_t log2_group_size = 0) {
  std::vector<Sent> sent;
  TimeNs now = begin;
  for (int calls = 0; reporter.next_due() <= end; ++calls) {
    if (calls > 1000) ADD_FAILURE() << "it asks to be called without end";
    if (calls > 1000) break;
    now = std::max(now, reporter.next_due());
    while (const auto report = reporter.take(now, log2_group_size)) sent.push_back({now, *report});
  }
  return sent;
}

class FaultReporterTest : public testing::Test {
 protected:
  Random random{1};
  FaultReporter reporter{kGroup, kReceiver, random};
};

TEST_F(FaultReporterTest, SaysNothingWithoutAFault) {
  EXPECT_EQ(reporter.next_due(), kNever);
  EXPECT_FALSE(reporter.take(kSecond, 0));
}

TEST_F(FaultReporterTest, SaysWhatHowOftenAndFromWhereOn) {
  reporter.add(ErrorCode::kUnrecovered, 5, 65'536);
  reporter.add(ErrorCode::kUnrecovered, 7, 70'000);
  reporter.add(ProblemCode::kRequestsUnanswered, 20, 0x1'0000'0003);
  const auto sent = run(reporter, 0, kSecond);
  ASSERT_EQ(sent.size(), 2u);
  std::map<MessageCommand, FaultReport> by_command;
  for (const Sent& s : sent) by_command[s.report.command] = s.report.fault;
  const FaultReport& error = by_command.at(MessageCommand::kErrorReport);
  EXPECT_EQ(error.reporting, kReceiver);
  EXPECT_EQ(error.concerning, kGroup);
  EXPECT_EQ(error.code, 1u);
  EXPECT_EQ(error.count, 12u);
  EXPECT_EQ(error.first_sequence, 65'536u);
  const FaultReport& problem = by_command.at(MessageCommand::kProblemReport);
  EXPECT_EQ(problem.code, 3u);
  EXPECT_EQ(problem.count, 20u);
  EXPECT_EQ(problem.first_sequence, 3u) << "the low 32 bits";
}

TEST_F(FaultReporterTest, EachCodeOnceInTenSeconds) {
  std::vector<Sent> sent;
  uint64_t faults = 0;
  for (TimeNs now = 0; now < 100 * kSecond; now += 10 * kNsPerMs) {
    reporter.add(ErrorCode::kBadTag, 1, 9);
    ++faults;
    for (const Sent& s : run(reporter, now, now)) sent.push_back(s);
  }
  for (const Sent& s : run(reporter, 100 * kSecond, 200 * kSecond)) sent.push_back(s);
  EXPECT_EQ(sent.size(), 11u);
  uint64_t told = 0;
  for (const Sent& s : sent) told += s.report.fault.count;
  EXPECT_EQ(told, faults) << "nothing is told twice or forgotten";
}

// What a million see at once brings 10,000 reports a second at most, of all codes together.
TEST_F(FaultReporterTest, AGreatGroupIsSpreadAndSlow) {
  std::map<TimeNs, int> a_second;
  constexpr int kReceivers = 20'000;
  constexpr uint8_t kLog2 = 20;
  for (int i = 0; i < kReceivers; ++i) {
    FaultReporter one(kGroup, kReceiver, random);
    for (const auto code : {ErrorCode::kUnrecovered, ErrorCode::kBadTag, ErrorCode::kUnknownEpoch})
      one.add(code, 1, 1);
    for (const auto code :
         {ProblemCode::kNothingReceived, ProblemCode::kTunnelRefused, ProblemCode::kRequestsUnanswered})
      one.add(code, 1, 1);
    for (const Sent& s : run(one, 0, 2000 * kSecond, kLog2)) ++a_second[s.when / kSecond];
  }
  constexpr double kShare = static_cast<double>(kReceivers) / (1 << kLog2);
  int most = 0, all = 0;
  for (const auto& [second, n] : a_second) {
    most = std::max(most, n);
    all += n;
  }
  EXPECT_EQ(all, 6 * kReceivers);
  EXPECT_LT(most, 1.4 * kShare * 10'000) << "a sample of the group has its luck";
}

// A SENDER_STATUS that says the most, believed once, does not silence for the weeks that such a group would
// take.
TEST_F(FaultReporterTest, WhatWasPlannedForAGreaterGroupIsPlannedAnew) {
  reporter.add(ErrorCode::kUnrecovered, 1, 1);
  EXPECT_FALSE(reporter.take(0, 32));
  EXPECT_LE(reporter.next_due(), 10 * kSecond);
  EXPECT_EQ(run(reporter, kSecond, 12 * kSecond).size(), 1u);
  reporter.add(ErrorCode::kUnrecovered, 1, 1);
  EXPECT_FALSE(reporter.take(13 * kSecond, 32));
  EXPECT_EQ(run(reporter, 13 * kSecond, 35 * kSecond).size(), 1u) << "its window, too";
}

TEST_F(FaultReporterTest, CountsBeyondTheFieldAreClipped) {
  reporter.add(ErrorCode::kUnrecovered, uint64_t{1} << 33, 1);
  const auto sent = run(reporter, 0, kSecond);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].report.fault.count, UINT32_MAX);
}

}  // namespace
}  // namespace linecast::smart
