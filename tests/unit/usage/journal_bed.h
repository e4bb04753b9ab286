// A journal in a directory of its own, and what is read of it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "lib/base/error.h"
#include "lib/usage/journal_reader.h"
#include "tests/unit/temporary_directory.h"
#include "tests/unit/usage/records.h"

namespace linecast::usage {

inline std::vector<NumberedRecord> read_all(const Journal& journal, uint64_t from = 0, size_t most = 1000) {
  JournalReader reader(journal);
  std::vector<NumberedRecord> all, some;
  for (reader.read(from, most, some); !some.empty(); reader.read(all.back().number + 1, most, some))
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

// That these are records first .. of some(), in order, `count` of them.
inline void expect_records(const std::vector<NumberedRecord>& all, uint64_t first, uint64_t count) {
  ASSERT_EQ(all.size(), count);
  for (uint64_t i = 0; i < count; ++i) {
    ASSERT_TRUE(all[i].record == record(first + i)) << i;
    if (i > 0) {
      ASSERT_GT(all[i].number, all[i - 1].number);
    }
  }
}

template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class JournalBed : public testing::Test {
 protected:
  JournalConfig config(uint64_t start_number = 1000) const {
    return {.directory = directory_, .start_number = start_number, .sinks = sinks_};
  }
  std::vector<std::string> segments() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_))
      if (segment_number(entry.path().filename().native())) names.push_back(entry.path());
    std::sort(names.begin(), names.end());
    return names;
  }

  const TemporaryDirectory made_;
  const std::string directory_{made_.path()};
  std::vector<std::string> sinks_;
};

}  // namespace linecast::usage
