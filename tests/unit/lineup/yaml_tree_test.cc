#include "lib/lineup/yaml_tree.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linecast::lineup {
namespace {

using testing::HasSubstr;

struct Parse {
  explicit Parse(std::string_view text) : good(parse_yaml(text, tree, list)), faults(list.take()) {}
  // The text at a path of keys; "-" where there is none.
  std::string text(std::initializer_list<std::string_view> path) const {
    const YamlNode* node = tree.root.node;
    for (const std::string_view key : path) {
      const Ref* next = node->find(key);
      if (next == nullptr) return "-";
      node = next->node;
    }
    return node->text;
  }

  Tree tree;
  FaultList list;
  bool good;
  std::vector<Fault> faults;
};

void expect_fault(const Parse& parse, int line, int column, const std::string& what) {
  ASSERT_EQ(parse.faults.size(), 1u);
  EXPECT_EQ(parse.faults[0].line, line);
  EXPECT_EQ(parse.faults[0].column, column);
  EXPECT_THAT(parse.faults[0].what, HasSubstr(what));
}

TEST(YamlTree, KeepsPlaces) {
  const Parse parse("a: 1\nb:\n  - x\n  - {c: 'two words'}\n");
  ASSERT_TRUE(parse.good);
  const Ref* b = parse.tree.root.node->find("b");
  ASSERT_NE(b, nullptr);
  ASSERT_EQ(b->node->items.size(), 2u);
  EXPECT_EQ(b->node->items[0].mark.line, 3);
  EXPECT_EQ(b->node->items[0].mark.column, 5);
  EXPECT_EQ(b->node->items[1].node->entries[0].key_mark.column, 6);
  EXPECT_EQ(b->node->items[1].node->find("c")->node->text, "two words");
}

TEST(YamlTree, AliasesStandWhereTheyAreUsed) {
  const Parse parse("a: &x {b: 1}\nc:  *x\n");
  ASSERT_TRUE(parse.good);
  EXPECT_EQ(parse.text({"c", "b"}), "1");
  EXPECT_EQ(parse.tree.root.node->find("c")->mark.line, 2);
  EXPECT_EQ(parse.tree.root.node->find("c")->mark.column, 5);
}

TEST(YamlTree, MergeKeys) {
  const Parse parse("a: &a {x: 1, y: 2}\nb: &b {<<: *a, y: 3}\nc: {<<: [{x: 9}, *b]}\n");
  ASSERT_TRUE(parse.good);
  ASSERT_TRUE(parse.faults.empty());
  EXPECT_EQ(parse.text({"b", "x"}), "1");
  EXPECT_EQ(parse.text({"b", "y"}), "3");  // its own wins
  EXPECT_EQ(parse.text({"c", "x"}), "9");  // earlier ones win
  EXPECT_EQ(parse.text({"c", "y"}), "3");
  EXPECT_EQ(parse.text({"b", "<<"}), "-");
}

TEST(YamlTree, BadMerges) {
  expect_fault(Parse("a: {<<: 5}\n"), 1, 9, "takes a mapping or a list of mappings");
  expect_fault(Parse("a: {<<: [{x: 1}, 5]}\n"), 1, 18, "takes a mapping or a list of mappings");
  expect_fault(Parse("a: {<<: {x: 1}, <<: {y: 1}}\n"), 1, 17, "given twice");
}

TEST(YamlTree, KeysGivenTwice) {
  const Parse parse("a: 1\nb: {c: 1, d: 2, c: 3}\na: 2\n\"a\": 3\n");
  EXPECT_TRUE(parse.good);
  ASSERT_EQ(parse.faults.size(), 3u);
  EXPECT_EQ(parse.faults[0].line, 2);
  EXPECT_EQ(parse.faults[0].column, 17);
  EXPECT_THAT(parse.faults[0].what, HasSubstr("key \"c\" is given twice, first at line 2"));
  EXPECT_EQ(parse.faults[1].line, 3);
  EXPECT_EQ(parse.faults[2].line, 4);
  EXPECT_EQ(parse.text({"a"}), "1");
}

TEST(YamlTree, KeysThatAreNoText) {
  expect_fault(Parse("a: 1\n? [b]\n: 2\n"), 2, 3, "a key must be plain text");
  expect_fault(Parse("{a: 1, {b: 2}: 3}"), 1, 8, "a key must be plain text");
  expect_fault(Parse("~: 3"), 1, 1, "a key must be plain text");
}

TEST(YamlTree, Tags) {
  expect_fault(Parse("a: !!binary QQ==\n"), 1, 4, "tags mean nothing");
  EXPECT_TRUE(Parse("a: \"quoted\"\n").faults.empty());
}

TEST(YamlTree, SyntaxErrorsHaveAPlaceAndAdvice) {
  expect_fault(Parse("a: 1\nb: [1, 2\nc: 3\n"), 3, 2, "a bracket that is never closed");
  expect_fault(Parse("a: 1\nb: x: y\n"), 2, 5, "a value that holds \": \" needs quotes");
  expect_fault(Parse("a:\n\tb: 1\n"), 2, 3, "indented with a tab: use spaces");
  expect_fault(Parse("a:\n  mtu:1\n  b: 2\n"), 3, 4,
               "a space is missing after the colon of `mtu:` in line 2");
  expect_fault(Parse("a:\n  b: 1\n  key:x  # comment\n"), 3, 3,
               "a space is missing after the colon of `key:` in line 3");
  expect_fault(Parse("a: 1\nb: *c\n"), 2, 4, "an alias (*name) needs its anchor (&name) further up");
  expect_fault(Parse("a: 1\n - b\n  c: 2\n"), 3, 4, "");
  expect_fault(Parse("a: @x\n"), 1, 4, "needs quotes");
  expect_fault(Parse("a:\n  b: 1\n c: 2\n"), 3, 2, "must stand in one column");
  EXPECT_FALSE(Parse("a: [").good);
}

TEST(YamlTree, NotOneDocument) {
  expect_fault(Parse("a: 1\n---\nb: 2\n"), 2, 1, "another begins");
  expect_fault(Parse(", a: 1"), 1, 1, "begins with a key");  // yaml-cpp gets stuck on it
  EXPECT_TRUE(Parse("---\na: 1\n...\n").faults.empty());
}

TEST(YamlTree, Empty) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n...\n"}) {
    const Parse parse(text);
    EXPECT_TRUE(!parse.good || parse.tree.root.node->kind == YamlNode::Kind::kNull) << text;
  }
  expect_fault(Parse("# nothing\n"), 0, 0, "the lineup is empty");
}

