// The journal on disks that fail.
#include "tests/unit/usage/journal_bed.h"
#include "tests/unit/usage/small_disk.h"

namespace linecast::usage {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

class JournalFaultTest : public testing::Test {
 protected:
  explicit JournalFaultTest() : disk_(64) {}
  JournalConfig config() const { return {.directory = disk_.path(), .start_number = 1}; }

  SmallDisk disk_;
};

TEST_F(JournalFaultTest, AFullDiskTakesNothingOfABatchAndGoesOnWhenThereIsRoom) {
  uint64_t taken = 0;
  {
    Journal journal(config());
    std::string error = "no error";
    while (error == "no error") {
      error = error_of([&] { journal.append(some(taken + 1, 37)); });
      if (error == "no error") taken += 37;
      ASSERT_LT(taken, 10'000u);
    }
    EXPECT_GT(taken, 100u);
    EXPECT_THAT(error, AnyOf(HasSubstr("No space left on device. Make room"), HasSubstr("File too large")));
    for (int again = 0; again < 3; ++again)
      EXPECT_NE(error_of([&] { journal.append(some(taken + 1, 1000)); }), "no error");
    expect_records(read_all(journal), 1, taken);
    disk_.grow(1024);
    journal.append(some(taken + 1, 37));
    taken += 37;
    expect_records(read_all(journal), 1, taken);
  }
  Journal again(config());
  expect_records(read_all(again), 1, taken);
  EXPECT_THAT(again.notes(), testing::IsEmpty());
}

TEST_F(JournalFaultTest, AReadOnlyDirectoryIsSaid) {
  {
    Journal journal(config());
    journal.append(some(1, 5));
  }
  disk_.make_read_only(true);
  EXPECT_THAT(error_of([&] {
                Journal journal(config());
                journal.append(some(1, 1));
              }),
              AnyOf(HasSubstr("Read-only file system. Make its file system writable"),
                    HasSubstr("Permission denied. Its directory must be writable")));
  disk_.make_read_only(false);
  Journal journal(config());
  expect_records(read_all(journal), 1, 5);
}

// What a failed append left behind, and could not cut off, was never acknowledged: the next segment counts.
TEST_F(JournalFaultTest, WhatAFailedAppendLeftBehindIsNotDelivered) {
  disk_.grow(1024);
  {
    Journal journal(config());
    journal.append(some(1, 5));
    journal.append(some(900, 5));
  }
  std::string next;
  append_segment_header(6, next);
  for (const UsageRecord& record : some(6, 7)) append_frame(record, next);
  std::ofstream(disk_.path() + '/' + segment_name(6), std::ios::binary) << next;
  Journal journal(config());
  expect_records(read_all(journal), 1, 12);
}

}  // namespace
}  // namespace linecast::usage
