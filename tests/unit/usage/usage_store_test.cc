#include "lib/usage/usage_store.h"

#include <chrono>
#include <thread>

#include "lib/usage/json_lines_sink.h"
#include "lib/usage/sqlite_sink.h"
#include "tests/unit/usage/database.h"
#include "tests/unit/usage/journal_bed.h"
#include "tests/unit/usage/small_disk.h"

namespace linecast::usage {
namespace {

using testing::HasSubstr;

TimeNs steady() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

class UsageStoreTest : public JournalBed {
 protected:
  std::vector<NamedSink> both() const {
    std::vector<NamedSink> sinks;
    sinks.push_back({"json", std::make_unique<JsonLinesSink>(JsonLinesSink::Config{.path = json_})});
    sinks.push_back({"sqlite", std::make_unique<SqliteSink>(database_)});
    return sinks;
  }
  template <typename Condition>
  static void wait_for(Condition condition) {
    while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

  const std::string json_ = directory_ + "/usage.jsonl", database_ = directory_ + "/usage.sqlite";
};

TEST_F(UsageStoreTest, BringsRecordsToAllSinks) {
  UsageStore store({.journal = config()}, both(), steady);
  for (const UsageRecord& record : some(1, 30'000)) ASSERT_TRUE(store.push(record));
  wait_for([&] {
    const StoreStatus status = store.status();
    return status.acknowledged == 30'000 && status.sinks[0].delivered == 30'000 &&
           status.sinks[1].delivered == 30'000;
  });
  EXPECT_EQ(Database(database_).ask("SELECT count(*), count(DISTINCT session) FROM usage"), "30000|30000");
  EXPECT_EQ(store.status().failing_since, kNever);
  EXPECT_EQ(store.stop(), 0u);
}

TEST_F(UsageStoreTest, StopBringsTheRestAlong) {
  {
    UsageStore store({.journal = config()}, both(), steady);
    for (const UsageRecord& record : some(1, 20'000)) ASSERT_TRUE(store.push(record));
    EXPECT_EQ(store.stop(), 0u);
    EXPECT_EQ(store.stop(), 0u);
  }
  EXPECT_EQ(Database(database_).ask("SELECT count(*) FROM usage"), "20000");
  const std::string lines = text_of(json_);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 20'000);
}

TEST_F(UsageStoreTest, ASinkThatFailsHoldsUpNoOther) {
  {
    Database somebody(database_);
    somebody.run("CREATE TABLE theirs (a)");
  }
  UsageStore store({.journal = config()}, both(), steady);
  for (const UsageRecord& record : some(1, 100)) ASSERT_TRUE(store.push(record));
  wait_for([&] { return store.status().sinks[0].delivered == 100 && store.status().sinks[1].failures > 0; });
  EXPECT_EQ(store.status().sinks[1].waiting, 100u);
  EXPECT_THAT(store.status().sinks[1].last_error, HasSubstr("something else"));
  EXPECT_EQ(store.stop(), 0u);  // it is all in the journal
}

TEST_F(UsageStoreTest, AQueueThatIsFullSaysSo) {
  JournalConfig tiny = config();
  tiny.most_bytes = 100;  // that nothing fits into
  UsageStore store({.journal = tiny, .queue = 64}, {}, steady);
  uint64_t pushed = 0;
  wait_for([&] {
    while (store.push(record(pushed + 1))) ++pushed;
    return store.status().failing_since != kNever;
  });
  while (store.push(record(pushed + 1))) ++pushed;
  EXPECT_FALSE(store.push(record(1)));
  EXPECT_THAT(store.status().last_error, HasSubstr("allow it more"));
  EXPECT_EQ(store.status().acknowledged, 0u);
  EXPECT_EQ(store.stop(), pushed);  // and says what is lost
}

// Some records may still fit into what the journal has of the disk: those that its thread takes while the
// others are pushed.
TEST(UsageStoreFault, WhatWaitsWhileTheDiskIsFullIsKept) {
  SmallDisk disk(64);
  const std::string filler = disk.path() + "/filler", json = disk.path() + "/usage.jsonl";
  std::vector<NamedSink> sinks;
  sinks.push_back({"json", std::make_unique<JsonLinesSink>(JsonLinesSink::Config{.path = json})});
  UsageStore store({.journal = {.directory = disk.path(), .start_number = 1}}, std::move(sinks), steady);
  std::ofstream(filler) << std::string(60 * 1024, 'x') << std::flush;
  for (const UsageRecord& record : some(1, 2000)) ASSERT_TRUE(store.push(record));
  while (store.status().failing_since == kNever) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_LT(store.status().acknowledged, 2000u);
  disk.grow(4096);
  while (store.status().sinks[0].delivered < 2000) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(store.status().acknowledged, 2000u);
  EXPECT_EQ(store.status().failing_since, kNever);
  EXPECT_EQ(store.stop(), 0u);
  const std::string lines = text_of(json);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2000);
}

}  // namespace
}  // namespace linecast::usage
