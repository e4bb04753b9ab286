#include "lib/lineup/spelling.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace linecast::lineup {
namespace {

TEST(Spelling, Distance) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("mtu", "mtu"), 0u);
  EXPECT_EQ(edit_distance("", "mtu"), 3u);
  EXPECT_EQ(edit_distance("mut", "mtu"), 1u);   // swapped
  EXPECT_EQ(edit_distance("mt", "mtu"), 1u);    // left out
  EXPECT_EQ(edit_distance("mttu", "mtu"), 1u);  // added
  EXPECT_EQ(edit_distance("mtv", "mtu"), 1u);   // replaced
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Spelling, SuggestsTheNearestThatIsNearEnough) {
  constexpr std::array<std::string_view, 3> kKnown{"interface", "address", "port"};
  EXPECT_EQ(suggest("adress", kKnown), ": did you mean \"address\"?");
  EXPECT_EQ(suggest("prot", kKnown), ": did you mean \"port\"?");
  EXPECT_EQ(suggest("face", kKnown), ": did you mean \"interface\"?");
  EXPECT_EQ(suggest("vlan", kKnown), ": known are \"interface\", \"address\", \"port\"");
  EXPECT_EQ(suggest(std::string(5000, 'p'), kKnown), ": known are \"interface\", \"address\", \"port\"");
  EXPECT_EQ(suggest("x", {}), "");
  // Nothing in common is not "near", however short the word.
  constexpr std::array<std::string_view, 1> kShort{"a"};
  EXPECT_EQ(suggest("x", kShort), ": known are \"a\"");
}

TEST(Spelling, ListsSoManyAndNoMore) {
  const std::vector<std::string_view> many(30, "something");
  const std::string text = suggest("x", many);
  EXPECT_TRUE(text.ends_with("\"something\", ...")) << text;
}

}  // namespace
}  // namespace linecast::lineup
