// The command line.
#pragma once

#include <optional>
#include <vector>

#include "app/receive/channel_options.h"

namespace linecast::app {

struct Arguments {
  std::vector<ChannelOptions> channels;
  bool stats = false;
  double duration_s = 0;  // 0: until stopped
  uint64_t receiver_id = 0;
};

// None where the program is to end with `exit_code`: 0 after --help, 2 for what is wrong, which is printed.
std::optional<Arguments> parse_arguments(int argc, const char* const* argv, int& exit_code);

}  // namespace linecast::app
