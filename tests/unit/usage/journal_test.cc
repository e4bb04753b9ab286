#include "lib/usage/journal.h"

#include <set>

#include "tests/unit/usage/journal_bed.h"

namespace linecast::usage {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class JournalTest : public JournalBed {};

TEST_F(JournalTest, GivesBackWhatItTookAlsoWhenOpenedAgain) {
  {
    Journal journal(config());
    EXPECT_THAT(read_all(journal), IsEmpty());
    journal.append(some(1, 10));
    journal.append(some(11, 1));
    journal.append({});
    expect_records(read_all(journal), 1, 11);
    EXPECT_EQ(read_all(journal).front().number, 1000u);
    EXPECT_EQ(read_all(journal).back().number, 1010u);
    expect_records(read_all(journal, 1005, 3), 6, 6);
  }
  Journal journal(config(1001));
  EXPECT_THAT(journal.notes(), IsEmpty());
  expect_records(read_all(journal), 1, 11);
  journal.append(some(12, 5));
  expect_records(read_all(journal), 1, 16);
  EXPECT_EQ(read_all(journal).back().number, 1015u);
}

TEST_F(JournalTest, NumbersNeverComeBackEvenIfTheDirectoryIsLost) {
  {
    Journal journal(config(1000));
    journal.append(some(1, 10));
  }
  for (const auto& path : segments()) std::filesystem::remove(path);
  Journal journal(config(5000));
  journal.append(some(1, 1));
  EXPECT_EQ(read_all(journal).front().number, 5000u);
}

TEST_F(JournalTest, AReaderFollowsTheWriterFromSegmentToSegment) {
  JournalConfig small = config();
  small.segment_bytes = 2000;
  Journal journal(small);
  JournalReader reader(journal);
  std::vector<NumberedRecord> all, got;
  uint64_t next = 0;
  for (uint64_t i = 0; i < 50; ++i) {
    journal.append(some(1 + 7 * i, 7));
    for (reader.read(next, 5, got); !got.empty(); reader.read(next, 5, got)) {
      all.insert(all.end(), got.begin(), got.end());
      next = got.back().number + 1;
    }
  }
  EXPECT_GT(segments().size(), 10u);
  expect_records(all, 1, 350);
  reader.read(1100, 1, got);  // back, to another segment
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(got[0].record == record(101));
}

TEST_F(JournalTest, IsBoundedTheOldestThatAllSinksHaveGoFirst) {
  sinks_ = {"a", "b"};
  JournalConfig small = config();
  small.most_bytes = 40'000;
  Journal journal(small);
  uint64_t taken = 0;
  const auto append = [&] { journal.append(some(taken + 1, 20)), taken += 20; };
  std::string error;
  while ((error = error_of(append)) == "no error") ASSERT_LT(taken, 1000u);
  EXPECT_GT(taken, 300u);
  EXPECT_THAT(error, AllOf(HasSubstr("full"), HasSubstr("40000 bytes"), HasSubstr("wait for a")));
  EXPECT_LE(journal.bytes(), 40'000u);
  expect_records(read_all(journal), 1, taken);  // nothing is gone
  EXPECT_EQ(journal.waiting(0), taken);
  journal.delivered(0, 1000 + taken);
  EXPECT_THAT(error_of(append), HasSubstr("wait for b"));
  journal.delivered(1, 1000 + 150);
  EXPECT_EQ(journal.waiting(0), 0u);
  EXPECT_EQ(journal.waiting(1), taken - 150);
  append();
  const auto kept = read_all(journal, 1150);
  expect_records(kept, 151, taken - 150);  // all that b lacks
  EXPECT_LE(journal.bytes(), 40'000u);
}

TEST_F(JournalTest, WhatIsDeliveredStaysWhileThereIsRoom) {
  sinks_ = {"a"};
  {
    Journal journal(config());
    journal.append(some(1, 10));
    journal.delivered(0, 1010);
  }
  sinks_ = {"a", "later"};
  Journal journal(config());
  EXPECT_EQ(journal.waiting(0), 0u);
  EXPECT_EQ(journal.waiting(1), 10u);  // a new sink gets what there is
}

TEST_F(JournalTest, WithoutSinksTheOldestGoes) {
  JournalConfig small = config();
  small.most_bytes = 10'000;
  Journal journal(small);
  for (uint64_t i = 0; i < 100; ++i) journal.append(some(1 + 10 * i, 10));
  EXPECT_LE(journal.bytes(), 10'000u);
  const auto all = read_all(journal);
  EXPECT_GT(all.size(), 50u);
  EXPECT_TRUE(all.back().record == record(1000));
}

TEST_F(JournalTest, ABatchThatDoesNotFitIsRefused) {
  JournalConfig small = config();
  small.most_bytes = 1000;
  Journal journal(small);
  EXPECT_THAT(error_of([&] { journal.append(some(1, 100)); }), HasSubstr("allow it more"));
  journal.append(some(1, 5));
  expect_records(read_all(journal), 1, 5);
}

TEST_F(JournalTest, CursorsLastAndAreNotBelievedWhenDamaged) {
  sinks_ = {"a"};
  {
    Journal journal(config());
    journal.append(some(1, 10));
    journal.delivered(0, 1004);
  }
  EXPECT_EQ(text_of(directory_ + "/cursor-a"), "1004\n");
  EXPECT_EQ(Journal(config()).cursor(0), 1004u);
  for (const char* damaged : {"", "1004", "x\n", "18446744073709551616\n"}) {
    std::ofstream(directory_ + "/cursor-a") << damaged;
    Journal journal(config());
    EXPECT_EQ(journal.waiting(0), 10u) << damaged;
    ASSERT_EQ(journal.notes().size(), 1u);
    EXPECT_THAT(journal.notes()[0], HasSubstr("delivered again"));
  }
}

TEST_F(JournalTest, OneProcessAtATime) {
  std::optional<Journal> first(std::in_place, config());
  EXPECT_THAT(error_of([&] { Journal second(config()); }),
              AllOf(HasSubstr(directory_), HasSubstr("in use by process " + std::to_string(::getpid()))));
  first.reset();
  EXPECT_EQ(error_of([&] { Journal second(config()); }), "no error");
}

TEST_F(JournalTest, AMissingDirectoryNamesTheCommand) {
  JournalConfig missing = config();
  missing.directory += "/none";
  EXPECT_THAT(error_of([&] { Journal journal(missing); }), HasSubstr("mkdir -p -m 700 " + missing.directory));
}

// As a crash leaves it: every length that the last file can have been cut to.
TEST_F(JournalTest, ATornTailIsCutOff) {
  {
    Journal journal(config());
    journal.append(some(1, 3));
  }
  const std::string path = segments().front(), whole = text_of(path);
  std::vector<size_t> ends{kSegmentHeaderBytes};
  for (uint64_t i = 1; i <= 3; ++i) {
    std::string frame;
    append_frame(record(i), frame);
    ends.push_back(ends.back() + frame.size());
  }
  ASSERT_EQ(ends.back(), whole.size());
  for (size_t length = 0; length < whole.size(); ++length) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, length);
    const auto good = static_cast<uint64_t>(
        std::max<ptrdiff_t>(std::upper_bound(ends.begin(), ends.end(), length) - ends.begin() - 1, 0));
    {
      Journal journal(config());
      EXPECT_EQ(journal.notes().empty(), length == 0 || length == ends[good]) << length;
      expect_records(read_all(journal), 1, good);
      journal.append(some(good + 1, 2));
      expect_records(read_all(journal), 1, good + 2);
    }
    Journal again(config());
    EXPECT_THAT(again.notes(), IsEmpty());
    expect_records(read_all(again), 1, good + 2);
    for (const auto& segment : segments()) std::filesystem::remove(segment);
  }
}

TEST_F(JournalTest, GarbageBehindTheLastRecordIsCutOff) {
  {
    Journal journal(config());
    journal.append(some(1, 3));
  }
  std::ofstream(segments().front(), std::ios::binary | std::ios::app) << std::string(5000, '\0');
  Journal journal(config());
  ASSERT_EQ(journal.notes().size(), 1u);
  EXPECT_THAT(journal.notes()[0], HasSubstr("the last 5000 bytes"));
  journal.append(some(4, 1));
  expect_records(read_all(journal), 1, 4);
}

TEST_F(JournalTest, ADamagedSegmentIsKeptAsideAndTheRestGoesOn) {
  JournalConfig small = config();
  small.segment_bytes = 1000;
  {
    Journal journal(small);
    for (uint64_t i = 0; i < 10; ++i) journal.append(some(1 + 5 * i, 5));
  }
  const auto paths = segments();
  ASSERT_GE(paths.size(), 4u);
  std::string bytes = text_of(paths[1]);
  bytes[bytes.size() - 20] ^= 1;  // its last record
  std::ofstream(paths[1], std::ios::binary) << bytes;
  std::ofstream(paths[2], std::ios::binary) << "nothing of ours";
  Journal journal(small);
  ASSERT_EQ(journal.notes().size(), 2u);
  EXPECT_THAT(journal.notes()[0], AllOf(HasSubstr(paths[1]), HasSubstr("damaged"), HasSubstr(".damaged")));
  EXPECT_EQ(text_of(paths[1] + ".damaged"), bytes);
  EXPECT_EQ(text_of(paths[2] + ".damaged"), "nothing of ours");
  const auto all = read_all(journal);
  std::set<uint64_t> sessions;
  for (const NumberedRecord& r : all) sessions.insert(r.record.session);
  const uint64_t per_segment = *segment_number(std::filesystem::path(paths[1]).filename().native()) -
                               *segment_number(std::filesystem::path(paths[0]).filename().native());
  EXPECT_EQ(sessions.size(), 50 - per_segment - 1);
  EXPECT_FALSE(sessions.contains(2 * per_segment));
  EXPECT_TRUE(sessions.contains(50));
}

TEST_F(JournalTest, DamageUnderTheReaderIsSaidAndWhatIsBeforeItDelivered) {
  Journal journal(config());
  journal.append(some(1, 3));
  const std::string path = segments().front();
  std::string bytes = text_of(path);
  bytes.back() ^= 1;
  std::ofstream(path, std::ios::binary) << bytes;
  JournalReader reader(journal);
  std::vector<NumberedRecord> got;
  reader.read(0, 100, got);
  expect_records(got, 1, 2);
  EXPECT_THAT(error_of([&] { reader.read(1002, 100, got); }),
              AllOf(HasSubstr(path), HasSubstr("damaged at byte"), HasSubstr("restart")));
}

}  // namespace
}  // namespace linecast::usage
