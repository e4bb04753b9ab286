// `linecast check F`: says what is wrong with a lineup, or what is in it.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

namespace linecast::app {

struct CheckOptions {
  std::string path;
  bool json = false;
  bool offline = false;  // leave out what needs the machine that it is for
};

// Faults go to `err` as compilers print them (in colour where it is a terminal), what the lineup holds to
// `out`; with json both go to `out` as one object. Returns the exit code: 0 where there are no errors,
// else 2.
int check_lineup(const CheckOptions& options, std::FILE* out, std::FILE* err);

void add_check_command(CLI::App& app, int& exit_code);

}  // namespace linecast::app
