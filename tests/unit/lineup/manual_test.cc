// The manual and the example beside the code: every key is in docs/lineup.md and nothing else is, and the
// example is sound.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
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

// Rows "| `key` | ..." under headings "## `section`"; the top level is "## The file".
std::vector<std::string> documented_keys(const std::string& manual) {
  std::vector<std::string> keys;
  std::string section;
  bool in_section = false;
  std::istringstream lines(manual);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, std::regex("## (`([^`]+)`|The file)"))) {
      section = match[2].matched ? match[2].str() + "." : "";
      in_section = true;
    } else if (line.starts_with("## ")) {
      in_section = false;
    } else if (in_section && std::regex_search(line, match, std::regex("^\\| `([a-z_]+)` \\|"))) {
      keys.push_back(section + match[1].str());
    }
  }
  return keys;
}

TEST(Manual, HasEveryKeyAndNoOther) {
  EXPECT_THAT(documented_keys(read("docs/lineup.md")), testing::UnorderedElementsAreArray(known_keys()));
}

TEST(Manual, ExamplesAreSound) {
  const std::string manual = read("docs/lineup.md");
  const std::regex block("```yaml\n([^`]*)```");
  size_t found = 0;
  for (std::sregex_iterator it(manual.begin(), manual.end(), block), end; it != end; ++it, ++found) {
    const LoadResult result = load_text((*it)[1].str(), "docs/lineup.md", {.check_machine = false});
    for (const Fault& fault : result.faults) ADD_FAILURE() << format_fault("docs/lineup.md", fault);
  }
  EXPECT_GT(found, 0u);
}

TEST(Example, HasNoFaults) {
  const LoadResult result =
      load(std::string(SOURCE_ROOT) + "/config/lineup.example.yaml", {.check_machine = false});
  for (const Fault& fault : result.faults) ADD_FAILURE() << format_fault("lineup.example.yaml", fault);
  ASSERT_TRUE(result.lineup);
  EXPECT_EQ(result.lineup->channels.size(), 3u);
}

}  // namespace
}  // namespace linecast::lineup
