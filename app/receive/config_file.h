// Channels from a YAML file.
#pragma once

#include "app/receive/channel_options.h"
#include "lib/lineup/lineup.h"

namespace linecast::app {

struct ConfigResult {
  std::vector<ChannelOptions> channels;  // of use only where there are no faults
  std::vector<lineup::Fault> faults;     // in file order
};

// Reads the file and the keys that it names, and never stops at the first fault. Relative paths are taken
// from the file's own directory.
ConfigResult read_config(const std::string& path);

}  // namespace linecast::app
