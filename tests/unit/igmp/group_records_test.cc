// The tables of RFC 3376, section 6.4, row by row. Times in seconds: now 1000, the record's sources get 1260
// (GMI), the group timer stands at 1100, running sources at 1010 and up.
#include "lib/igmp/group_records.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace linecast::igmp {
namespace {

constexpr TimeNs kNow = 1000;
constexpr TimeNs kInterval = 260;
constexpr TimeNs kGroupUntil = 1100;

struct Row {
  RecordType type;
  const char* before;   // INCLUDE "a b" or EXCLUDE "x y / stopped"; a running source 'c' stands at 1010 + 2
  const char* record;   // sources
  const char* after;    // with the timers
  const char* queries;  // "Q(G)" and the sources asked about
};

// A group as text: "IN a:1010 b:1260" or "EX:1260 x:1010 / y z".
std::string describe(const HeardGroup& group) {
  std::string text = group.exclude ? "EX:" + std::to_string(group.until) : "IN";
  std::string stopped;
  for (const HeardSource& s : group.sources.all()) {
    const char name = static_cast<char>(s.address);
    if (s.until == kStopped)
      stopped += std::string(" ") + name;
    else
      text += std::string(" ") + name + ":" + std::to_string(s.until);
  }
  return text + (stopped.empty() ? "" : " /" + stopped);
}

void fill(HeardGroup& group, const std::string& text) {
  group.exclude = text.substr(0, 2) == "EX";
  group.until = group.exclude ? kGroupUntil : kStopped;
  bool stopped = false;
  for (const char c : text.substr(2)) {
    if (c == '/') stopped = true;
    if (c < 'a' || c > 'z') continue;
    group.sources.add(static_cast<Ipv4>(c))->until = stopped ? kStopped : 1010 + (c - 'a');
  }
}

using R = RecordType;
constexpr Row kRows[] = {
    // Section 6.4.1: current-state records.
    {R::kModeIsInclude, "IN a b", "b c", "IN a:1010 b:1260 c:1260", ""},
    {R::kModeIsInclude, "IN a", "", "IN a:1010", ""},
    {R::kModeIsExclude, "IN a b", "b c", "EX:1260 b:1011 / c", ""},
    {R::kModeIsExclude, "IN a b", "", "EX:1260", ""},
    {R::kModeIsInclude, "EX a b / c d", "b c e", "EX:1100 a:1010 b:1260 c:1260 e:1260 / d", ""},
    {R::kModeIsInclude, "EX a / c", "", "EX:1100 a:1010 / c", ""},
    {R::kModeIsExclude, "EX a b / c d", "b c e", "EX:1260 b:1011 e:1260 / c", ""},
    {R::kModeIsExclude, "EX a b / c d", "", "EX:1260", ""},
    // Section 6.4.2: changes of the filter mode and of source lists.
    {R::kAllowNewSources, "IN a b", "b c", "IN a:1010 b:1260 c:1260", ""},
    {R::kBlockOldSources, "IN a b", "b c", "IN a:1010 b:1011", "b"},
    {R::kBlockOldSources, "IN a b", "c", "IN a:1010 b:1011", ""},
    {R::kChangeToExclude, "IN a b", "b c", "EX:1260 b:1011 / c", "b"},
    {R::kChangeToExclude, "IN a b", "", "EX:1260", ""},
    {R::kChangeToInclude, "IN a b", "b c", "IN a:1010 b:1260 c:1260", "a"},
    {R::kChangeToInclude, "IN a b", "", "IN a:1010 b:1011", "a b"},
    {R::kAllowNewSources, "EX a b / c d", "b c e", "EX:1100 a:1010 b:1260 c:1260 e:1260 / d", ""},
    {R::kBlockOldSources, "EX a b / c d", "b c e", "EX:1100 a:1010 b:1011 e:1100 / c d", "b e"},
    {R::kChangeToExclude, "EX a b / c d", "b c e", "EX:1260 b:1011 e:1100 / c", "b e"},
    {R::kChangeToExclude, "EX a b / c d", "", "EX:1260", ""},
    {R::kChangeToInclude, "EX a b / c d", "b c e", "EX:1100 a:1010 b:1260 c:1260 e:1260 / d", "Q(G) a"},
    {R::kChangeToInclude, "EX a / c", "", "EX:1100 a:1010 / c", "Q(G) a"},
    {R::kChangeToInclude, "EX / c", "", "EX:1100 / c", "Q(G)"},
    // None of the RFC's types.
    {static_cast<R>(0), "EX a / c", "b", "EX:1100 a:1010 / c", ""},
    {static_cast<R>(7), "IN a", "b", "IN a:1010", ""},
};

// Sources' addresses are the letters of the row; `named` is put together back to front, with each twice.
std::vector<uint8_t> sources_of(const std::string& named) {
  std::vector<uint8_t> bytes;
  for (int twice = 0; twice < 2; ++twice)
    for (auto c = named.rbegin(); c != named.rend(); ++c)
      if (*c != ' ') bytes.insert(bytes.end(), {0, 0, 0, static_cast<uint8_t>(*c)});
  return bytes;
}

TEST(GroupRecords, RowsOfTheRfc) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(std::string(row.before) + " <- " + std::to_string(static_cast<int>(row.type)) + " {" +
                 row.record + "}");
    std::array<HeardSource, 16> room;
    HeardGroup group{.sources = SourceList(room)};
    fill(group, row.before);
    const RecordOutcome outcome = apply_record(group, row.type, sources_of(row.record), kNow, kInterval);
    EXPECT_EQ(describe(group), row.after);
    std::string queries = outcome.query_group ? "Q(G)" : "";
    for (const HeardSource& s : group.sources.all())
      if (s.query) queries += (queries.empty() ? "" : " ") + std::string(1, static_cast<char>(s.address));
    EXPECT_EQ(queries, row.queries);
    EXPECT_EQ(outcome.query_sources, queries.find_first_of("abcde") != std::string::npos);
    EXPECT_EQ(outcome.sources_full, 0u);
  }
}

