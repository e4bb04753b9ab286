// A process that keeps records is killed again and again, whatever it is just doing. All that it had
// acknowledged is there in the end, and nothing twice.
#include <sys/mman.h>
#include <sys/wait.h>

#include <chrono>
#include <map>
#include <thread>

#include "lib/base/random.h"
#include "lib/usage/json_lines_sink.h"
#include "lib/usage/sqlite_sink.h"
#include "lib/usage/usage_store.h"
#include "tests/unit/usage/database.h"
#include "tests/unit/usage/journal_bed.h"

namespace linecast::usage {
namespace {

constexpr uint64_t kLives = 30;
constexpr uint64_t kALife = 1'000'000;  // more records than one lives to make

TimeNs steady() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

class KillTest : public JournalBed {
 protected:
  std::vector<NamedSink> sinks() const {
    std::vector<NamedSink> made;
    made.push_back({"json", std::make_unique<JsonLinesSink>(
                                JsonLinesSink::Config{.path = json_, .most_bytes = 400'000, .files = 1000})});
    made.push_back({"sqlite", std::make_unique<SqliteSink>(database_)});
    return made;
  }
  UsageStore::Config store_config(uint64_t life) const {
    JournalConfig journal = config(1 + life * kALife);
    journal.segment_bytes = 100'000;
    return {.journal = journal, .queue = 512};
  }
  // Never returns; `acknowledged` lives on.
  [[noreturn]] void live(uint64_t life, volatile uint64_t* acknowledged) const {
    UsageStore store(store_config(life), sinks(), steady);
    for (uint64_t i = 1;;) {
      if (i < kALife && store.push(record(life * kALife + i))) ++i;
      *acknowledged = store.status().acknowledged;
    }
  }

  const std::string json_ = directory_ + "/usage.jsonl", database_ = directory_ + "/usage.sqlite";
};

TEST_F(KillTest, WhatWasAcknowledgedIsThereAndNothingTwice) {
  auto* const acknowledged = static_cast<volatile uint64_t*>(
      ::mmap(nullptr, kLives * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(acknowledged, MAP_FAILED);
  Random random(11);
  for (uint64_t life = 0; life < kLives; ++life) {
    const pid_t child = ::fork();
    if (child == 0) live(life, acknowledged + life);
    ASSERT_GT(child, 0);
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(300'000)));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int how = 0;
    ASSERT_EQ(::waitpid(child, &how, 0), child);
    ASSERT_TRUE(WIFSIGNALED(how)) << "it ended by itself";
  }
  UsageStore(store_config(kLives), sinks(), steady).stop();

  Database database(database_);
  EXPECT_EQ(database.ask("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(database.ask("SELECT count(*) - count(DISTINCT session) FROM usage"), "0");
  std::map<std::string, int> lines;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    if (!entry.path().filename().native().starts_with("usage.jsonl")) continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      ASSERT_TRUE(line.ends_with('}')) << line;
      ++lines[line.substr(0, line.find(",\"part\""))];
    }
  }
  EXPECT_EQ(std::to_string(lines.size()), database.ask("SELECT count(*) FROM usage"));
  for (const auto& [line, times] : lines) ASSERT_EQ(times, 1) << line;
  uint64_t sum = 0;
  for (uint64_t life = 0; life < kLives; ++life) {
    const uint64_t first = life * kALife + 1;
    const std::string there = database.ask(
        "SELECT count(*) FROM usage WHERE CAST(substr(session, instr(session, '-') + 1) AS INTEGER) "
        "BETWEEN " +
        std::to_string(first) + " AND " + std::to_string(first + acknowledged[life] - 1));
    EXPECT_EQ(there, std::to_string(acknowledged[life])) << life;
    sum += acknowledged[life];
  }
  EXPECT_GT(sum, 1000u);
  ::munmap(const_cast<uint64_t*>(acknowledged), kLives * sizeof(uint64_t));
}

}  // namespace
}  // namespace linecast::usage
