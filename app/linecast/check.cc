#include "app/linecast/check.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "lib/lineup/lineup.h"
#include "lib/lineup/scalars.h"

namespace linecast::app {

namespace {

using Json = nlohmann::ordered_json;
using lineup::Channel;
using lineup::Lineup;

std::string hex(const crypto::ChannelId& id) {
  std::string text;
  for (const uint8_t byte : id) text += fmt::format("{:02x}", byte);
  return text;
}

// Key and value.
Json describe_source(const Lineup& lineup, const lineup::Source& source) {
  const std::string& interface = lineup.interfaces[source.interface].name;
  if (lineup.role == lineup::Role::kRepeater)
    return {"upstream",
            {{"interface", interface},
             {"address", to_string(source.ssm_source)},
             {"group", to_string(source.address)},
             {"port", source.udp_port},
             {"tunnel", lineup::upstream_tunnel_name(source.tunnel)}}};
  return {"source",
          {{"interface", interface},
           {"address", to_string(source.address)},
           {"port", source.udp_port},
           {"ssm_source", source.ssm_source == 0 ? Json() : Json(to_string(source.ssm_source))},
           {"format", lineup::format_name(source.format)}}};
}

Json describe_channel(const Lineup& lineup, const Channel& channel) {
  const lineup::Source& source = channel.source;
  const lineup::Output& output = channel.output;
  Json json{{"name", channel.name},
            {"number", channel.number},
            {"enabled", channel.enabled},
            {"id", hex(channel.id)},
            describe_source(lineup, source),
            {"output",
             {{"interface", lineup.interfaces[output.interface].name},
              {"group", to_string(output.group)},
              {"port", output.udp_port},
              {"ttl", output.ttl},
              {"dscp", output.dscp}}},
            {"bitrate_cap_bps", channel.bitrate_cap_bps},
            {"encrypted", !channel.is_clear()},
            {"window_ms", channel.window_ms},
            {"window_packets", channel.window_packets},
            {"budget_percent", channel.budget_percent},
            {"repairs_to", lineup::repairs_to_name(channel.repairs_to)},
            {"quiet", channel.quiet ? Json(*channel.quiet) : Json("auto")},
            {"tunnels", lineup.tunnels.has_value() && channel.tunnels},
            {"max_payload", channel.max_payload}};
  return json;
}

Json describe(const Lineup& lineup) {
  Json ports = Json::array();
  for (const lineup::Port& port : lineup.ports)
    ports.push_back({{"name", port.name}, {"device", port.device}, {"mtu", port.mtu}});
  Json interfaces = Json::array();
  for (const lineup::Interface& interface : lineup.interfaces)
    interfaces.push_back(
        {{"name", interface.name},
         {"port", lineup.ports[interface.port].name},
         {"vlan", interface.vlan == 0 ? Json() : Json(interface.vlan)},
         {"address", fmt::format("{}/{}", to_string(interface.address), interface.prefix_length)},
         {"gateway", interface.gateway == 0 ? Json() : Json(to_string(interface.gateway))},
         {"igmp", interface.igmp_version ? Json(*interface.igmp_version) : Json("auto")},
         {"querier", interface.querier.has_value()}});
  Json channels = Json::array();
  for (const Channel& channel : lineup.channels) channels.push_back(describe_channel(lineup, channel));
  return {{"role", lineup.role == lineup::Role::kRepeater ? "repeater" : "headend"},
          {"name", lineup.name},
          {"sender_id", lineup.role == lineup::Role::kRepeater ? Json() : Json(lineup.sender_id)},
          {"lcores", lineup.lanes.lcores},
          {"main_lcore", lineup.lanes.main_lcore},
          {"tunnels", lineup.tunnels ? Json{{"limit", lineup.tunnels->limit},
                                            {"limit_per_address", lineup.tunnels->limit_per_address},
                                            {"rate_bps", lineup.tunnels->rate_bps}}
                                     : Json()},
          {"retransmit_bytes", lineup::retransmit_bytes(lineup)},
          {"ports", ports},
          {"interfaces", interfaces},
          {"channels", channels}};
}

void print_json(const CheckOptions& options, const lineup::LoadResult& result, std::FILE* out) {
  Json faults = Json::array();
  for (const lineup::Fault& fault : result.faults)
    faults.push_back({{"line", fault.line},
                      {"column", fault.column},
                      {"severity", fault.warning ? "warning" : "error"},
                      {"what", fault.what}});
  const Json all{{"file", options.path},
                 {"good", result.lineup.has_value()},
                 {"faults", faults},
                 {"lineup", result.lineup ? describe(*result.lineup) : Json()}};
  fmt::print(out, "{}\n", all.dump(2, ' ', false, Json::error_handler_t::replace));
}

std::string count(size_t n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

void print_summary(const Lineup& lineup, std::FILE* out) {
  uint64_t total_bps = 0;
  size_t disabled = 0;
  const bool repeater = lineup.role == lineup::Role::kRepeater;
  fmt::print(out, "{:>5}  {:<20} {:<38} {:<30} {:>13}  {:<22} {}\n", "no", "channel",
             repeater ? "upstream" : "source", "output", "cap", "kept for repairs", "sealed");
  for (const Channel& channel : lineup.channels) {
    const lineup::Source& source = channel.source;
    const lineup::Output& output = channel.output;
    fmt::print(out, "{:>5}  {:<20} {:<38} {:<30} {:>13}  {:<22} {}{}\n", channel.number, channel.name,
               fmt::format("{} {}{}:{} {}", lineup.interfaces[source.interface].name,
                           source.ssm_source != 0 ? to_string(source.ssm_source) + "@" : "",
                           to_string(source.address), source.udp_port,
                           repeater ? std::string_view() : lineup::format_name(source.format)),
               fmt::format("{} {}:{}", lineup.interfaces[output.interface].name, to_string(output.group),
                           output.udp_port),
               lineup::format_rate(channel.bitrate_cap_bps),
               fmt::format("{} ms, {} packets", channel.window_ms, channel.window_packets),
               channel.is_clear() ? "no" : "yes", channel.enabled ? "" : " (disabled)");
    if (channel.enabled)
      total_bps += channel.bitrate_cap_bps;
    else
      ++disabled;
  }
  constexpr double kMiB = 1 << 20;
  fmt::print(out,
             "{} {}{}: {} on {}, {}{}\nup to {} in all; the retransmit rings take about "
             "{:.1f} MiB of "
             "hugepages\n",
             repeater ? "repeater" : "headend", lineup.name,
             repeater ? std::string() : fmt::format(", sender id {}", lineup.sender_id),
             count(lineup.ports.size(), "port"), count(lineup.lanes.lcores.size(), "lane"),
             count(lineup.channels.size(), "channel"),
             disabled > 0 ? fmt::format(" ({} disabled)", disabled) : "", lineup::format_rate(total_bps),
             static_cast<double>(lineup::retransmit_bytes(lineup)) / kMiB);
}

}  // namespace

int check_lineup(const CheckOptions& options, std::FILE* out, std::FILE* err) {
  const lineup::LoadResult result = lineup::load(options.path, {.check_machine = !options.offline});
  const int exit_code = result.lineup ? 0 : 2;
  if (options.json) {
    print_json(options, result, out);
    return exit_code;
  }
  const bool colour = ::isatty(::fileno(err)) == 1;
  for (const lineup::Fault& fault : result.faults)
    fmt::print(err, "{}\n", lineup::format_fault(options.path, fault, colour));
  const auto warnings = static_cast<size_t>(std::count_if(
      result.faults.begin(), result.faults.end(), [](const lineup::Fault& fault) { return fault.warning; }));
  if (result.lineup) {
    print_summary(*result.lineup, out);
    fmt::print(out, "{}: good{}\n", options.path, warnings > 0 ? ", with " + count(warnings, "warning") : "");
  } else {
    fmt::print(err, "{}: {}{}\n", options.path, count(result.faults.size() - warnings, "error"),
               warnings > 0 ? ", " + count(warnings, "warning") : "");
  }
  return exit_code;
}

void add_check_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command =
      app.add_subcommand("check", "Check a lineup: every fault with its line, or what it holds");
  command->add_option("lineup", options->path, "the lineup (YAML)")->required();
  command->add_flag("--json", options->json, "print faults and contents as one JSON object");
  command->add_flag(
      "--offline", options->offline,
      "leave out what needs the machine it is for: key files, directories, interfaces, cards, cores");
  command->footer(
      "Examples:\n"
      "  linecast check /etc/linecast/lineup.yaml\n"
      "  linecast check --offline config/lineup.example.yaml\n"
      "Exit codes: 0 good (there may be warnings), 2 faulty.");
  command->callback([options, &exit_code] { exit_code = check_lineup(*options, stdout, stderr); });
}

}  // namespace linecast::app
