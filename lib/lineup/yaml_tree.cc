#include "lib/lineup/yaml_tree.h"

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>

namespace linecast::lineup {

namespace {

struct Stop {};  // thrown where reading on is of no use; the fault is in the list already

Mark from_yaml(const YAML::Mark& mark) {
  return mark.is_null() ? Mark{} : Mark{mark.line + 1, mark.column + 1};
}

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(Tree& tree, FaultList& faults) : tree_(tree), faults_(faults) {}

  // yaml-cpp can report one document after another without end where it does not get past a stray comma.
  void OnDocumentStart(const YAML::Mark& mark) override {
    const Mark at = from_yaml(mark);
    if (++documents_ == 1) {
      first_document_ = at;
      return;
    }
    if (at.line == first_document_.line && at.column == first_document_.column)
      faults_.error(at, "not valid YAML: a lineup begins with a key, as `headend:`");
    else
      faults_.error(at,
                    "the YAML document ends here and another begins: a lineup is one document, delete the "
                    "`---`, or whatever stands outside the first mapping");
    throw Stop{};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add({make(YamlNode::Kind::kNull, from_yaml(mark), anchor), from_yaml(mark)});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Mark at = from_yaml(mark);
    count_node(at);
    const YamlNode* node = anchor < anchors_.size() ? anchors_[anchor] : nullptr;
    if (node == nullptr || node->open) {
      faults_.error(at, "an alias inside of what it stands for: give the values themselves");
      node = make(YamlNode::Kind::kNull, at, 0);
    }
    add({node, at});
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const Mark at = from_yaml(mark);
    check_tag(at, tag);
    YamlNode* node = make(YamlNode::Kind::kScalar, at, anchor);
    node->text = value;
    add({node, at});
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(YamlNode::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { end(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override {
    resolve_keys(open_.back());
    end();
  }

 private:
  struct Frame {
    YamlNode* node;
    Mark mark;
    bool has_key = false;  // of a mapping: the next node is a value
    bool drop_value = false;
    std::string key;
    Mark key_mark;
  };

  void count_node(Mark at) {
    if (++counted_ <= Tree::kMaxNodes) return;
    faults_.error(
        at, fmt::format("more than {} values in one lineup: split it between headends", Tree::kMaxNodes));
    throw Stop{};
  }

  YamlNode* make(YamlNode::Kind kind, Mark at, YAML::anchor_t anchor) {
    count_node(at);
    YamlNode* node = &tree_.nodes.emplace_back();
    node->kind = kind;
    if (anchor > 0) {
      if (anchors_.size() <= anchor) anchors_.resize(anchor + 1);
      anchors_[anchor] = node;
    }
    return node;
  }

  void check_tag(Mark at, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      faults_.error(at,
                    fmt::format("a YAML tag ({}): tags mean nothing in a lineup, delete it", in_quotes(tag)));
  }

  void begin(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const Mark at = from_yaml(mark);
    if (open_.size() >= Tree::kMaxDepth) {
      faults_.error(at, fmt::format("nested more than {} levels deep: no lineup is, check brackets and "
                                    "indentation",
                                    Tree::kMaxDepth));
      throw Stop{};
    }
    check_tag(at, tag);
    YamlNode* node = make(kind, at, anchor);
    node->open = true;
    open_.push_back({.node = node, .mark = at, .key = {}, .key_mark = {}});
  }

  void end() {
    const Ref done{open_.back().node, open_.back().mark};
    open_.back().node->open = false;
    open_.pop_back();
    add(done);
  }

  void add(Ref ref) {
    if (open_.empty()) {
      tree_.root = ref;
      return;
    }
    Frame& frame = open_.back();
    if (frame.node->kind == YamlNode::Kind::kList) {
      frame.node->items.push_back(ref);
    } else if (!frame.has_key) {
      frame.has_key = true;
      frame.key_mark = ref.mark;
      frame.drop_value = ref.node->kind != YamlNode::Kind::kScalar;
      frame.key = ref.node->text;
      if (frame.drop_value) faults_.error(ref.mark, "a key must be plain text, as `name:`");
    } else {
      frame.has_key = false;
      // yaml-cpp places a value that is not there at what comes next, which may be lines away.
      if (ref.node->kind == YamlNode::Kind::kNull) ref.mark = frame.key_mark;
      if (!frame.drop_value) frame.node->entries.push_back({std::move(frame.key), frame.key_mark, ref});
    }
  }

  using Seen = std::unordered_map<std::string, Mark>;

  // Duplicates out, then merge keys in.
  void resolve_keys(Frame& frame) {
    Seen seen;
    std::vector<YamlNode::Entry> once;
    Ref merge_from;
    for (YamlNode::Entry& entry : frame.node->entries) {
      const auto [first, is_new] = seen.emplace(entry.key, entry.key_mark);
      if (!is_new)
        faults_.error(entry.key_mark,
                      fmt::format("key {} is given twice, first at line {}: delete one of them",
                                  in_quotes(entry.key), first->second.line));
      else if (entry.key == "<<")
        merge_from = entry.value;
      else
        once.push_back(std::move(entry));
    }
    frame.node->entries = std::move(once);
    if (merge_from.node != nullptr) merge(*frame.node, merge_from, seen);
  }

  // YAML's merge key: what the mapping does not say itself is taken from `from` (a mapping, or a list of
  // mappings of which earlier ones win).
  void merge(YamlNode& map, Ref from, Seen& seen) {
    count_node(from.mark);
    if (from.node->kind == YamlNode::Kind::kMap) {
      for (const YamlNode::Entry& entry : from.node->entries) {
        count_node(from.mark);
        if (seen.emplace(entry.key, entry.key_mark).second) map.entries.push_back(entry);
      }
      return;
    }
    if (from.node->kind != YamlNode::Kind::kList) return not_mergeable(from.mark);
    for (const Ref& item : from.node->items) {
      if (item.node->kind != YamlNode::Kind::kMap) return not_mergeable(item.mark);
      merge(map, item, seen);
    }
  }

  void not_mergeable(Mark at) {
    faults_.error(at, "`<<` takes a mapping or a list of mappings: give an alias, as `<<: *name`");
  }

  Tree& tree_;
  FaultList& faults_;
  std::vector<Frame> open_;
  std::vector<const YamlNode*> anchors_;  // by yaml-cpp's number
  size_t counted_ = 0;
  int documents_ = 0;
  Mark first_document_;
};

std::string_view line_of(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// The key of a line such as `key:news.key`, which YAML takes for one word; empty where the line is sound.
std::string_view key_without_space(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" -"), line.size()));
  const std::string_view key = line.substr(0, line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"));
  const std::string_view rest = line.substr(key.size());
  const bool joined = !key.empty() && rest.size() > 1 && rest[0] == ':' && rest[1] != ' ' && rest[1] != '/';
  return joined ? key : std::string_view();
}

// What to do about a syntax error, by yaml-cpp's own words for it.
std::string advice(std::string_view text, Mark at, std::string_view message) {
  const std::string_view line = line_of(text, at.line);
  const std::string_view indentation = line.substr(0, line.find_first_not_of(" \t"));
  if (indentation.find('\t') != std::string_view::npos) return "the line is indented with a tab: use spaces";
  for (const int number : {at.line, at.line - 1})
    if (const std::string_view key = key_without_space(line_of(text, number)); !key.empty())
      return fmt::format("a space is missing after the colon of `{}:` in line {}", key, number);
  const auto says = [&](std::string_view words) { return message.find(words) != std::string_view::npos; };
  if (says("flow not found") || says("flow end")) return "a bracket that is never closed, or closed twice";
  if (says("map value"))
    return "a value that holds \": \" needs quotes; keys of one mapping stand in one column";
  if (says("end of map") || says("end of seq") || says("block entry"))
    return "keys (or dashes) of one level must stand in one column: check the indentation here and just "
           "above";
  if (says("anchor is not defined")) return "an alias (*name) needs its anchor (&name) further up";
  if (says("unknown token")) return "a value that begins with one of % @ ` needs quotes";
  return "mend the text here or just above";
}

// What yaml-cpp would need gigabytes for is refused before it sees it: it reads a whole line of brackets
// ahead.
bool check_text(std::string_view text, FaultList& faults) {
  Mark at{1, 0};
  size_t marks = 0;
  for (const char c : text) {
    ++at.column;
    if (c == '\0') {
      faults.error(at, "a zero byte: this is no text file; a lineup is YAML in UTF-8");
      return false;
    }
    if (c == '[' || c == ']' || c == '{' || c == '}' || c == ',' || c == ':') ++marks;
    if (marks > Tree::kMaxLineMarks) {
      faults.error(at, "a line with too many brackets and commas: break it into lines");
      return false;
    }
    if (c == '\n') {
      at = {at.line + 1, 0};
      marks = 0;
    }
  }
  return true;
}

}  // namespace

const Ref* YamlNode::find(std::string_view key) const {
  const auto entry =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
  return entry != entries.end() ? &entry->value : nullptr;
}

bool parse_yaml(std::string_view text, Tree& tree, FaultList& faults) {
  if (!check_text(text, faults)) return false;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(tree, faults);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return false;
  } catch (const YAML::Exception& e) {
    const Mark at = from_yaml(e.mark);
    faults.error(at, fmt::format("not valid YAML: {}: {}", e.msg, advice(text, at, e.msg)));
    return false;
  }
  if (tree.root.node == nullptr) {
    faults.error({}, "the lineup is empty: start from config/lineup.example.yaml");
    return false;
  }
  return true;
}

}  // namespace linecast::lineup
