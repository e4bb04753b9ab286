// Whether a running channel can be sent to another group instead.
#pragma once

#include <string>

#include "lib/lineup/lineup.h"

namespace linecast::lineup {

// channel: index of an enabled one. to: on the same interface. Why not, and what to do; empty where it can.
std::string move_fault(const Lineup& lineup, size_t channel, const Output& to);

}  // namespace linecast::lineup
