// `linecast key`: makes key files and shows what they are.
#pragma once

namespace CLI {
class App;
}

namespace linecast::app {

// Adds the subcommand. Its callback does the work and sets exit_code: 0 done, 1 where a key cannot be made
// (its file exists), 2 where a key file is missing or not sound. Messages for people go to standard error.
void add_key_command(CLI::App& app, int& exit_code);

}  // namespace linecast::app
