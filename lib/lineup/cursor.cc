#include "lib/lineup/cursor.h"

#include "lib/lineup/spelling.h"

namespace linecast::lineup {

namespace {

std::string_view kind_name(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a single value";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a mapping";
  }
  return "";
}

}  // namespace

MapCursor::MapCursor(Ref ref, const Section& section, FaultList& faults)
    : ref_(ref), section_(section), faults_(faults) {
  if (ref.node->kind != YamlNode::Kind::kMap) {
    faults_.error(ref.mark,
                  fmt::format("{} must be a mapping of keys to values, but this is {}: write `{}: ...`",
                              section.noun, kind_name(*ref.node), section.keys.front()));
    return;
  }
  for (const YamlNode::Entry& entry : ref.node->entries) {
    if (std::find(section.keys.begin(), section.keys.end(), entry.key) == section.keys.end())
      faults_.error(entry.key_mark, fmt::format("{} has no key {}{}", section.noun, in_quotes(entry.key),
                                                entry.key.find(':') != std::string::npos
                                                    ? ": a space is missing after the colon"
                                                    : suggest(entry.key, section.keys)));
  }
}

const Ref* MapCursor::find(std::string_view key) const {
  assert(std::find(section_.keys.begin(), section_.keys.end(), key) != section_.keys.end());
  const Ref* value = ref_.node->find(key);
  if (value == nullptr || value->node->kind != YamlNode::Kind::kNull) return value;
  faults_.error(value->mark, fmt::format("{} has no value: give one, or delete the key", key));
  return nullptr;
}

const Ref* MapCursor::need(std::string_view key, std::string_view example) const {
  if (ref_.node->kind == YamlNode::Kind::kMap && ref_.node->find(key) == nullptr)
    faults_.error(ref_.mark,
                  fmt::format("{} lacks \"{}\": add it, as `{}: {}`", section_.noun, key, key, example));
  return find(key);
}

const std::vector<Ref>* MapCursor::list(std::string_view key, const Ref* value) const {
  if (value == nullptr) return nullptr;
  if (value->node->kind == YamlNode::Kind::kList) return &value->node->items;
  faults_.error(value->mark,
                fmt::format("{} must be a list, but this is {}: begin each item with a dash, or put "
                            "them in brackets, as `{}: [...]`",
                            key, kind_name(*value->node), key));
  return nullptr;
}

bool MapCursor::is_scalar(Ref value, std::string_view key) const {
  if (value.node->kind == YamlNode::Kind::kScalar) return true;
  faults_.error(value.mark, fmt::format("{} must be a single value, but this is {}: write `{}: VALUE`", key,
                                        kind_name(*value.node), key));
  return false;
}

bool read_prefixes(const MapCursor& in, std::string_view key, std::vector<Prefix>& out) {
  constexpr size_t kMostPrefixes = 64;
  const Ref* given = in.find(key);
  const std::vector<Ref>* items = in.list(key, given);
  if (items == nullptr) return given != nullptr;  // which is reported
  for (const Ref& item : *items) {
    Prefix prefix;
    if (in.scalar(item, key, prefix, parse_prefix)) out.push_back(prefix);
  }
  if (items->size() > kMostPrefixes)
    in.faults().error(given->mark,
                      fmt::format("{} names {}, more than {}: join some", key, items->size(), kMostPrefixes));
  return !items->empty();
}

Mark place(Ref from, std::initializer_list<std::string_view> path) {
  for (const std::string_view key : path) {
    const Ref* next = from.node->find(key);
    if (next == nullptr) break;
    from = *next;
  }
  return from.mark;
}

}  // namespace linecast::lineup