TEST(YamlTree, NoText) { expect_fault(Parse(std::string_view("a: 1\nb\0: 2", 10)), 2, 2, "no text file"); }

TEST(YamlTree, AliasInsideItself) {
  const Parse parse("a: &a [1, *a]\n");
  EXPECT_TRUE(parse.good);
  expect_fault(parse, 1, 11, "an alias inside of what it stands for");
}

TEST(YamlTree, BoundedDepth) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + "x" + std::string(depth, ']'); };
  EXPECT_TRUE(Parse(nested(Tree::kMaxDepth)).good);
  const Parse parse(nested(Tree::kMaxDepth + 1));
  EXPECT_FALSE(parse.good);
  expect_fault(parse, 1, Tree::kMaxDepth + 1, "nested more than 16 levels deep");
}

TEST(YamlTree, BoundedLine) {
  const Parse parse(std::string(Tree::kMaxLineMarks + 1, '['));
  EXPECT_FALSE(parse.good);
  expect_fault(parse, 1, Tree::kMaxLineMarks + 1, "break it into lines");
}

TEST(YamlTree, BoundedSize) {
  std::string text;
  for (size_t i = 0; i < Tree::kMaxNodes; ++i) text += "- a\n";
  const Parse parse(text);
  EXPECT_FALSE(parse.good);
  ASSERT_EQ(parse.faults.size(), 1u);
  EXPECT_THAT(parse.faults[0].what, HasSubstr("more than 500000 values"));
}

// Each level doubles what the one before merges and lists; none of it may be built.
TEST(YamlTree, BombsStayBounded) {
  std::string laughs = "l0: &l0 [lol]\n", merges = "m: &m {";
  for (int i = 1; i < 40; ++i) laughs += fmt::format("l{0}: &l{0} [*l{1}, *l{1}]\n", i, i - 1);
  EXPECT_TRUE(Parse(laughs).good);

  for (int i = 0; i < 2000; ++i) merges += fmt::format("k{}: 1, ", i);
  merges += "}\nlist: &list [";
  for (int i = 0; i < 500; ++i) merges += "*m, ";
  merges += "]\nbomb: {<<: *list}\n";
  const Parse parse(merges);
  EXPECT_FALSE(parse.good);
  ASSERT_EQ(parse.faults.size(), 1u);
  EXPECT_THAT(parse.faults[0].what, HasSubstr("more than 500000 values"));
}

}  // namespace
}  // namespace linecast::lineup
