#include "lib/smart/send/fault_report_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace linecast::smart {
namespace {

constexpr Ipv4 kAddress = 0x0a48000b;  // 10.72.0.11
constexpr size_t kUnrecovered = kind_of(ErrorCode::kUnrecovered);
constexpr TimeNs kStart = 1000 * kNsPerSecond;

HeardFault unrecovered(TimeNs time, uint64_t receiver, uint32_t count = 1, Ipv4 source = kAddress) {
  return {
      .time = time, .receiver = receiver, .source = source, .code = 1, .count = count, .first_sequence = 100};
}

const FaultReportTable::Receiver* find(const FaultReportTable& table, uint64_t id, Ipv4 address = kAddress) {
  for (const FaultReportTable::Receiver& receiver : table.receivers(0))
    if (receiver.id == id && (id != 0 || receiver.address == address)) return &receiver;
  return nullptr;
}

TEST(FaultKinds, EachCodeHasItsOwnAndUnknownOnesAreOther) {
  const struct {
    bool problem;
    uint32_t code;
    const char* name;
  } rows[] = {
      {false, 1, "unrecovered"},     {false, 2, "bad_tag"},       {false, 3, "unknown_epoch"},
      {true, 1, "nothing_received"}, {true, 2, "tunnel_refused"}, {true, 3, "requests_unanswered"},
      {false, 0, "other_error"},     {false, 4, "other_error"},   {false, UINT32_MAX, "other_error"},
      {true, 4, "climbed"},          {true, 5, "came_down"},      {true, 0, "other_problem"},
      {true, 6, "move_failed"},      {true, 7, "other_problem"},  {true, UINT32_MAX, "other_problem"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(name_of_fault(fault_kind(row.problem, row.code)), row.name) << row.code;
  std::set<std::string_view> names;
  for (size_t kind = 0; kind < kFaultKinds; ++kind) names.insert(name_of_fault(kind));
  EXPECT_EQ(names.size(), kFaultKinds);
}

TEST(FaultReportTable, AddsUpByReceiverAndChannel) {
  FaultReportTable table(2);
  table.take(unrecovered(kStart, 1, 5));
  table.take(unrecovered(kStart + 1, 2, 7, kAddress + 1));
  HeardFault again = unrecovered(kStart + 2, 1, 30, kAddress + 9);
  again.first_sequence = 4'000'000'000;
  table.take(again);
  table.take(
      {.time = kStart + 3, .receiver = 1, .source = kAddress, .problem = true, .code = 3, .count = 20});
  table.take({.time = kStart + 3, .receiver = 1, .channel = 1, .source = kAddress, .code = 2, .count = 4});

  ASSERT_EQ(table.receivers(0).size(), 2u);
  const FaultReportTable::Receiver* first = find(table, 1);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->faults[kUnrecovered].count, 35u);
  EXPECT_EQ(first->faults[kUnrecovered].reports, 2u);
  EXPECT_EQ(first->faults[kUnrecovered].first_sequence, 4'000'000'000u);  // of the last report
  EXPECT_EQ(first->faults[kUnrecovered].heard_ns, kStart + 2);
  EXPECT_EQ(first->faults[kind_of(ProblemCode::kRequestsUnanswered)].count, 20u);
  EXPECT_EQ(first->heard_ns, kStart + 3);
  EXPECT_EQ(first->address, kAddress);
  EXPECT_EQ(find(table, 2)->faults[kUnrecovered].count, 7u);
  EXPECT_EQ(find(table, 2)->address, kAddress + 1);
  EXPECT_EQ(table.totals(0).counts[kUnrecovered], 42u);
  EXPECT_EQ(table.totals(1).counts[kUnrecovered], 0u);
  EXPECT_EQ(table.totals(1).counts[kind_of(ErrorCode::kBadTag)], 4u);
  EXPECT_EQ(table.totals(0).evicted + table.totals(0).unlisted, 0u);
}

TEST(FaultReportTable, TellsReceiversOfClearChannelsApartByAddress) {
  FaultReportTable table(1);
  table.take(unrecovered(kStart, 0, 1, kAddress));
  table.take(unrecovered(kStart, 0, 2, kAddress + 1));
  table.take(unrecovered(kStart, 0, 4, kAddress));
  ASSERT_EQ(table.receivers(0).size(), 2u);
  EXPECT_EQ(find(table, 0, kAddress)->faults[kUnrecovered].count, 5u);
  EXPECT_EQ(find(table, 0, kAddress + 1)->faults[kUnrecovered].count, 2u);
}

TEST(FaultReportTable, CountsWhoComplainedInTheLastMinute) {
  FaultReportTable table(1);
  table.take(unrecovered(kStart, 1));
  table.take(unrecovered(kStart + 30 * kNsPerSecond, 2));
  EXPECT_EQ(table.recent(0, kStart + 60 * kNsPerSecond), 2u);
  EXPECT_EQ(table.recent(0, kStart + 60 * kNsPerSecond + 1), 1u);
  EXPECT_EQ(table.recent(0, kStart + 91 * kNsPerSecond), 0u);
}

TEST(FaultReportTable, HasNoPlaceForChannelsThatAreNone) {
  FaultReportTable table(1);
  HeardFault fault = unrecovered(kStart, 1);
  fault.channel = 1;
  table.take(fault);
  fault.channel = UINT32_MAX;
  table.take(fault);
  EXPECT_TRUE(table.receivers(0).empty());
}

TEST(FaultReportTable, SumsDoNotWrapAtTheWidthOfAReport) {
  FaultReportTable table(1);
  for (int k = 0; k < 3; ++k) table.take(unrecovered(kStart, 1, UINT32_MAX));
  EXPECT_EQ(table.totals(0).counts[kUnrecovered], 3 * uint64_t{UINT32_MAX});
  EXPECT_EQ(find(table, 1)->faults[kUnrecovered].count, 3 * uint64_t{UINT32_MAX});
}

TEST(FaultReportTable, FullItKeepsItsSizeAndTheSilentMakeRoomAtOnce) {
  FaultReportTable table(1);
  for (uint64_t id = 1; id <= FaultReportTable::kReceivers; ++id)
    for (int reports = 0; reports < 3; ++reports)
      table.take(unrecovered(kStart + static_cast<TimeNs>(id) * kNsPerMs, id));
  ASSERT_EQ(table.receivers(0).size(), FaultReportTable::kReceivers);
  EXPECT_EQ(table.totals(0).evicted, 0u);

  const TimeNs later =
      kStart + FaultReportTable::kRecentNs + 10 * kNsPerMs + 1;  // receivers 1 .. 10 are silent since
  for (uint64_t id = 1001; id <= 1010; ++id) table.take(unrecovered(later, id));
  EXPECT_EQ(table.receivers(0).size(), FaultReportTable::kReceivers);
  EXPECT_EQ(table.totals(0).evicted, 10u);
  EXPECT_EQ(table.totals(0).unlisted, 0u);
  for (uint64_t id = 1; id <= 10; ++id) EXPECT_EQ(find(table, id), nullptr) << id;
  for (uint64_t id = 11; id <= 64; ++id) EXPECT_NE(find(table, id), nullptr) << id;
  for (uint64_t id = 1001; id <= 1010; ++id) EXPECT_EQ(find(table, id)->faults[kUnrecovered].count, 1u) << id;
}

TEST(FaultReportTable, WhereAllAreRecentOneASecondMakesRoomAndThoseOfOneReportFirst) {
  FaultReportTable table(1);
  for (uint64_t id = 1; id <= FaultReportTable::kReceivers; ++id) {
    const TimeNs time = kStart + static_cast<TimeNs>(id) * kNsPerMs;
    table.take(unrecovered(time, id));
    if (id != 40 && id != 50) table.take(unrecovered(time, id));
  }
  const TimeNs later = kStart + kNsPerSecond;
  auto newcomer = [&, id = uint64_t{1000}](TimeNs time) mutable { table.take(unrecovered(time, ++id, 1)); };
  newcomer(later);
  EXPECT_EQ(find(table, 40), nullptr);
  EXPECT_NE(find(table, 1001), nullptr);
  newcomer(later);
  EXPECT_EQ(find(table, 1002), nullptr);
  EXPECT_EQ(table.totals(0).unlisted, 1u);
  EXPECT_EQ(table.totals(0).counts[kUnrecovered], 2 * FaultReportTable::kReceivers);  // those of 1002 too
  newcomer(later + kNsPerSecond);
  EXPECT_EQ(find(table, 50), nullptr);
  for (int second = 2; second < 5; ++second) newcomer(later + second * kNsPerSecond);
  EXPECT_EQ(table.totals(0).evicted, 5u);
  EXPECT_NE(find(table, 1), nullptr);  // newcomers of one report made room for each other
}

TEST(FaultReportTable, AFloodOfForgedReceiversHidesNobodyWhoKeepsReporting) {
  FaultReportTable table(1);
  constexpr uint64_t kHonest = 30;
  uint64_t forged = 1'000'000;
  const auto honest_report = [&](TimeNs time) {
    for (uint64_t id = 1; id <= kHonest; ++id) table.take(unrecovered(time, id));
  };
  TimeNs now = kStart;
  for (int k = 0; k < 2; ++k, now += 10 * kNsPerSecond) honest_report(now);
  for (int ms = 0; ms < 300'000; ms += 10, now += 10 * kNsPerMs) {  // five minutes
    table.take(unrecovered(now, ++forged));
    if (ms % 10'000 == 0) honest_report(now);
  }
  EXPECT_EQ(table.receivers(0).size(), FaultReportTable::kReceivers);
  for (uint64_t id = 1; id <= kHonest; ++id) {
    const FaultReportTable::Receiver* receiver = find(table, id);
    ASSERT_NE(receiver, nullptr) << id;
    EXPECT_EQ(receiver->reports, 32u) << id;  // never thrown out between
  }
  EXPECT_GE(table.totals(0).unlisted, 29'600u);
  // Once it ends, who was kept out is in with the next report.
  now += 2 * kNsPerSecond;
  table.take(unrecovered(now, kHonest + 1));
  EXPECT_NE(find(table, kHonest + 1), nullptr);
}

}  // namespace
}  // namespace linecast::smart
