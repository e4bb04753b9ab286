// `linecast headend` and `linecast repeater`: set up EAL, ports, lanes and channels from a lineup, run the
// control loop, and take all down again.
#pragma once

#include <CLI/CLI.hpp>

namespace linecast::app {

void add_headend_command(CLI::App& app, int& exit_code);
void add_repeater_command(CLI::App& app, int& exit_code);

}  // namespace linecast::app
