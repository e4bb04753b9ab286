#include "lib/base/file.h"

#include <gtest/gtest.h>

#include <array>

namespace linecast {
namespace {

TEST(File, ReadsNoMoreThanTheRoomGiven) {
  std::array<int, 2> ends;
  ASSERT_EQ(::pipe(ends.data()), 0);
  const FileDescriptor out(ends[0]);
  {
    const FileDescriptor in(ends[1]);
    ASSERT_EQ(::write(in.get(), "abcdefgh", 8), 8);
  }
  std::string text(5, '\0');
  EXPECT_TRUE(read_bounded(out, text));
  EXPECT_EQ(text, "abcde");
  text.assign(100, '\0');
  EXPECT_TRUE(read_bounded(out, text));
  EXPECT_EQ(text, "fgh");
  EXPECT_FALSE(FileDescriptor(-1).ok());
}

TEST(File, ReadingTellsOfFailure) {
  std::string text(5, '\0');
  EXPECT_FALSE(read_bounded(FileDescriptor(-1), text));
  EXPECT_FALSE(write_and_sync(FileDescriptor(-1), "a"));
  EXPECT_FALSE(sync_directory("/nonexistent"));
}

TEST(File, DirectoryOfAPath) {
  EXPECT_EQ(directory_of("k"), ".");
  EXPECT_EQ(directory_of("/k"), "/");
  EXPECT_EQ(directory_of("a/b/k"), "a/b");
  EXPECT_EQ(directory_of("/a/k"), "/a");
}

TEST(File, QuotesWhatAShellWouldTakeApart) {
  EXPECT_EQ(shell_quoted("/etc/linecast/a_b-1.key"), "/etc/linecast/a_b-1.key");
  EXPECT_EQ(shell_quoted(""), "''");
  EXPECT_EQ(shell_quoted("a b"), "'a b'");
  EXPECT_EQ(shell_quoted("$HOME"), "'$HOME'");
  EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quoted("-rf"), "'-rf'");
}

}  // namespace
}  // namespace linecast
