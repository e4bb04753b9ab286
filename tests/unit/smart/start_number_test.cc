#include "lib/smart/start_number.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "lib/base/error.h"
#include "tests/unit/temporary_directory.h"

namespace linecast::smart {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

class StartNumberTest : public testing::Test {
 protected:
  std::string stored() const {
    std::ostringstream text;
    text << std::ifstream(directory_ + "/start-number").rdbuf();
    return text.str();
  }
  void store(const std::string& text) const { std::ofstream(directory_ + "/start-number") << text; }
  static std::string error_of(const std::string& directory) {
    try {
      StartNumber(directory, 1000);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  const TemporaryDirectory made_;
  const std::string directory_{made_.path()};
};

TEST_F(StartNumberTest, RisesWhateverTheClockDoes) {
  EXPECT_EQ(StartNumber(directory_, 1000).value(), 1000u);
  EXPECT_EQ(stored(), "1000\n");
  EXPECT_EQ(StartNumber(directory_, 5000).value(), 5000u);
  EXPECT_EQ(StartNumber(directory_, 5000).value(), 5001u);
  EXPECT_EQ(StartNumber(directory_, 3).value(), 5002u);  // the clock was set back
  EXPECT_EQ(StartNumber(directory_, 0).value(), 5003u);
  EXPECT_EQ(StartNumber(directory_, 6000).value(), 6000u);
  EXPECT_EQ(stored(), "6000\n");
}

TEST_F(StartNumberTest, IsNeverZero) { EXPECT_EQ(StartNumber(directory_, 0).value(), 1u); }

TEST_F(StartNumberTest, OneProcessAtATime) {
  std::optional<StartNumber> first(std::in_place, directory_, 1000);
  EXPECT_THAT(error_of(directory_),
              AllOf(HasSubstr(directory_), HasSubstr("is in use by process " + std::to_string(getpid())),
                    EndsWith("or stop that one: kill " + std::to_string(getpid()))));
  EXPECT_EQ(stored(), "1000\n");
  first.reset();
  EXPECT_EQ(StartNumber(directory_, 1000).value(), 1001u);
}

TEST_F(StartNumberTest, DamagedNumbersAreNotStartedOver) {
  for (const std::string text :
       {"", "\n", "1000", "1000 \n", "1000\n\n", "1000\n1\n", "-1\n", "+1\n", "0x10\n", "0\n", "abc\n",
        "18446744073709551615\n", "18446744073709551616\n", "100000000000000000000000\n"}) {
    store(text);
    EXPECT_THAT(error_of(directory_),
                AllOf(HasSubstr("damaged"), HasSubstr("rm " + directory_ + "/start-number")))
        << text;
    EXPECT_EQ(stored(), text);
  }
  store("18446744073709551614\n");  // the last one
  EXPECT_EQ(StartNumber(directory_, 1).value(), UINT64_MAX);
  EXPECT_THAT(error_of(directory_), HasSubstr("damaged"));
}

TEST_F(StartNumberTest, UnreadableNumbersAreNotStartedOver) {
  std::filesystem::create_directory(directory_ + "/start-number");
  EXPECT_THAT(error_of(directory_), HasSubstr("/start-number: cannot be read: Is a directory"));
}

TEST_F(StartNumberTest, AHalfWrittenFileFromACrashDoesNoHarm) {
  store("1000\n");
  std::ofstream(directory_ + "/start-number.new") << "99";
  EXPECT_EQ(StartNumber(directory_, 1).value(), 1001u);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/start-number.new"));
}

TEST_F(StartNumberTest, MissingDirectoryNamesTheCommand) {
  EXPECT_THAT(
      error_of(directory_ + "/none here"),
      AllOf(HasSubstr("does not exist"), HasSubstr("mkdir -p -m 700 '" + directory_ + "/none here'")));
  std::ofstream(directory_ + "/file") << "x";
  EXPECT_THAT(error_of(directory_ + "/file"), HasSubstr("is not a directory"));
}

TEST_F(StartNumberTest, OthersCannotReadTheState) {
  StartNumber start(directory_, 1000);
  for (const char* name : {"/lock", "/start-number"}) {
    struct stat about {};
    ASSERT_EQ(::stat((directory_ + name).c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0077, 0u) << name;
  }
}

}  // namespace
}  // namespace linecast::smart
