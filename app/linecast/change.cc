#include "app/linecast/change.h"

#include <fmt/core.h>

#include <memory>
#include <string_view>
#include <vector>

#include "app/linecast/control_client.h"
#include "app/linecast/report_reload.h"
#include "lib/base/error.h"
#include "lib/lineup/spelling.h"

namespace linecast::app {
namespace {

// The names of the rows that `take` wants.
template <typename Take>
std::vector<std::string> names(const Json& rows, Take&& take) {
  std::vector<std::string> found;
  for (const Json& row : rows)
    if (take(row)) found.push_back(row["name"].get<std::string>());
  return found;
}

// `: did you mean "news"?`, or which there are.
std::string suggestion(const std::string& wanted, const std::vector<std::string>& known) {
  return lineup::suggest(wanted, std::vector<std::string_view>(known.begin(), known.end()));
}

const Json* find(const Json& rows, const std::string& name) {
  for (const Json& row : rows)
    if (row["name"] == name) return &row;
  return nullptr;
}

// The epoch that the channel is in. Throws Error where it can have no next one.
uint64_t check_rekey(const Target& target, const std::string& name) {
  const Json rows = ask(target, {{"show", "channels"}})["channels"];
  const auto has_epochs = [](const Json& row) { return row["encrypted"] == true && row.contains("epoch"); };
  const Json* channel = find(rows, name);
  if (channel == nullptr)
    throw Error(fmt::format("there is no channel \"{}\"{}", name, suggestion(name, names(rows, has_epochs))));
  if (!has_epochs(*channel))
    throw Error(fmt::format("channel \"{}\" {}", name,
                            (*channel)["encrypted"] == true ? "is disabled: set `enabled: true` and restart"
                                                            : "is clear: it has no key to change"));
  return (*channel)["epoch"].get<uint64_t>();
}

// Throws Error where there is no such port.
void check_reset(const Target& target, const std::string& name) {
  const Json answer = ask(target, {{"show", "ports"}});
  const Json& ports = answer["ports"];
  if (find(ports, name) != nullptr) return;
  if (const Json* interface = find(answer["interfaces"], name); interface != nullptr)
    throw Error(fmt::format("\"{}\" is VLAN {} of port {}, which is reset as a whole: linecast reset {}",
                            name, cell((*interface)["vlan"]), cell((*interface)["port"]),
                            cell((*interface)["port"])));
  throw Error(fmt::format("there is no port \"{}\"{}", name,
                          suggestion(name, names(ports, [](const Json&) { return true; }))));
}

// What a reload changes, or would: what is of no channel, and a line a channel, its details below.
void print_changes(const Json& answer) {
  for (const Json& fault : answer["warnings"]) fmt::print(stderr, "{}\n", cell(fault));
  for (const Json& change : answer["adjusted"]) fmt::print("adjusted   {}\n", cell(change));
  size_t unchanged = 0;
  for (const Json& channel : answer["channels"]) {
    if (channel["change"] == "unchanged") {
      ++unchanged;
      continue;
    }
    fmt::print("{:<9}  {}\n", cell(channel["change"]), cell(channel["name"]));
    for (const Json& detail : channel["details"]) fmt::print("             {}\n", cell(detail));
  }
  fmt::print("{} unchanged{}\n", unchanged, answer["applied"] == true ? "" : "; nothing was applied");
}

// The headend's answer; or, of a lineup that does not even name its control socket for its faults, the same
// answer made here.
Json ask_reload(const Target& target, bool dry_run) {
  if (target.control.empty() && !target.lineup.empty()) {
    const lineup::LoadResult loaded = lineup::load(target.lineup, {.check_machine = false});
    if (!loaded.lineup) return answer_of(loaded, target.lineup);
  }
  return ask(target, {{"reload", true}, {"dry_run", dry_run}});
}

int run_reload(const Target& target, bool dry_run, bool json) {
  const Json answer = ask_reload(target, dry_run);
  if (json)
    fmt::print("{}\n", answer.dump(2));
  else if (answer.contains("channels"))
    print_changes(answer);
  if (!answer.contains("refused")) return 0;
  if (!json) {
    for (const Json& fault : answer["faults"]) fmt::print(stderr, "{}\n", cell(fault));
    fmt::print(stderr, "linecast: error: {}; nothing was changed\n", cell(answer["refused"]));
  }
  return 2;
}

}  // namespace

void add_reload_command(CLI::App& app, int& exit_code) {
  struct Options {
    Target target;
    bool dry_run = false, json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "reload", "Have a running headend read its lineup again; channels that do not change lose nothing");
  add_target_options(*command, options->target);
  command->add_flag("--dry-run", options->dry_run, "only say what would change");
  command->add_flag("--json", options->json, "for programs");
  command->footer(
      "Channels are added, removed, adjusted (the stream goes on) or restarted (receivers begin anew).\n"
      "What needs a restart of the headend (ports, addresses, lanes) is refused, and nothing is changed "
      "then.\n"
      "Examples:\n"
      "  linecast reload --lineup lineup.yaml --dry-run\n"
      "  linecast reload --lineup lineup.yaml\n"
      "Exit codes: 0 done, 1 failed, 2 the lineup is faulty or needs a restart.");
  command->callback(
      [options, &exit_code] { exit_code = run_reload(options->target, options->dry_run, options->json); });
}

void add_rekey_command(CLI::App& app, int& exit_code) {
  struct Options {
    Target target;
    std::string channel;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("rekey", "Move a running channel to its next key epoch");
  command->add_option("channel", options->channel, "the channel's name")->required();
  add_target_options(*command, options->target);
  command->footer("Example:\n  linecast rekey news --lineup lineup.yaml");
  command->callback([options, &exit_code] {
    const uint64_t epoch = check_rekey(options->target, options->channel);
    ask(options->target, {{"rekey", options->channel}});
    fmt::print(
        "{}: epoch {} is announced within a second, and takes over some seconds later, when enough packets "
        "have gone out; until then `linecast show channels` says {}\n",
        options->channel, epoch + 1, epoch);
    exit_code = 0;
  });
}

void add_reset_command(CLI::App& app, int& exit_code) {
  struct Options {
    Target target;
    std::string port;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "reset",
      "Stop a port of a running headend, reset its card and start it again (a second or two without it)");
  command->add_option("port", options->port, "the port's name")->required();
  add_target_options(*command, options->target);
  command->footer("Example:\n  linecast reset in0 --lineup lineup.yaml");
  command->callback([options, &exit_code] {
    check_reset(options->target, options->port);
    const Json answer = ask(options->target, {{"reset", options->port}});
    fmt::print("{}: {}\n", options->port, cell(answer["done"]));
    exit_code = 0;
  });
}

}  // namespace linecast::app
