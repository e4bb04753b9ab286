// Reads one mapping of the lineup: reports a wrong type and unknown keys at once, then hands out values by
// key, reporting those that are missing or bad.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <cassert>

#include "lib/lineup/scalars.h"
#include "lib/lineup/schema.h"
#include "lib/lineup/yaml_tree.h"

namespace linecast::lineup {

class MapCursor {
 public:
  MapCursor(Ref ref, const Section& section, FaultList& faults);

  Ref ref() const { return ref_; }
  FaultList& faults() const { return faults_; }

  // The value's node; null where the key is missing or has no value (which is reported). Asking for a key
  // that the section does not list is a mistake of ours.
  const Ref* find(std::string_view key) const;
  // The same, and a missing key is reported; `example` shows how to write it.
  const Ref* need(std::string_view key, std::string_view example) const;

  // Parses the value of `key` into `out`. False, and `out` untouched, where the key is missing or its value
  // is bad (which is reported).
  template <typename T, typename Parse>
  bool read(std::string_view key, T& out, Parse&& parse) const {
    const Ref* value = find(key);
    return value != nullptr && scalar(*value, key, out, std::forward<Parse>(parse));
  }
  template <typename T, typename Parse>
  bool need(std::string_view key, std::string_view example, T& out, Parse&& parse) const {
    const Ref* value = need(key, example);
    return value != nullptr && scalar(*value, key, out, std::forward<Parse>(parse));
  }
  // A whole number in a range.
  template <typename T>
  bool number(std::string_view key, uint64_t least, uint64_t most, std::string_view unit, T& out) const {
    return read(key, out, [=](std::string_view text) { return parse_number(text, least, most, unit); });
  }

  // Parses one scalar node that stands under `key`.
  template <typename T, typename Parse>
  bool scalar(Ref value, std::string_view key, T& out, Parse&& parse) const {
    if (!is_scalar(value, key)) return false;
    auto parsed = parse(std::string_view(value.node->text));
    if (const auto* wrong = std::get_if<Wrong>(&parsed)) {
      faults_.error(value.mark, fmt::format("{} {} {}", key, in_quotes(value.node->text), wrong->why));
      return false;
    }
    out = static_cast<T>(std::get<0>(std::move(parsed)));
    return true;
  }

  // The items of the list under `key`; a value that is no list is reported.
  const std::vector<Ref>* list(std::string_view key, const Ref* value) const;

 private:
  bool is_scalar(Ref value, std::string_view key) const;

  Ref ref_;
  const Section& section_;
  FaultList& faults_;
};

// The list of prefixes under `key`; false where the key is not there, or the list is empty. Too many, and
// what is none, are reported.
bool read_prefixes(const MapCursor& in, std::string_view key, std::vector<Prefix>& out);

// The place of a value inside `from`, by its keys; of the nearest mapping around it where it is not given.
Mark place(Ref from, std::initializer_list<std::string_view> path);

}  // namespace linecast::lineup
