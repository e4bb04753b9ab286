// `linecast show`, `linecast rekey` and `linecast reset`: ask a running headend over its control socket.
#pragma once

#include <CLI/CLI.hpp>

#include "lib/base/error.h"

namespace linecast::app {

// What was asked for cannot be: exit code 2.
class WrongUsage : public Error {
 public:
  using Error::Error;
};

// Their callbacks throw Error and WrongUsage.
void add_show_command(CLI::App& app, int& exit_code);
void add_rekey_command(CLI::App& app, int& exit_code);
void add_reset_command(CLI::App& app, int& exit_code);

}  // namespace linecast::app
