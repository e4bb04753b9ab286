// The linecast program: one subcommand a file.
#include <fmt/core.h>

#include <algorithm>

#include "app/linecast/change.h"
#include "app/linecast/check.h"
#include "app/linecast/control_client.h"
#include "app/linecast/headend.h"
#include "app/linecast/key.h"
#include "app/linecast/show.h"
#include "lib/base/error.h"
#include "lib/lineup/spelling.h"

namespace {

// CLI11 would only say that a subcommand is missing.
bool is_unknown_command(const CLI::App& app, std::string_view word) {
  if (word.starts_with('-')) return false;
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  const std::vector<std::string_view> known(names.begin(), names.end());
  if (std::find(known.begin(), known.end(), word) != known.end()) return false;
  fmt::print(stderr, "linecast: error: there is no command \"{}\"{}\n", word,
             linecast::lineup::suggest(word, known));
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("linecast: a video headend that seals, multicasts and repairs MPEG-TS channels over DPDK");
  app.set_version_flag("--version", LINECAST_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  linecast key new group keys/news.key\n"
      "  linecast key new signing keys/headend.key\n"
      "  linecast check lineup.yaml\n"
      "  linecast headend --lineup lineup.yaml\n"
      "  linecast repeater --lineup repeater.yaml\n"
      "  linecast show channels --lineup lineup.yaml\n"
      "Exit codes: 0 good, 1 failed while running, 2 wrong usage or a faulty lineup.");
  int exit_code = 0;
  linecast::app::add_headend_command(app, exit_code);
  linecast::app::add_repeater_command(app, exit_code);
  linecast::app::add_check_command(app, exit_code);
  linecast::app::add_key_command(app, exit_code);
  linecast::app::add_show_command(app, exit_code);
  linecast::app::add_reload_command(app, exit_code);
  linecast::app::add_move_command(app, exit_code);
  linecast::app::add_rekey_command(app, exit_code);
  linecast::app::add_reset_command(app, exit_code);
  if (argc > 1 && is_unknown_command(app, argv[1])) return 2;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const linecast::app::WrongUsage& error) {
    fmt::print(stderr, "linecast: error: {}\n", error.what());
    return 2;
  } catch (const linecast::Error& error) {
    fmt::print(stderr, "linecast: error: {}\n", error.what());
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "linecast: error: {}\n", error.what());
    return 1;
  }
  return exit_code;
}
