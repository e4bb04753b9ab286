// `linecast show`: asks a running headend over its control socket.
#pragma once

#include <CLI/CLI.hpp>

namespace linecast::app {

// Its callback throws Error and WrongUsage.
void add_show_command(CLI::App& app, int& exit_code);

}  // namespace linecast::app
