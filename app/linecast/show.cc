#include "app/linecast/show.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/linecast/control_client.h"
#include "lib/base/error.h"

namespace linecast::app {
namespace {

using Json = nlohmann::ordered_json;

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
               "udp_checksum", "vlan_insert", "multi_segment", "received", "transmitted", "missed"});
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
  std::vector<std::string> columns{"number", "name",          "source",       "group",       "port",
                                   "epoch",  "packets_in",    "packets_sent", "requests",    "repairs_sent",
                                   "askers", "round_trip_ms", "quiet",        "complaining", "unrecovered"};
  // A repeater's.
  if (std::ranges::any_of(channels, [](const Json& channel) { return channel.contains("hops"); }))
    columns.insert(columns.begin() + 5, "hops");
  print_table(channels, columns);
  for (const Json& channel : channels)
    if (channel.contains("moving"))
      fmt::print("    {}: from {} to {}, {}, for {} s more\n", cell(channel["name"]),
                 cell(channel["moving"]["from"]), cell(channel["moving"]["to"]),
                 channel["moving"]["sent_to_both"] == true ? "sent to both" : "announced",
                 cell(channel["moving"]["ends_in_s"]));
}

void print_lanes(const Json& answer) {
  print_table(answer["lanes"], {"lane", "lcore", "received", "transmitted", "polls", "busy_polls",
                                "full_bursts", "longest_turn_ns", "handed_over"});
  fmt::print("\n");
  print_table(answer["pools"], {"name", "packets", "free"});
}

void print_usage(const Json& answer) {
  print_table(answer["channels"], {"name", "running", "present", "by_repeaters", "standard_error", "peak",
                                   "peak_at", "joins", "leaves", "expiries", "watched_s"});
  fmt::print("\n");
  if (!answer["sinks"].empty())
    print_table(answer["sinks"], {"sink", "waiting", "delivered", "failures", "failing_s"});
  const Json& journal = answer["journal"];
  fmt::print("journal: {} records taken, {} of {} bytes\n", cell(journal["acknowledged"]),
             cell(journal["bytes"]), cell(journal["most_bytes"]));
  const auto print_failing = [](const Json& what, const std::string& name) {
    if (!what["failing_s"].is_null())
      fmt::print("{} fails for {} s: {}\n", name, cell(what["failing_s"]), cell(what["last_error"]));
  };
  print_failing(journal, "journal");
  for (const Json& sink : answer["sinks"]) print_failing(sink, cell(sink["sink"]));
  for (const auto& [name, count] : answer["counters"].items())
    if (count != 0) fmt::print("    {}: {}\n", name, count.dump());
}

void print_tunnels(const Json& answer) {
  if (answer["tunnels"].empty())
    fmt::print("no tunnels\n");
  else
    print_table(answer["tunnels"],
                {"channel", "address", "port", "receiver", "interface", "since_s", "until_s"});
  fmt::print("\n{} of {} tunnels\n\n", cell(answer["in_all"]), cell(answer["limit"]));
  print_table(answer["ports"], {"name", "tunnels", "rate_bps", "limit_bps"});
  fmt::print("\n");
  for (const char* part : {"counters", "dropped"})
    for (const auto& [name, count] : answer[part].items()) fmt::print("{}: {}\n", name, count.dump());
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
  else if (what == "usage")
    print_usage(answer);
  else if (what == "tunnels")
    print_tunnels(answer);
  else
    print_lanes(answer);
  return 0;
}

}  // namespace

void add_show_command(CLI::App& app, int& exit_code) {
  struct Options {
    Target target;
    std::string what;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("show", "Show what a running headend or repeater does");
  command->add_option("what", options->what, "channels, reports, usage, tunnels, ports, igmp or lanes")
      ->required()
      ->check(CLI::IsMember({"channels", "reports", "usage", "tunnels", "ports", "igmp", "lanes"}));
  add_target_options(*command, options->target);
  command->add_flag("--json", options->json, "all there is, for programs");
  command->footer(
      "channels  what came in and was sent, requests and repairs, and how many receivers complain\n"
      "reports   which receiver has reported which fault\n"
      "usage     who watches, and whether the records of it are written\n"
      "tunnels   who has which channel by tunnel, and why others have not\n"
      "ports     links, filters and offloads in force, frames; addresses\n"
      "igmp      groups joined, who queries, and what others have joined\n"
      "lanes     the load of each lane, and what it dropped; packets in use\n"
      "docs/headend.md says what each column and counter means, and what to do about it.\n\n"
      "Examples:\n"
      "  linecast show channels --lineup lineup.yaml\n"
      "  linecast show usage --lineup lineup.yaml --json\n"
      "  linecast show lanes --control /run/linecast/main.sock --json");
  command->callback(
      [options, &exit_code] { exit_code = run_show(options->target, options->what, options->json); });
}

}  // namespace linecast::app
