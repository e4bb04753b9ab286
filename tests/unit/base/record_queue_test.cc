#include "lib/base/record_queue.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

namespace linecast {
namespace {

struct Record {
  uint64_t number = 0;
  uint64_t inverse = 0;  // tells a record that was read half written
};

TEST(RecordQueue, GivesBackWhatFitsInOrderAndRefusesTheRest) {
  RecordQueue<Record> queue(5);
  ASSERT_EQ(queue.room(), 8u);
  uint64_t pushed = 0, popped = 0;
  Record record;
  EXPECT_FALSE(queue.pop(record));
  for (int round = 0; round < 3; ++round) {  // round the end of its memory
    while (queue.push({pushed, ~pushed})) ++pushed;
    EXPECT_EQ(pushed - popped, 8u);
    EXPECT_FALSE(queue.push({pushed, ~pushed}));
    for (int k = 0; k < 5; ++k) {
      ASSERT_TRUE(queue.pop(record));
      EXPECT_EQ(record.number, popped++);
    }
  }
  while (queue.pop(record)) EXPECT_EQ(record.number, popped++);
  EXPECT_EQ(popped, pushed);
}

TEST(RecordQueue, PassesWholeRecordsBetweenThreads) {
  constexpr uint64_t kRecords = 100'000;
  RecordQueue<Record> queue(64);
  std::thread writer([&] {
    for (uint64_t number = 0; number < kRecords;)
      if (queue.push({number, ~number}))
        ++number;
      else
        std::this_thread::yield();
  });
  uint64_t wrong = 0;
  for (uint64_t expected = 0; expected < kRecords;) {
    Record record;
    if (!queue.pop(record)) {
      std::this_thread::yield();
      continue;
    }
    wrong += record.number != expected || record.inverse != ~expected;
    ++expected;
  }
  writer.join();
  EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace linecast
