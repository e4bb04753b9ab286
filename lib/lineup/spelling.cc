#include "lib/lineup/spelling.h"

#include <algorithm>
#include <vector>

namespace linecast::lineup {

size_t edit_distance(std::string_view a, std::string_view b) {
  // Optimal string alignment: three rows of the table are alive at a time.
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string suggest(std::string_view word, std::span<const std::string_view> candidates) {
  constexpr size_t kLongestWord = 40;  // no longer word is near to anything we know
  constexpr size_t kMostNamed = 20;
  std::string_view nearest;
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;
  if (word.size() <= kLongestWord) {
    for (const std::string_view candidate : candidates) {
      // Part of the word counts as one slip: "bitrate" for "bitrate_cap", "window" for "window_ms".
      const bool is_part = word.size() >= 3 && candidate.find(word) != std::string_view::npos;
      const size_t distance = is_part ? 1 : edit_distance(word, candidate);
      if (distance >= least || distance >= candidate.size()) continue;
      least = distance;
      nearest = candidate;
    }
  }
  if (!nearest.empty()) return ": did you mean \"" + std::string(nearest) + "\"?";
  if (candidates.empty()) return "";
  std::string known;
  for (const std::string_view candidate : candidates.first(std::min(kMostNamed, candidates.size())))
    known.append(known.empty() ? "\"" : ", \"").append(candidate).append("\"");
  return ": known are " + known + (candidates.size() > kMostNamed ? ", ..." : "");
}

}  // namespace linecast::lineup