TEST(GroupRecords, SourcesWithoutRoomAreCounted) {
  struct {
    RecordType type;
    const char* before;
    const char* after;
  } const rows[] = {
      {R::kAllowNewSources, "IN a b", "IN a:1010 b:1011 e:1260"},
      {R::kModeIsExclude, "IN e", "EX:1260 e:1014 / c d"},
      {R::kBlockOldSources, "EX / a b", "EX:1100 e:1100 / a b"},
  };
  for (const auto& row : rows) {
    std::array<HeardSource, 3> room;
    HeardGroup group{.sources = SourceList(room)};
    fill(group, row.before);
    // In the order e d c f, once: what is there by then depends on the row's own room.
    const std::vector<uint8_t> named{0, 0, 0, 'e', 0, 0, 0, 'd', 0, 0, 0, 'c', 0, 0, 0, 'f'};
    const RecordOutcome outcome = apply_record(group, row.type, named, kNow, kInterval);
    EXPECT_EQ(describe(group), row.after);
    EXPECT_EQ(group.sources.size(), 3u);
    EXPECT_EQ(outcome.sources_full, row.type == R::kModeIsExclude ? 1u : 3u);
  }
}

// RFC 3376, sections 6.3 and 6.5.
TEST(GroupTimers, RunOut) {
  struct {
    const char* before;
    TimeNs now;
    const char* after;
  } const rows[] = {
      {"IN a b", 1009, "IN a:1010 b:1011"},
      {"IN a b", 1010, "IN b:1011"},
      {"IN a b", 1011, "IN"},
      {"EX a b / c", 1010, "EX:1100 b:1011 / a c"},
      {"EX a b / c", 1099, "EX:1100 / a b c"},
      {"EX a b / c", 1100, "IN"},
      {"EX", 1100, "IN"},
  };
  for (const auto& row : rows) {
    std::array<HeardSource, 16> room;
    HeardGroup group{.sources = SourceList(room)};
    fill(group, row.before);
    group.expire(row.now);
    EXPECT_EQ(describe(group), row.after) << row.before << " at " << row.now;
  }
  std::array<HeardSource, 16> room;
  HeardGroup group{.sources = SourceList(room)};
  fill(group, "EX a / c");
  group.sources.find('a')->until = 1200;
  group.expire(1100);
  EXPECT_EQ(describe(group), "IN a:1200") << "members of single sources stay";
  EXPECT_FALSE(group.empty());
}

}  // namespace
}  // namespace linecast::igmp
