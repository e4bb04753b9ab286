#include "lib/lineup/faults.h"

#include <gtest/gtest.h>

namespace linecast::lineup {
namespace {

TEST(Faults, AreInFileOrderAndNotRepeated) {
  FaultList list;
  list.error({9, 1}, "last");
  list.warn({2, 7}, "second");
  list.error({2, 3}, "first");
  list.error({9, 1}, "last");
  EXPECT_TRUE(list.any_errors());
  const std::vector<Fault> faults = list.take();
  ASSERT_EQ(faults.size(), 3u);
  EXPECT_EQ(faults[0].what, "first");
  EXPECT_EQ(faults[1].what, "second");
  EXPECT_TRUE(faults[1].warning);
  EXPECT_EQ(faults[2].what, "last");
}

TEST(Faults, WarningsAreNoErrors) {
  FaultList list;
  list.warn({1, 1}, "only a warning");
  EXPECT_FALSE(list.any_errors());
}

TEST(Faults, AreBoundedAndTheRestCounted) {
  FaultList list;
  for (int i = 1; i <= 1005; ++i) list.warn({i, 1}, "again");
  list.error({1, 1}, "an error among those left out still counts");
  EXPECT_TRUE(list.any_errors());
  const std::vector<Fault> faults = list.take();
  ASSERT_EQ(faults.size(), FaultList::kMaxFaults + 1);
  EXPECT_EQ(faults.back().what, "6 more faults are not shown: mend those above first");
  EXPECT_FALSE(faults.back().warning);
}

TEST(Faults, PrintAsCompilersDo) {
  EXPECT_EQ(format_fault("a.yaml", {3, 14, "bad", false}), "a.yaml:3:14: error: bad");
  EXPECT_EQ(format_fault("a.yaml", {3, 14, "odd", true}), "a.yaml:3:14: warning: odd");
  EXPECT_EQ(format_fault("a.yaml", {0, 0, "gone", false}), "a.yaml: error: gone");
  EXPECT_EQ(format_fault("a.yaml", {3, 1, "bad", false}, true),
            "\x1b[1ma.yaml:3:1:\x1b[0m \x1b[1;31merror:\x1b[0m bad");
}

TEST(Faults, QuoteWhatTheFileSaysHarmlessly) {
  EXPECT_EQ(in_quotes("plain"), "\"plain\"");
  EXPECT_EQ(in_quotes("Zürich"), "\"Zürich\"");
  EXPECT_EQ(in_quotes("a\x1b[31m\n"), "\"a\\x1b[31m\\x0a\"");
  EXPECT_EQ(in_quotes("\xc2\x9b"), "\"\\xc2\\x9b\"");  // CSI, as one character
  EXPECT_EQ(in_quotes("\xc3"), "\"\\xc3\"");           // cut off
  EXPECT_EQ(in_quotes("\xff\xfe"), "\"\\xff\\xfe\"");  // no UTF-8
  EXPECT_EQ(in_quotes(std::string(63, 'x') + "ü" + "y"), "\"" + std::string(63, 'x') + "ü...\"");
  EXPECT_EQ(in_quotes(std::string(100, 'x')), "\"" + std::string(64, 'x') + "...\"");
}

}  // namespace
}  // namespace linecast::lineup
