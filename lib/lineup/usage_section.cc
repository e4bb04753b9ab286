// usage:, what is kept of who watches.
#include "lib/lineup/draft.h"

namespace linecast::lineup {

namespace {

constexpr uint64_t kMostExact = 10'000'000;  // near 1 GB of memory
constexpr uint64_t kMostPerAddress = UINT16_MAX;
constexpr uint64_t kLeastPartS = 60;  // receivers report no sooner, so that no part can end sooner
constexpr uint64_t kMostPartS = 86'400;
constexpr uint64_t kLeastJournalMib = 16;  // the largest batch fits a segment, a quarter of it
constexpr uint64_t kMostMib = 1 << 20;
constexpr uint64_t kMostFiles = 1000;

// For what is not given: all of it is as by default.
const YamlNode kNothing{.kind = YamlNode::Kind::kMap};

Ref given(const Ref* section) { return section != nullptr ? *section : Ref{&kNothing, {}}; }

// The file's path, in `directory` by default; empty where the sink is off.
std::string read_sink(const MapCursor& in, const Draft& draft, const std::string& name) {
  bool enabled = true;
  in.read("enabled", enabled, parse_bool);
  std::string file = draft.lineup.usage.directory + '/' + name;
  in.read("file", file, parse_path);
  return enabled ? draft.resolve(file) : "";
}

}  // namespace

void read_usage(const MapCursor& top, Draft& draft) {
  Usage& usage = draft.lineup.usage;
  draft.usage = given(top.find("usage"));
  const MapCursor in(draft.usage, kUsageSection, top.faults());
  usage.directory = draft.lineup.state_directory + "/usage";
  in.read("directory", usage.directory, parse_path);
  usage.directory = draft.resolve(usage.directory);
  in.number("exact", 1, kMostExact, "receivers", usage.exact);
  in.number("per_address", 1, kMostPerAddress, "receivers", usage.per_address);
  in.number("part_s", kLeastPartS, kMostPartS, "seconds", usage.part_s);
  in.number("journal_mib", kLeastJournalMib, kMostMib, "MiB", usage.journal_mib);
  read_prefixes(in, "repeaters", usage.repeaters);

  const MapCursor in_json(given(in.find("json")), kUsageJsonSection, top.faults());
  usage.json_file = read_sink(in_json, draft, "usage.jsonl");
  in_json.number("rotate_mib", 1, kMostMib, "MiB", usage.json_rotate_mib);
  in_json.number("files", 1, kMostFiles, "files", usage.json_files);

  const MapCursor in_sqlite(given(in.find("sqlite")), kUsageSqliteSection, top.faults());
  usage.sqlite_file = read_sink(in_sqlite, draft, "usage.sqlite");
  if (!usage.json_file.empty() && usage.json_file == usage.sqlite_file)
    top.faults().error(place(draft.usage, {"sqlite", "file"}),
                       "both sinks of usage write to this file: give each its own");
}

}  // namespace linecast::lineup
