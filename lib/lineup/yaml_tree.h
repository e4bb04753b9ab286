// A YAML file as a tree with a place for each node: bounded in depth and size, aliases and merge keys (<<)
// followed, keys given twice and everything that a lineup has no use for (tags, several documents) reported.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "lib/lineup/faults.h"

namespace linecast::lineup {

struct YamlNode;

// A node where it is used: of an alias the place of the alias, not of what it stands for.
struct Ref {
  const YamlNode* node = nullptr;
  Mark mark;
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  struct Entry {
    std::string key;
    Mark key_mark;
    Ref value;
  };

  Kind kind = Kind::kNull;
  bool open = false;  // still being read
  std::string text;   // of a scalar
  std::vector<Ref> items;
  std::vector<Entry> entries;  // in file order, merged ones last; no key twice

  // Null where there is no such key (or this is no mapping).
  const Ref* find(std::string_view key) const;
};

struct Tree {
  static constexpr size_t kMaxDepth = 16;
  static constexpr size_t kMaxNodes = 500'000;  // merged entries included
  static constexpr size_t kMaxLineMarks = 250'000;

  std::deque<YamlNode> nodes;  // owns them all
  Ref root;
};

// False where the text is no YAML or goes beyond a bound: then no part of the tree is fit for use.
bool parse_yaml(std::string_view text, Tree& tree, FaultList& faults);

}  // namespace linecast::lineup
