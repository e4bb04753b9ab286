// What a new lineup changes of the one that is running: for a reload. Control path.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/lineup/lineup.h"

namespace linecast::lineup {

enum class Change : uint8_t {
  kNone,
  kAdded,      // also: enabled
  kRemoved,    // also: disabled
  kAdjusted,   // its stream goes on
  kMoved,      // its stream goes on, at another group or port; perhaps adjusted as well
  kRestarted,  // ends, and begins anew as another stream
};
std::string_view word_of(Change change);

struct ChannelDifference {
  Change change = Change::kNone;
  std::string name;                  // as the new lineup has it, if it does
  std::optional<size_t> before;      // index into the running lineup's channels; none: added
  std::optional<size_t> after;       // into the new one's; none: removed
  std::vector<std::string> details;  // "output.group 239.20.0.1 -> 239.20.0.2"
};

struct Difference {
  // What can't change while the headend runs, as key and values. Where there is any, nothing can be applied.
  std::vector<std::string> restart_needed;
  // What is of no one channel and changes while all goes on, likewise.
  std::vector<std::string> adjusted;
  // Of every channel that runs, or is to run; of the new lineup first, in its order. A channel is the same
  // where its id is: the name gives it, or the lineup says it.
  std::vector<ChannelDifference> channels;
};

Difference compare(const Lineup& running, const Lineup& wanted);

}  // namespace linecast::lineup
