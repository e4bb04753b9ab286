#include "lib/usage/sqlite_sink.h"

#include "tests/unit/usage/database.h"
#include "tests/unit/usage/journal_bed.h"
#include "tests/unit/usage/small_disk.h"

namespace linecast::usage {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;

class SqliteSinkTest : public testing::Test {
 protected:
  std::string count() const {
    return Database(path_).ask("SELECT count(*), count(DISTINCT session) FROM usage");
  }

  const TemporaryDirectory made_;
  const std::string path_ = made_.path() + "/usage.sqlite";
};

TEST_F(SqliteSinkTest, RowsSayWhatTheRecordsSay) {
  SqliteSink sink(path_);
  sink.deliver(numbered(10, 3));
  EXPECT_EQ(Database(path_).ask("SELECT * FROM usage ORDER BY record"),
            "10|1760000000000000000-10|2|news "
            "\"3\"|010203040506070a|null|10.72.0.10|192.168.0.10|0|repeater_tunnel|open|"
            "2025-10-09T08:53:20.010Z|2025-10-09T08:54:20.010Z|1|60010|61\n"
            "11|1760000000000000000-11|3|news "
            "\"4\"|010203040506070b|abcdef000000000b|10.72.0.11|null|1|origin_tunnel|left|"
            "2025-10-09T08:53:20.011Z|2025-10-09T08:54:20.011Z|11|60011|61\n"
            "12|1760000000000000000-12|1|news "
            "\"5\"|010203040506070c|abcdef000000000c|10.72.0.12|null|0|unknown|expired|"
            "2025-10-09T08:53:20.012Z|2025-10-09T08:54:20.012Z|1|60012|61");
  EXPECT_EQ(
      Database(path_).ask("SELECT strftime('%s', ended_at) - strftime('%s', began_at) FROM usage LIMIT 1"),
      "60");
}

TEST_F(SqliteSinkTest, WhatComesTwiceIsThereOnce) {
  {
    SqliteSink sink(path_);
    sink.deliver(numbered(1, 100));
    sink.deliver(numbered(50, 100));
  }
  SqliteSink sink(path_);
  sink.deliver(numbered(100, 100));
  EXPECT_EQ(count(), "199|199");
}

TEST_F(SqliteSinkTest, OthersReadMeanwhile) {
  SqliteSink sink(path_);
  sink.deliver(numbered(1, 10));
  Database reader(path_);
  reader.run("BEGIN");
  EXPECT_EQ(reader.ask("SELECT count(*) FROM usage"), "10");
  sink.deliver(numbered(11, 10));
  EXPECT_EQ(reader.ask("SELECT count(*) FROM usage"), "10");
  reader.run("COMMIT");
  EXPECT_EQ(reader.ask("SELECT count(*) FROM usage"), "20");
}

TEST_F(SqliteSinkTest, ALockedFileIsSaidAndTakesTheRecordsWhenItIsFree) {
  SqliteSink sink(path_);
  sink.deliver(numbered(1, 10));
  {
    Database other(path_);
    other.run("BEGIN IMMEDIATE");
    EXPECT_THAT(error_of([&] { sink.deliver(numbered(11, 10)); }),
                AllOf(HasSubstr(path_), HasSubstr("in use by process"), HasSubstr("tried again")));
    other.run("COMMIT");
  }
  sink.deliver(numbered(11, 10));
  EXPECT_EQ(count(), "20|20");
}

TEST_F(SqliteSinkTest, AFileThatIsLockedFromTheStartIsSaid) {
  {
    SqliteSink sink(path_);
    sink.deliver(numbered(1, 10));
  }
  SqliteSink sink(path_);
  Database other(path_);
  other.run("PRAGMA locking_mode=EXCLUSIVE");
  other.run("BEGIN EXCLUSIVE");
  EXPECT_THAT(error_of([&] { sink.deliver(numbered(11, 10)); }), HasSubstr("in use by process"));
}

TEST_F(SqliteSinkTest, ADamagedFileIsLeftAloneAndTheWayOutWorks) {
  {
    SqliteSink sink(path_);
    sink.deliver(numbered(1, 5000));
  }
  std::string bytes = text_of(path_);
  ASSERT_GT(bytes.size(), 100'000u);
  for (size_t i = 8192; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i * 7);  // all pages but the first two
  std::ofstream(path_, std::ios::binary) << bytes;
  SqliteSink sink(path_);
  EXPECT_THAT(error_of([&] { sink.deliver(numbered(5001, 10)); }),
              AllOf(HasSubstr("is damaged"), HasSubstr(".recover")));
  const std::string left = text_of(path_);
  EXPECT_TRUE(left == bytes);
  const std::string said = error_of([&] { sink.deliver(numbered(5001, 10)); });
  const size_t begin = said.find("mkdir "), end = said.find(". What it holds");
  ASSERT_NE(end, std::string::npos) << said;
  ASSERT_EQ(std::system(said.substr(begin, end - begin).c_str()), 0) << said;
  sink.deliver(numbered(5001, 10));
  EXPECT_EQ(count(), "10|10");
  EXPECT_TRUE(text_of(made_.path() + "/damaged/usage.sqlite") == bytes);
}

TEST_F(SqliteSinkTest, WhatIsNoDatabaseIsLeftAlone) {
  const std::string text = std::string(5000, 'x') + "somebody's notes";
  std::ofstream(path_) << text;
  SqliteSink sink(path_);
  EXPECT_THAT(error_of([&] { sink.deliver(numbered(1, 10)); }), HasSubstr("no SQLite database"));
  EXPECT_EQ(text_of(path_), text);
}

TEST_F(SqliteSinkTest, AnotherProgramsDatabaseIsLeftAlone) {
  Database(path_).run("CREATE TABLE usage (a); INSERT INTO usage VALUES (1)");
  SqliteSink sink(path_);
  EXPECT_THAT(error_of([&] { sink.deliver(numbered(1, 10)); }), HasSubstr("something else"));
  Database(path_).run("PRAGMA user_version=7");
  EXPECT_THAT(error_of([&] { sink.deliver(numbered(1, 10)); }), HasSubstr("user_version is 7"));
  EXPECT_EQ(Database(path_).ask("SELECT a FROM usage"), "1");
}

TEST_F(SqliteSinkTest, AFileThatIsMovedAwayIsMadeAnew) {
  SqliteSink sink(path_);
  sink.deliver(numbered(1, 10));
  std::filesystem::create_directory(made_.path() + "/old");
  for (const char* suffix : {"", "-wal", "-shm"})
    if (std::filesystem::exists(path_ + suffix))
      std::filesystem::rename(path_ + suffix, made_.path() + "/old/usage.sqlite" + suffix);
  sink.deliver(numbered(11, 10));
  EXPECT_EQ(count(), "10|10");
  EXPECT_EQ(Database(made_.path() + "/old/usage.sqlite").ask("SELECT max(record) FROM usage"), "10");
}

TEST_F(SqliteSinkTest, AMissingDirectoryNamesTheCommand) {
  SqliteSink sink(made_.path() + "/none/usage.sqlite");
  EXPECT_THAT(error_of([&] { sink.deliver(numbered(1, 1)); }),
              HasSubstr("mkdir -p -m 700 " + made_.path() + "/none"));
}

TEST(SqliteSinkFault, AFullDiskIsSaidAndTakesTheRecordsWhenThereIsRoom) {
  SmallDisk disk(256);
  const std::string path = disk.path() + "/usage.sqlite";
  SqliteSink sink(path);
  uint64_t delivered = 0;
  std::string error = "no error";
  while (error == "no error") {
    error = error_of([&] { sink.deliver(numbered(delivered + 1, 50)); });
    if (error == "no error") delivered += 50;
    ASSERT_LT(delivered, 10'000u);
  }
  EXPECT_GT(delivered, 0u);
  EXPECT_THAT(error, AllOf(HasSubstr(path), AnyOf(HasSubstr("Make room"), HasSubstr("disk I/O error"))));
  disk.grow(4096);
  sink.deliver(numbered(delivered + 1, 50));
  EXPECT_EQ(Database(path).ask("SELECT count(*), max(record) FROM usage"),
            std::to_string(delivered + 50) + '|' + std::to_string(delivered + 50));
  EXPECT_EQ(Database(path).ask("PRAGMA integrity_check"), "ok");
}

TEST(SqliteSinkFault, AReadOnlyDirectoryIsSaid) {
  SmallDisk disk(1024);
  disk.make_read_only(true);
  {
    SqliteSink fresh(disk.path() + "/usage.sqlite");
    EXPECT_THAT(error_of([&] { fresh.deliver(numbered(1, 1)); }), HasSubstr("writable"));
    disk.make_read_only(false);
    fresh.deliver(numbered(1, 1));
  }
  disk.make_read_only(true);
  SqliteSink there(disk.path() + "/usage.sqlite");
  EXPECT_THAT(error_of([&] { there.deliver(numbered(2, 1)); }), HasSubstr("writable"));
}

}  // namespace
}  // namespace linecast::usage
