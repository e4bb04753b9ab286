#include "lib/smart/receive/native_watch.h"

#include <gtest/gtest.h>

#include <functional>

#include "lib/smart/receive/loss_share.h"

namespace linecast::smart {
namespace {

constexpr TimeNs kSecond = kNsPerSecond, kStep = 10 * kNsPerMs;

// A hundred packets a second; what of each comes natively is the row's. `next` is what came by any way.
struct Row {
  const char* what;
  std::function<void(NativeWatch&, TimeNs now, uint64_t packet)> natively;
  bool in_order;
  uint64_t most_missing_percent = 10;
};

bool after_a_span(const Row& row, uint64_t per_step = 1) {
  NativeWatch watch;
  watch.restart(row.most_missing_percent);
  TimeNs now = 1000 * kSecond;
  uint64_t next = 65'000;
  for (int i = 0; i < 1'050; ++i, now += kStep) {
    row.natively(watch, now, next);
    next += per_step;
    watch.poll(now, next);
  }
  return watch.in_order();
}

TEST(NativeWatch, SaysWhetherASpanWasInOrder) {
  const auto all = [](NativeWatch& w, TimeNs now, uint64_t p) { w.data(now, p); };
  const auto every_tenth_missing = [](NativeWatch& w, TimeNs now, uint64_t p) {
    if (p % 12 != 0) w.data(now, p);
  };
  const Row rows[] = {
      {"all", all, true},
      {"nothing", [](NativeWatch&, TimeNs, uint64_t) {}, false},
      {"messages only", [](NativeWatch& w, TimeNs now, uint64_t) { w.message(now); }, false},
      {"one of 12 missing", every_tenth_missing, true},
      {"one of 12 missing, after a climb for loss", every_tenth_missing, false, 1},
      {"none missing, after a climb for loss", all, true, 1},
      {"one of 8 missing",
       [](NativeWatch& w, TimeNs now, uint64_t p) {
         if (p % 8 != 0) w.data(now, p);
       },
       false},
      {"100 ms later", [](NativeWatch& w, TimeNs now, uint64_t p) { w.data(now, p - 10); }, true},
      {"the same packet again and again", [](NativeWatch& w, TimeNs now, uint64_t) { w.data(now, 65'000); },
       false},
      {"every packet twice",
       [](NativeWatch& w, TimeNs now, uint64_t p) {
         w.data(now, p);
         w.data(now, p);
       },
       true},
      {"every other packet, twice",
       [](NativeWatch& w, TimeNs now, uint64_t p) { w.data(now, p & ~uint64_t{1}); }, false},
      {"old packets in order", [](NativeWatch& w, TimeNs now, uint64_t p) { w.data(now, p - 5'000); }, false},
      {"it ends after 6 s",
       [](NativeWatch& w, TimeNs now, uint64_t p) {
         if (p < 65'600) w.data(now, p);
       },
       false},
      {"heartbeats without data", [](NativeWatch& w, TimeNs now, uint64_t p) { w.heartbeat(now, p); }, false},
      {"another start of the sender",
       [](NativeWatch& w, TimeNs now, uint64_t p) { w.data(now, p < 65'030 ? p + 100'000 : p); }, true},
  };
  for (const Row& row : rows) EXPECT_EQ(after_a_span(row), row.in_order) << row.what;
}

TEST(NativeWatch, HeartbeatsOfAnIdleStreamAreInOrder) {
  EXPECT_TRUE(
      after_a_span({"", [](NativeWatch& w, TimeNs now, uint64_t p) { w.heartbeat(now, p - 1); }, {}}, 0));
  EXPECT_FALSE(after_a_span({"", [](NativeWatch& w, TimeNs now, uint64_t) { w.message(now); }, {}}, 0));
}

TEST(NativeWatch, TakesTenSecondsAndEndsAtOnceInSilence) {
  NativeWatch watch;
  watch.restart(10);
  EXPECT_EQ(watch.next_due(), kNever);
  const TimeNs begin = 50 * kSecond;
  TimeNs now = begin;
  for (uint64_t p = 0; p < 2'500; ++p, now += kStep) {
    watch.data(now, p);
    watch.poll(now, p + 1);
    EXPECT_EQ(watch.in_order(), now - begin >= 10 * kSecond) << p;
  }
  watch.poll(now + 2 * kSecond, 2'500);
  EXPECT_TRUE(watch.in_order());
  watch.poll(now + 3 * kSecond, 2'500);
  EXPECT_FALSE(watch.in_order());
  watch.data(now + 4 * kSecond, 2'900);
  EXPECT_EQ(watch.next_due(), now + 14 * kSecond) << "from the beginning";
}

TEST(LossShare, MoreThanOnePercentOverTenSeconds) {
  const struct {
    uint64_t played_a_second, lost_a_second;
    bool too_much;
  } rows[] = {{0, 0, false}, {100, 0, false}, {99, 1, false}, {98, 2, true}, {0, 1, true}};
  for (const auto& row : rows) {
    LossShare share;
    share.restart(5 * kSecond);
    for (TimeNs t = 0; t <= 20; ++t) {
      share.sample(t * kSecond, 7 + row.played_a_second * static_cast<uint64_t>(t),
                   3 + row.lost_a_second * static_cast<uint64_t>(t));
      EXPECT_EQ(share.too_much(), row.too_much && t >= 15) << t << ' ' << row.lost_a_second;
    }
  }
}

TEST(LossShare, ForgetsWhatIsTenSecondsPast) {
  LossShare share;
  share.restart(0);
  for (TimeNs t = 0; t <= 30; ++t) {
    share.sample(t * kSecond, 100 * static_cast<uint64_t>(t), t < 15 ? 0 : 100);
    EXPECT_EQ(share.too_much(), t >= 15 && t < 25) << t;
  }
  share.restart(31 * kSecond);
  EXPECT_FALSE(share.too_much());
}

}  // namespace
}  // namespace linecast::smart
