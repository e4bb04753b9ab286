// "Did you mean ...?" for keys and names.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace linecast::lineup {

// Insertions, deletions, replacements and swaps of neighbours that make one word the other.
size_t edit_distance(std::string_view a, std::string_view b);

// `: did you mean "mtu"?` for the nearest candidate where one is near enough, otherwise
// `: known are "name", "mtu"` (nothing where there are no candidates).
std::string suggest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace linecast::lineup
