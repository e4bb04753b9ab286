// Commands that change a running headend.
#pragma once

#include <CLI/CLI.hpp>

namespace linecast::app {

// `exit_code` is set when a command has run; their callbacks throw Error and WrongUsage.
void add_move_command(CLI::App& app, int& exit_code);  // change_move.cc
void add_reload_command(CLI::App& app, int& exit_code);
void add_rekey_command(CLI::App& app, int& exit_code);
void add_reset_command(CLI::App& app, int& exit_code);

}  // namespace linecast::app
