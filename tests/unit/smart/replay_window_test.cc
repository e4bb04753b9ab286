#include "lib/smart/replay_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "lib/base/random.h"

namespace linecast::smart {

// For messages of failed expectations.
std::ostream& operator<<(std::ostream& out, ReplayWindow::Verdict verdict) {
  return out << (verdict == ReplayWindow::Verdict::kNew    ? "new"
                 : verdict == ReplayWindow::Verdict::kSeen ? "seen"
                                                           : "too old");
}

namespace {

using Verdict = ReplayWindow::Verdict;
constexpr uint64_t kWidth = ReplayWindow::kWidth;

TEST(ReplayWindow, EverythingIsNewAtFirst) {
  const ReplayWindow window;
  for (const uint64_t sequence : {uint64_t{0}, uint64_t{1}, kWidth, uint64_t{1} << 47})
    EXPECT_EQ(window.check(sequence), Verdict::kNew);
}

TEST(ReplayWindow, Table) {
  constexpr uint64_t kBase = 1'000'000;
  struct Step {
    const char* what;
    std::vector<uint64_t> marked;
    uint64_t asked;
    Verdict verdict;
  };
  const Step kSteps[] = {
      {"a repeat", {kBase}, kBase, Verdict::kSeen},
      {"the next", {kBase}, kBase + 1, Verdict::kNew},
      {"one before, missing", {kBase}, kBase - 1, Verdict::kNew},
      {"one before, marked late", {kBase, kBase - 1}, kBase - 1, Verdict::kSeen},
      {"the window's last", {kBase}, kBase - kWidth + 1, Verdict::kNew},
      {"just out of the window", {kBase}, kBase - kWidth, Verdict::kTooOld},
      {"long ago", {kBase}, 0, Verdict::kTooOld},
      {"the window's last, marked", {kBase - kWidth + 1, kBase}, kBase - kWidth + 1, Verdict::kSeen},
      {"moved out by one", {kBase - kWidth, kBase}, kBase - kWidth, Verdict::kTooOld},
      {"old bits do not show after one lap", {kBase, kBase + 2 * kWidth}, kBase + kWidth + 1, Verdict::kNew},
      {"the same bit one lap on", {kBase, kBase + 2 * kWidth - 1}, kBase + 2 * kWidth, Verdict::kNew},
      {"after a jump of many laps",
       {kBase, kBase + 1, kBase + 1000 * kWidth},
       kBase + 1000 * kWidth - 1,
       Verdict::kNew},
      {"marking what is too old changes nothing", {kBase, kBase - 2 * kWidth}, kBase - 1, Verdict::kNew},
      {"zero marked", {0}, 0, Verdict::kSeen},
      {"near the counter's end", {(uint64_t{1} << 48) - 1}, (uint64_t{1} << 48) - 2, Verdict::kNew},
  };
  for (const Step& step : kSteps) {
    ReplayWindow window;
    for (const uint64_t sequence : step.marked) window.mark(sequence);
    EXPECT_EQ(window.check(step.asked), step.verdict) << step.what;
  }
}

// An old mark behind the window must not set the bit of the newer sequence that shares its place in the ring.
TEST(ReplayWindow, LateMarkLeavesNewerSequencesAlone) {
  ReplayWindow window;
  window.mark(10 * kWidth);
  window.mark(10 * kWidth - 2 * kWidth - 5);  // same place as 10 * kWidth - 5
  EXPECT_EQ(window.check(10 * kWidth - 5), Verdict::kNew);
}

TEST(ReplayWindow, ResetForgets) {
  ReplayWindow window;
  for (uint64_t sequence = 0; sequence < 3 * kWidth; ++sequence) window.mark(sequence);
  window.reset();
  EXPECT_EQ(window.check(5), Verdict::kNew);
  window.mark(kWidth);
  for (uint64_t sequence = 1; sequence < kWidth; ++sequence)
    ASSERT_EQ(window.check(sequence), Verdict::kNew) << sequence;
}

// The plain way: remember everything.
class Model {
 public:
  Verdict check(uint64_t sequence) const {
    if (seen_.empty() || sequence > *seen_.rbegin()) return Verdict::kNew;
    if (*seen_.rbegin() - sequence >= kWidth) return Verdict::kTooOld;
    return seen_.count(sequence) != 0 ? Verdict::kSeen : Verdict::kNew;
  }
  void mark(uint64_t sequence) { seen_.insert(sequence); }
  uint64_t highest() const { return seen_.empty() ? 0 : *seen_.rbegin(); }

 private:
  std::set<uint64_t> seen_;
};

uint64_t pick(Random& random, uint64_t highest) {
  const auto back = [&](uint64_t n) { return highest > n ? highest - n : 0; };
  switch (random.below(8)) {
    case 0:
    case 1:
      return highest + 1 + random.below(3);  // onward
    case 2:
      return back(random.below(200));  // a little late
    case 3:
      return back(random.below(2 * kWidth));  // anywhere in or behind the window
    case 4:
      return back(kWidth - 3 + random.below(6));  // the window's edge
    case 5:
      return highest + random.below(200);
    case 6:  // now and then a jump: within a lap, about a lap, or far
      if (random.below(50) != 0) return back(random.below(64));
      return highest + kWidth / 2 + random.below(2 * kWidth);
    default:
      if (random.below(500) != 0) return back(random.below(1000));
      return highest + random.below(100 * kWidth);
  }
}

TEST(ReplayWindow, AgreesWithASetThatForgetsNothing) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    Random random(seed);
    ReplayWindow window;
    Model model;
    for (int i = 0; i < 40000; ++i) {
      const uint64_t sequence = pick(random, model.highest());
      const Verdict verdict = model.check(sequence);
      ASSERT_EQ(window.check(sequence), verdict)
          << "seed " << seed << " step " << i << " sequence " << sequence;
      if (verdict == Verdict::kNew && random.below(4) != 0) {  // some fail to verify and are not marked
        window.mark(sequence);
        model.mark(sequence);
      }
    }
  }
}

}  // namespace
}  // namespace linecast::smart
