#include "lib/usage/json_lines_sink.h"

#include <nlohmann/json.hpp>

#include "lib/usage/record_text.h"
#include "tests/unit/usage/journal_bed.h"
#include "tests/unit/usage/small_disk.h"

namespace linecast::usage {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;

// The numbers in a file's lines, each of which must be whole.
std::vector<uint64_t> numbers_in(const std::string& path) {
  std::vector<uint64_t> numbers;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    numbers.push_back(std::stoull(nlohmann::json::parse(line)["record"].get<std::string>()));
  return numbers;
}

class JsonLinesSinkTest : public testing::Test {
 protected:
  JsonLinesSink::Config config() const { return {.path = path_}; }

  const TemporaryDirectory made_;
  const std::string path_ = made_.path() + "/usage.jsonl";
};

TEST_F(JsonLinesSinkTest, WritesALineARecord) {
  JsonLinesSink sink(config());
  sink.deliver(numbered(1, 2));
  sink.deliver(numbered(3, 1));
  EXPECT_EQ(text_of(path_),
            json_line({1, record(1)}) + json_line({2, record(2)}) + json_line({3, record(3)}));
}

TEST_F(JsonLinesSinkTest, WhatComesTwiceIsThereOnceAlsoAfterARestart) {
  {
    JsonLinesSink sink(config());
    sink.deliver(numbered(1, 3));
    sink.deliver(numbered(2, 3));
  }
  JsonLinesSink sink(config());
  sink.deliver(numbered(3, 4));
  EXPECT_THAT(numbers_in(path_), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(JsonLinesSinkTest, AHalfWrittenLineIsCutOff) {
  const std::string lines = json_line({1, record(1)}) + json_line({2, record(2)});
  const size_t second = json_line({1, record(1)}).size();
  for (size_t length = 0; length < lines.size(); ++length) {
    std::ofstream(path_) << lines.substr(0, length);
    JsonLinesSink sink(config());
    sink.deliver(numbered(1, 3));
    if (length < second)
      EXPECT_THAT(numbers_in(path_), ElementsAre(1, 2, 3)) << length;
    else
      EXPECT_EQ(text_of(path_), lines + json_line({3, record(3)})) << length;
  }
}

TEST_F(JsonLinesSinkTest, FilesAreRotatedBySizeAndTheOldestGoes) {
  JsonLinesSink sink(
      {.path = path_, .most_bytes = 3 * json_line({100, record(100)}).size() + 100, .files = 3});
  for (uint64_t i = 1; i <= 20; ++i) sink.deliver(numbered(100 + i, 1));
  EXPECT_THAT(numbers_in(path_), ElementsAre(119, 120));
  EXPECT_THAT(numbers_in(path_ + ".1"), ElementsAre(116, 117, 118));
  EXPECT_THAT(numbers_in(path_ + ".2"), ElementsAre(113, 114, 115));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".3"));
}

TEST_F(JsonLinesSinkTest, OneFileIsRotatedToNothing) {
  JsonLinesSink sink({.path = path_, .most_bytes = 1, .files = 1});
  sink.deliver(numbered(1, 2));
  sink.deliver(numbered(3, 2));
  EXPECT_THAT(numbers_in(path_), ElementsAre(3, 4));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".1"));
}

TEST_F(JsonLinesSinkTest, AfterACrashBehindARotationNothingComesTwice) {
  {
    JsonLinesSink sink(config());
    sink.deliver(numbered(1, 3));
  }
  std::filesystem::rename(path_, path_ + ".1");
  JsonLinesSink sink(config());
  sink.deliver(numbered(2, 3));
  EXPECT_THAT(numbers_in(path_), ElementsAre(4));
}

TEST_F(JsonLinesSinkTest, AFileThatIsMovedAwayIsMadeAnew) {
  JsonLinesSink sink(config());
  sink.deliver(numbered(1, 2));
  std::filesystem::rename(path_, made_.path() + "/moved");
  sink.deliver(numbered(2, 2));
  EXPECT_THAT(numbers_in(path_), ElementsAre(3));
  EXPECT_THAT(numbers_in(made_.path() + "/moved"), ElementsAre(1, 2));
}

TEST_F(JsonLinesSinkTest, OtherPeoplesFilesAreLeftAlone) {
  for (const std::string text : {"x", "a line\n", "{}\n{\"a\": 1}\n", "{\"record\":\"abc\"}\n"}) {
    std::ofstream(path_) << text;
    JsonLinesSink sink(config());
    EXPECT_THAT(error_of([&] { sink.deliver(numbered(1, 1)); }), HasSubstr("something else")) << text;
    EXPECT_EQ(text_of(path_), text);
  }
}

TEST_F(JsonLinesSinkTest, WhatIsNoFileIsSaid) {
  JsonLinesSink directory({.path = made_.path()});
  EXPECT_THAT(error_of([&] { directory.deliver(numbered(1, 1)); }), HasSubstr("Is a directory"));
  JsonLinesSink device({.path = "/dev/null"});
  EXPECT_THAT(error_of([&] { device.deliver(numbered(1, 1)); }),
              HasSubstr("no file that can be appended to"));
  JsonLinesSink missing({.path = made_.path() + "/none/usage.jsonl"});
  EXPECT_THAT(error_of([&] { missing.deliver(numbered(1, 1)); }), HasSubstr("mkdir -p"));
}

TEST(JsonLinesSinkFault, AFullDiskHoldsWholeLinesOnly) {
  SmallDisk disk(32);
  const std::string path = disk.path() + "/usage.jsonl";
  JsonLinesSink sink({.path = path});
  uint64_t delivered = 0;
  std::string error = "no error";
  while (error == "no error") {
    error = error_of([&] { sink.deliver(numbered(delivered + 1, 10)); });
    if (error == "no error") delivered += 10;
    ASSERT_LT(delivered, 1000u);
  }
  EXPECT_THAT(error, AnyOf(HasSubstr("No space left on device. Make room"), HasSubstr("File too large")));
  EXPECT_EQ(numbers_in(path).size(), delivered);
  disk.grow(1024);
  sink.deliver(numbered(delivered + 1, 10));
  EXPECT_EQ(numbers_in(path).size(), delivered + 10);
}

}  // namespace
}  // namespace linecast::usage
