#include "lib/usage/session_table.h"

#include <gtest/gtest.h>

namespace linecast::usage {
namespace {

constexpr TimeNs kS = kNsPerSecond;

Session* put(SessionTable& table, uint64_t who, TimeNs heard, uint16_t refresh_s) {
  Session* const session = table.add(who, 0);
  if (session == nullptr) return nullptr;
  session->heard = heard;
  session->refresh_s = refresh_s;
  table.schedule(*session);
  return session;
}

TEST(SessionTable, FindsWhatIsThereAndOnlyThat) {
  SessionTable table(1000, 1, 0);
  for (uint64_t who = 0; who < 1000; ++who) ASSERT_NE(put(table, who, 0, 60), nullptr);
  EXPECT_EQ(put(table, 1000, 0, 60), nullptr);
  for (uint64_t who = 0; who < 1000; who += 2) table.remove(*table.find(who, 0));
  for (uint64_t who = 0; who < 1001; ++who)
    EXPECT_EQ(table.find(who, 0) != nullptr, who % 2 == 1 && who < 1000);
  EXPECT_EQ(table.find(1, 1), nullptr);
  EXPECT_EQ(table.open(), 500u);
  for (uint64_t who = 2000; who < 2500; ++who) ASSERT_NE(put(table, who, 0, 60), nullptr);
  EXPECT_EQ(put(table, 1000, 0, 60), nullptr);
}

TEST(SessionTable, EachIsDueAtItsTimeHoweverFarAhead) {
  for (const TimeNs start : {TimeNs{0}, 123'456 * kS + 789}) {
    SessionTable table(100, 1, start);
    for (uint16_t i = 0; i < 100; ++i) put(table, i, start + i * kS / 7, static_cast<uint16_t>(1 + i * 600));
    size_t seen = 0;
    for (TimeNs now = start; seen < 100; now += 700 * kNsPerMs) {
      ASSERT_LT(now, start + 200'000 * kS);
      size_t budget = 1000;
      while (const Session* session = table.take_due(now, budget)) {
        ++seen;
        EXPECT_LE(session->due(), now);
        EXPECT_GT(session->due(), now - 2 * kS);
      }
    }
  }
}

TEST(SessionTable, MovingOnNeedsNoSchedulingAndComingNearerDoes) {
  SessionTable table(10, 1, 0);
  Session* const later = put(table, 1, 0, 60);
  later->heard = 100 * kS;  // due at 280 s
  Session* const sooner = put(table, 2, 0, 600);
  sooner->refresh_s = 60;  // due at 180 s
  table.schedule(*sooner);
  size_t budget = 100;
  EXPECT_EQ(table.take_due(179 * kS, budget), nullptr);
  EXPECT_EQ(table.take_due(180 * kS, budget), sooner);
  EXPECT_EQ(table.take_due(279 * kS, budget), nullptr);
  EXPECT_EQ(table.take_due(280 * kS, budget), later);
}

TEST(SessionTable, ALongPauseLosesNobody) {
  SessionTable table(3000, 1, 0);
  for (uint64_t i = 0; i < 3000; ++i) put(table, i, static_cast<TimeNs>(i) * kS, 60);
  size_t budget = 10'000, seen = 0;
  while (table.take_due(1'000'000 * kS, budget) != nullptr) ++seen;
  EXPECT_EQ(seen, 3000u);
}

TEST(SessionTable, LooksAtNoMoreThanItMay) {
  SessionTable table(100, 1, 0);
  for (uint64_t i = 0; i < 100; ++i) put(table, i, 0, 60);
  for (uint64_t i = 0; i < 100; ++i) table.find(i, 0)->heard = 10 * kS;  // to be put off
  size_t calls = 0, seen = 0;
  for (; seen < 100 && calls < 1000; ++calls) {
    size_t budget = 7;
    while (table.take_due(190 * kS, budget) != nullptr) ++seen;
  }
  EXPECT_EQ(seen, 100u);
  EXPECT_GE(calls, 100u / 7);
}

TEST(SessionTable, TheGoneGiveUpTheirPlacesInTurnAndCanComeBack) {
  SessionTable table(3, 1, 0);
  for (uint64_t who = 1; who <= 3; ++who) put(table, who, 0, 60);
  table.retire(*table.find(2, 0));
  table.retire(*table.find(1, 0));
  EXPECT_EQ(table.open(), 1u);
  EXPECT_EQ(table.longest_gone(), table.find(2, 0));
  size_t budget = 100;
  EXPECT_EQ(table.take_due(1000 * kS, budget), table.find(3, 0));  // no other
  EXPECT_EQ(table.take_due(1000 * kS, budget), nullptr);
  table.reopen(*table.find(2, 0));
  EXPECT_EQ(table.open(), 2u);
  EXPECT_NE(put(table, 4, 0, 60), nullptr);
  EXPECT_EQ(table.find(1, 0), nullptr);
  EXPECT_EQ(put(table, 5, 0, 60), nullptr);
}

}  // namespace
}  // namespace linecast::usage
