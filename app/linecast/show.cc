#include "app/linecast/show.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/linecast/control_server.h"
#include "lib/base/error.h"
#include "lib/lineup/lineup.h"
#include "lib/lineup/spelling.h"

namespace linecast::app {
namespace {

using Json = nlohmann::ordered_json;

struct Target {
  std::string lineup;
  std::string control;
};

void add_target_options(CLI::App& command, Target& target) {
  auto* lineup = command.add_option("--lineup", target.lineup,
                                    "the lineup that the headend runs: names its control socket");
  auto* control = command.add_option("--control", target.control, "the control socket itself");
  lineup->excludes(control);
}

Json ask(const Target& target, const Json& request) {
  std::string path = target.control;
  if (path.empty()) {
    if (target.lineup.empty()) throw WrongUsage("say which headend: --lineup FILE or --control SOCKET");
    const lineup::LoadResult loaded = lineup::load(target.lineup, {.check_machine = false});
    if (!loaded.lineup) {
      for (const lineup::Fault& fault : loaded.faults)
        fmt::print(stderr, "{}\n", lineup::format_fault(target.lineup, fault));
      throw WrongUsage(fmt::format(
          "{} does not say where the headend's control socket is: correct it, or use --control SOCKET",
          target.lineup));
    }
    path = loaded.lineup->control_socket;
  }
  Json answer = Json::parse(ask_control(path, request.dump()), nullptr, false);
  if (answer.is_discarded()) throw Error("the headend's answer is not JSON: is it of another version?");
  if (answer.contains("error")) throw Error(answer["error"].get<std::string>());
  return answer;
}

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

std::string cell(const Json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void print_table(const Json& rows, const std::vector<std::string>& columns) {
  std::vector<size_t> widths;
  for (const std::string& column : columns) {
    size_t width = column.size();
    for (const Json& row : rows)
      if (row.contains(column)) width = std::max(width, cell(row[column]).size());
    widths.push_back(width);
  }
  for (size_t i = 0; i < columns.size(); ++i) fmt::print("{:<{}}  ", columns[i], widths[i]);
  fmt::print("\n");
  for (const Json& row : rows) {
    for (size_t i = 0; i < columns.size(); ++i)
      fmt::print("{:<{}}  ", row.contains(columns[i]) ? cell(row[columns[i]]) : "-", widths[i]);
    fmt::print("\n");
    if (!row.contains("dropped")) continue;
    for (const auto& [name, count] : row["dropped"].items())
      fmt::print("    dropped {}: {}\n", name, count.dump());
  }
}

void print_ports(const Json& answer) {
  print_table(answer["ports"],
              {"name", "driver", "mac", "link", "speed_mbps", "group_filter", "steering", "ip_checksum",
               "udp_checksum", "vlan_insert", "received", "transmitted", "missed"});
  for (const Json& port : answer["ports"])
    if (port.contains("error")) fmt::print("    {}: {}\n", cell(port["name"]), cell(port["error"]));
  fmt::print("\n");
  print_table(answer["interfaces"],
              {"name", "port", "vlan", "address", "gateway", "arp_conflicts", "arp_conflict_mac"});
}

void print_igmp(const Json& answer) {
  print_table(answer["interfaces"],
              {"name", "version", "forced", "querier_heard", "last_query_s", "robustness"});
  for (const Json& interface : answer["interfaces"]) {
    const std::string name = cell(interface["name"]);
    if (interface.contains("error")) {
      fmt::print("\n{}: {}\n", name, cell(interface["error"]));
      continue;
    }
    if (!interface["groups"].empty()) {
      fmt::print("\njoined on {}:\n", name);
      print_table(interface["groups"], {"group", "mode", "sources", "report_pending"});
    }
    const Json& querier = interface["querier"];
    if (querier.is_null()) continue;
    fmt::print("\nquerier on {}: {}, version {}, every {} s\n", name,
               querier["active"] == true ? "active" : "waiting for " + cell(querier["querier"]),
               cell(querier["version"]), cell(querier["query_interval_s"]));
    print_table(querier["groups"], {"group", "mode", "sources", "version", "expires_s", "last_reporter"});
  }
}

// What receivers have reported, of all channels in one list: who was heard last comes first.
Json reports_of(const Json& channels) {
  std::vector<Json> rows;
  for (const Json& channel : channels)
    for (const Json& report : channel.value("receivers", Json::array())) {
      Json& row = rows.emplace_back(Json{{"channel", channel["name"]}});
      row.update(report);
    }
  std::ranges::stable_sort(rows, {}, [](const Json& row) { return row["last_heard_s"].get<uint64_t>(); });
  return rows;
}

void print_channels(Json channels) {
  for (Json& channel : channels)
    if (channel.contains("reported"))
      channel["unrecovered"] = channel["reported"].value("unrecovered", uint64_t{0});
  print_table(channels, {"number", "name", "source", "group", "port", "epoch", "packets_in", "packets_sent",
                         "requests", "repairs_sent", "complaining", "unrecovered"});
}

int run_show(const Target& target, const std::string& what, bool json) {
  Json answer = ask(target, {{"show", what == "reports" ? "channels" : what}});
  if (what == "reports") answer = {{"reports", reports_of(answer["channels"])}};
  if (json) {
    fmt::print("{}\n", answer.dump(2));
    return 0;
  }
  if (what == "channels")
    print_channels(answer["channels"]);
  else if (what == "reports" && answer["reports"].empty())
    fmt::print("no receiver has reported a fault\n");
  else if (what == "reports")
    print_table(answer["reports"], {"channel", "receiver", "address", "fault", "count", "reports",
                                    "first_sequence", "last_heard_s"});
  else if (what == "ports")
    print_ports(answer);
  else if (what == "igmp")
    print_igmp(answer);
  else
    print_table(answer["lanes"], {"lane", "lcore", "received", "transmitted", "polls", "busy_polls",
                                  "full_bursts", "longest_turn_ns", "handed_over"});
  return 0;
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

}  // namespace

void add_show_command(CLI::App& app, int& exit_code) {
  struct Options {
    Target target;
    std::string what;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("show", "Show what a running headend does");
  command->add_option("what", options->what, "channels, reports, ports, igmp or lanes")
      ->required()
      ->check(CLI::IsMember({"channels", "reports", "ports", "igmp", "lanes"}));
  add_target_options(*command, options->target);
  command->add_flag("--json", options->json, "all there is, for programs");
  command->footer(
      "channels  what came in and was sent, requests and repairs, and how many receivers complain\n"
      "reports   which receiver has reported which fault\n"
      "ports     links, filters and offloads in force, frames; addresses\n"
      "igmp      groups joined, who queries, and what others have joined\n"
      "lanes     the load of each lane, and what it dropped\n"
      "docs/headend.md says what each column and counter means, and what to do about it.\n\n"
      "Examples:\n"
      "  linecast show channels --lineup lineup.yaml\n"
      "  linecast show lanes --control /run/linecast/main.sock --json");
  command->callback(
      [options, &exit_code] { exit_code = run_show(options->target, options->what, options->json); });
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
