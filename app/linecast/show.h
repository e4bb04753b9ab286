// `linecast show`, `linecast rekey` and `linecast reset`: ask a running headend over its control socket.
#pragma once

#include <CLI/CLI.hpp>

namespace linecast::app {

void add_show_command(CLI::App& app, int& exit_code);
void add_rekey_command(CLI::App& app, int& exit_code);
void add_reset_command(CLI::App& app, int& exit_code);

}  // namespace linecast::app
