// Network interfaces as people name them: by name or by address.
#pragma once

#include <string_view>

#include "lib/lineup/scalars.h"

namespace linecast::app {

struct Interface {
  unsigned index = 0;  // as the kernel numbers them; 0: as the routing table says
};

// Worded as lib/lineup/scalars.h has it.
lineup::Parsed<Interface> parse_interface(std::string_view text);

}  // namespace linecast::app
