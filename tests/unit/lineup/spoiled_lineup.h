// Loads the good lineup with one passage replaced; an `@` in the new text marks the place where a fault must
// be reported.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "lib/lineup/lineup.h"
#include "tests/unit/lineup/good_lineup.h"

namespace linecast::lineup {

struct Spoiled {
  Spoiled(const std::string& from, const std::string& to) : text(kGoodLineup) {
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << "the good lineup does not hold " << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
    take_mark();
  }
  explicit Spoiled(std::string whole) : text(std::move(whole)) { take_mark(); }

  LoadResult load() const { return load_text(text, "lineup.yaml", {.check_machine = false}); }

  std::string text;
  int line = 0, column = 0;  // of the mark; 0: there is none

 private:
  void take_mark() {
    const size_t at = text.find('@');
    if (at == std::string::npos) return;
    text.erase(at, 1);
    line = 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n'));
    const size_t line_start = text.rfind('\n', at == 0 ? 0 : at - 1);
    column = static_cast<int>(line_start == std::string::npos ? at + 1 : at - line_start);
  }
};

inline std::string faults_of(const LoadResult& result) {
  std::string all;
  for (const Fault& fault : result.faults) all += format_fault("lineup.yaml", fault) + "\n";
  return all;
}

}  // namespace linecast::lineup
