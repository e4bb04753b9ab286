#include "lib/usage/deliverer.h"

#include "lib/usage/sqlite_sink.h"
#include "tests/unit/usage/database.h"
#include "tests/unit/usage/journal_bed.h"

namespace linecast::usage {
namespace {

using testing::HasSubstr;

constexpr TimeNs kS = kNsPerSecond;

class DelivererTest : public JournalBed {
 protected:
  DelivererTest() { sinks_ = {"sqlite"}; }
  Deliverer sqlite(Journal& journal, const std::string& path) const {
    return {journal, 0, "sqlite", std::make_unique<SqliteSink>(path)};
  }
};

TEST_F(DelivererTest, BringsAllToTheSinkInBatches) {
  Journal journal(config());
  for (uint64_t i = 0; i < 25; ++i) journal.append(some(1 + 1000 * i, 1000));
  Deliverer deliverer = sqlite(journal, directory_ + "/usage.sqlite");
  EXPECT_EQ(deliverer.status().waiting, 25'000u);
  int steps = 0;
  while (deliverer.step(5) == 5) ++steps;
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(deliverer.step(5), 5 + Deliverer::kIdleNs);
  const SinkStatus status = deliverer.status();
  EXPECT_EQ(status.name, "sqlite");
  EXPECT_EQ(status.waiting, 0u);
  EXPECT_EQ(status.delivered, 25'000u);
  EXPECT_EQ(status.failures, 0u);
  EXPECT_EQ(status.failing_since, kNever);
  EXPECT_EQ(Database(directory_ + "/usage.sqlite").ask("SELECT count(*), max(record) FROM usage"),
            "25000|25999");
}

TEST_F(DelivererTest, TriesAgainEverLaterAndCatchesUp) {
  Journal journal(config());
  journal.append(some(1, 10));
  const std::string there = directory_ + "/not yet";
  Deliverer deliverer = sqlite(journal, there + "/usage.sqlite");
  TimeNs now = 100 * kS;
  for (const TimeNs expected : {1, 2, 4, 8, 16, 32, 60, 60}) {
    const TimeNs next = deliverer.step(now);
    EXPECT_EQ(next - now, expected * kS);
    EXPECT_EQ(deliverer.status().next_attempt, next);
    now = next;
  }
  SinkStatus status = deliverer.status();
  EXPECT_EQ(status.failures, 8u);
  EXPECT_EQ(status.failing_since, 100 * kS);
  EXPECT_THAT(status.last_error, HasSubstr("mkdir -p"));
  EXPECT_EQ(status.waiting, 10u);
  journal.append(some(11, 10));
  std::filesystem::create_directory(there);
  EXPECT_EQ(deliverer.step(now), now);
  status = deliverer.status();
  EXPECT_EQ(status.failing_since, kNever);
  EXPECT_EQ(status.waiting, 0u);
  EXPECT_THAT(status.last_error, HasSubstr("mkdir -p"));  // to be read afterwards
  EXPECT_EQ(Database(there + "/usage.sqlite").ask("SELECT count(*) FROM usage"), "20");
  std::filesystem::remove_all(there);
  journal.append(some(21, 1));
  EXPECT_EQ(deliverer.step(now), now + kS);  // patient no more
}

TEST_F(DelivererTest, GoesOnWhereItWasAndRepeatsNothingWithoutItsCursor) {
  const std::string path = directory_ + "/usage.sqlite";
  {
    Journal journal(config());
    journal.append(some(1, 10));
    sqlite(journal, path).step(0);
    journal.append(some(11, 10));
  }
  {
    Journal journal(config());
    Deliverer deliverer = sqlite(journal, path);
    EXPECT_EQ(deliverer.status().waiting, 10u);
    deliverer.step(0);
  }
  std::filesystem::remove(directory_ + "/cursor-sqlite");
  Journal journal(config());
  Deliverer deliverer = sqlite(journal, path);
  EXPECT_EQ(deliverer.status().waiting, 20u);
  deliverer.step(0);
  EXPECT_EQ(Database(path).ask("SELECT count(*), count(DISTINCT session) FROM usage"), "20|20");
}

}  // namespace
}  // namespace linecast::usage
