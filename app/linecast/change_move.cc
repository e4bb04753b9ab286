// `linecast move`: a running channel to another group.
#include <fmt/core.h>

#include <memory>
#include <vector>

#include "app/linecast/change.h"
#include "app/linecast/channel_move.h"
#include "app/linecast/control_client.h"
#include "lib/lineup/scalars.h"
#include "lib/lineup/spelling.h"

namespace linecast::app {
namespace {

struct Options {
  Target target;
  std::string channel, to;
  uint64_t overlap_s = ChannelMove::kOverlapS;
  bool json = false;
};

// "GROUP[:PORT]"; without a port it stays the channel's.
struct Place {
  Ipv4 group = 0;
  uint64_t port = 0;
};
Place parse_place(const std::string& text, uint64_t port_now) {
  const size_t colon = text.find(':');
  const auto group = lineup::parse_group(std::string_view(text).substr(0, colon));
  if (const auto* wrong = std::get_if<lineup::Wrong>(&group))
    throw WrongUsage(fmt::format("--to: \"{}\" {}", text, wrong->why));
  if (colon == std::string::npos) return {std::get<Ipv4>(group), port_now};
  const auto port = lineup::parse_number(std::string_view(text).substr(colon + 1), 1, UINT16_MAX, "");
  if (const auto* wrong = std::get_if<lineup::Wrong>(&port))
    throw WrongUsage(fmt::format("--to: \"{}\" has a port that {}", text, wrong->why));
  return {std::get<Ipv4>(group), std::get<uint64_t>(port)};
}

// The channel as the headend has it. Throws Error where there is none of that name.
Json find_channel(const Options& options) {
  const Json rows = ask(options.target, {{"show", "channels"}})["channels"];
  std::vector<std::string> names;
  for (const Json& row : rows) {
    if (row["name"] == options.channel) return row;
    if (row["enabled"] == true) names.push_back(row["name"].get<std::string>());
  }
  throw Error(fmt::format(
      "there is no channel \"{}\"{}", options.channel,
      lineup::suggest(options.channel, std::vector<std::string_view>(names.begin(), names.end()))));
}

int run_move(const Options& options) {
  const Json channel = find_channel(options);
  const Place to = parse_place(options.to, channel["port"].get<uint64_t>());
  ask(options.target, {{"move", options.channel},
                       {"group", to_string(to.group)},
                       {"port", to.port},
                       {"overlap_s", options.overlap_s}});
  const std::string from = fmt::format("{}:{}", cell(channel["group"]), cell(channel["port"]));
  const std::string target = fmt::format("{}:{}", to_string(to.group), to.port);
  if (options.json) {
    fmt::print(
        "{}\n",
        Json{{"channel", options.channel}, {"from", from}, {"to", target}, {"overlap_s", options.overlap_s}}
            .dump(2));
    return 0;
  }
  fmt::print("{}: from {} to {}: announced now, in {} s sent to both, {} s later to {} alone\n",
             options.channel, from, target, ChannelMove::kLeadNs / kNsPerSecond, options.overlap_s, target);
  if (channel["encrypted"] == false)
    fmt::print("It is not encrypted: receivers follow only with --follow-moves\n");
  fmt::print(
      "Now change the lineup, or the next reload or start takes it back:\n"
      "    output: {{group: {}, port: {}, ...}}\n",
      to_string(to.group), to.port);
  return 0;
}

}  // namespace

void add_move_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "move", "Move a running channel to another group; its receivers follow without loss");
  command->add_option("channel", options->channel, "the channel's name")->required();
  command->add_option("--to", options->to, "where to; without a port, the port stays")
      ->required()
      ->type_name("GROUP[:PORT]");
  command->add_option("--overlap", options->overlap_s, "how long it is sent to both groups (10)")
      ->check(CLI::Range(ChannelMove::kLeastOverlapS, ChannelMove::kMostOverlapS))
      ->type_name("SECONDS");
  add_target_options(*command, options->target);
  command->add_flag("--json", options->json, "for programs");
  command->footer(
      "The lineup's file is not changed: do that as well, or the next reload moves the channel back.\n"
      "Examples:\n"
      "  linecast move news --to 239.20.0.7 --lineup lineup.yaml\n"
      "  linecast move news --to 239.20.0.7:47200 --overlap 60 --lineup lineup.yaml\n"
      "Exit codes: 0 begun, 1 refused or failed, 2 wrong usage.");
  command->callback([options, &exit_code] { exit_code = run_move(*options); });
}

}  // namespace linecast::app
