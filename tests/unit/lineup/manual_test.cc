// The manual and the example beside the code: every key is in docs/lineup.md and nothing else is, and the
// example is sound.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "lib/lineup/lineup.h"

namespace linecast::lineup {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(std::string(SOURCE_ROOT) + "/" + path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// What stands between the first two backquotes; empty where there are none.
std::string in_backquotes(const std::string& line) {
  const size_t begin = line.find('`');
  const size_t end = begin == std::string::npos ? begin : line.find('`', begin + 1);
  return end == std::string::npos ? "" : line.substr(begin + 1, end - begin - 1);
}

// Rows "| `key` | ..." under headings "## `section`"; the top level is "## The file".
std::vector<std::string> documented_keys(const std::string& manual) {
  std::vector<std::string> keys;
  std::string section;
  bool in_section = false;
  std::istringstream lines(manual);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) {
      in_section = line.starts_with("## `") || line == "## The file";
      section = line == "## The file" ? "" : in_backquotes(line) + ".";
    } else if (in_section && line.starts_with("| `")) {
      keys.push_back(section + in_backquotes(line));
    }
  }
  return keys;
}

TEST(Manual, HasEveryKeyAndNoOther) {
  EXPECT_THAT(documented_keys(read("docs/lineup.md")), testing::UnorderedElementsAreArray(known_keys()));
}

TEST(Manual, ExamplesAreSound) {
  const std::string manual = read("docs/lineup.md");
  const std::string fence = "```yaml\n";
  size_t found = 0;
  for (size_t at = manual.find(fence); at != std::string::npos; at = manual.find(fence, at + 1), ++found) {
    const size_t begin = at + fence.size();
    const std::string example = manual.substr(begin, manual.find("```", begin) - begin);
    const LoadResult result = load_text(example, "docs/lineup.md", {.check_machine = false});
    for (const Fault& fault : result.faults) ADD_FAILURE() << format_fault("docs/lineup.md", fault);
  }
  EXPECT_GT(found, 0u);
}

TEST(Example, HasNoFaults) {
  for (const auto& [file, channels] :
       {std::pair("lineup.example.yaml", 3u), {"lineup.virtual.yaml", 1u}, {"repeater.example.yaml", 2u}}) {
    const LoadResult result = load(std::string(SOURCE_ROOT) + "/config/" + file, {.check_machine = false});
    for (const Fault& fault : result.faults) ADD_FAILURE() << format_fault(file, fault);
    ASSERT_TRUE(result.lineup);
    EXPECT_EQ(result.lineup->channels.size(), channels);
  }
}

}  // namespace
}  // namespace linecast::lineup
