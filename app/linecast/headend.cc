#include "app/linecast/headend.h"

#include <fmt/core.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/linecast/appliance.h"
#include "app/linecast/control_server.h"
#include "app/linecast/report.h"
#include "app/linecast/report_reload.h"
#include "app/linecast/report_usage.h"
#include "lib/base/error.h"
#include "lib/lineup/scalars.h"
#include "lib/smart/start_number.h"

namespace linecast::app {
namespace {

constexpr int kTickMs = 20;

std::string_view name_of(lineup::Role role) {
  return role == lineup::Role::kRepeater ? "repeater" : "headend";
}

struct Options {
  std::string lineup;
  std::vector<std::string> eal;
};

template <typename... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print(stderr, "linecast: {}\n", fmt::format(format, std::forward<Args>(args)...));
}

uint64_t wall_clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

TimeNs monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

// Blocks SIGINT, SIGTERM and SIGHUP in this thread and in those it starts, and makes them readable instead.
int catch_signals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

using Json = nlohmann::ordered_json;

// Names from a lineup or a client need not be UTF-8: dump() alone would throw.
std::string text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// What a request may touch.
struct Headend {
  Appliance& appliance;
  smart::StartNumber& start;
  const std::string& path;  // of the lineup
};

// Reads the lineup again and goes over to it. The answer's "refused" says why not, and then nothing has
// changed.
Json reload(const Headend& headend, bool dry_run) {
  const lineup::LoadResult loaded = lineup::load(headend.path);
  Json answer = answer_of(loaded, headend.path);
  if (!loaded.lineup) return answer;
  try {
    const lineup::Difference difference = headend.appliance.difference(*loaded.lineup);
    if (!difference.restart_needed.empty()) {
      answer["faults"] = difference.restart_needed;
      answer["refused"] =
          fmt::format("this takes a restart of the {}", name_of(headend.appliance.lineup().role));
      return answer;
    }
    answer["adjusted"] = difference.adjusted;
    answer["channels"] = changes_of(difference);
    if (dry_run) return answer;
    headend.start.renew(wall_clock_ns());
    headend.appliance.reload(*loaded.lineup, difference, headend.start.value());
    answer["applied"] = true;
  } catch (const Error& error) {
    answer["refused"] = error.what();
  }
  return answer;
}

// Of SIGHUP: nobody waits for an answer, so the log has it.
void reload_and_say(const Headend& headend) {
  const Json answer = reload(headend, false);
  for (const char* kind : {"warnings", "faults"})
    for (const Json& fault : answer[kind]) say("{}", fault.get<std::string>());
  if (answer.contains("refused"))
    return say("lineup not reloaded: {}; nothing was changed", answer["refused"].get<std::string>());
  for (const Json& change : answer["adjusted"]) say("{}", change.get<std::string>());
  for (const Json& channel : answer["channels"])
    if (channel["change"] != "unchanged")
      say("channel {} {}", channel["name"].get<std::string>(), channel["change"].get<std::string>());
  say("lineup reloaded");
}

// What `linecast move` asks for. Throws Error where it cannot be.
Json move(Appliance& appliance, const std::string& channel, const std::string& to, const Json& asked) {
  const auto group = lineup::parse_group(to);
  const auto number = [&](const char* name, uint64_t least, uint64_t most) {
    const Json value = asked.value(name, Json());
    const uint64_t got = value.is_number_unsigned() ? value.get<uint64_t>() : 0;
    if (got < least || got > most) throw Error(fmt::format("{} is not within {} .. {}", name, least, most));
    return got;
  };
  if (const auto* wrong = std::get_if<lineup::Wrong>(&group))
    throw Error(fmt::format("group \"{}\" {}", to, wrong->why));
  const uint64_t port = number("port", 1, UINT16_MAX);
  const uint64_t overlap_s = number("overlap_s", ChannelMove::kLeastOverlapS, ChannelMove::kMostOverlapS);
  appliance.move(channel, std::get<Ipv4>(group), static_cast<uint16_t>(port),
                 static_cast<TimeNs>(overlap_s) * kNsPerSecond);
  return {{"done", "the move is announced"}};
}

std::string answer(const Headend& headend, const std::string& request) {
  Appliance& appliance = headend.appliance;
  const Json asked = Json::parse(request, nullptr, false);
  const auto argument = [&](const char* name) -> std::string {
    return asked.is_object() && asked.contains(name) && asked[name].is_string() ? asked[name] : Json("");
  };
  const auto flag = [&](const char* name) { return asked.is_object() && asked.value(name, Json()) == true; };
  if (const std::string what = argument("show"); !what.empty()) {
    if (what == "channels") return text(report_channels(appliance));
    if (what == "ports") return text(report_ports(appliance));
    if (what == "igmp") return text(report_igmp(appliance));
    if (what == "tunnels") return text(report_tunnels(appliance));
    if (what == "lanes") return text(report_lanes(appliance));
    if (what == "usage") return text(report_usage(appliance.usage(), appliance.now()));
    return text({{"error", fmt::format("nothing to show by the name of '{}'", what)}});
  }
  if (const std::string channel = argument("rekey"); !channel.empty()) {
    if (appliance.roll_key(channel)) return text({{"done", "the next key epoch will be announced"}});
    return text({{"error", "no running encrypted channel of that name"}});
  }
  if (const std::string port = argument("reset"); !port.empty()) {
    if (appliance.reset_port(port)) return text({{"done", "the port is being set up anew"}});
    return text({{"error", "no port of that name"}});
  }
  try {
    if (const std::string channel = argument("move"); !channel.empty())
      return text(move(appliance, channel, argument("group"), asked));
  } catch (const Error& error) {
    return text({{"error", error.what()}});
  }
  if (flag("reload")) return text(reload(headend, flag("dry_run")));
  return text({{"error", "not a request that is known here"}});
}

int run(const Options& options, lineup::Role role) {
  const lineup::LoadResult loaded = lineup::load(options.lineup);
  for (const lineup::Fault& fault : loaded.faults)
    fmt::print(stderr, "{}\n", lineup::format_fault(options.lineup, fault));
  if (!loaded.lineup) return 2;
  const lineup::Lineup& lineup = *loaded.lineup;
  if (lineup.role != role) {
    fmt::print(stderr, "{}: this is the lineup of a {}: run linecast {}\n", options.lineup,
               name_of(lineup.role), name_of(lineup.role));
    return 2;
  }

  const int signals = catch_signals();
  smart::StartNumber start(lineup.state_directory, wall_clock_ns());
  // The socket before the ports: a second process is refused before it touches those of the first.
  std::optional<Appliance> opened;
  ControlServer control(lineup.control_socket, [&](const std::string& request) {
    return answer({*opened, start, options.lineup}, request);
  });
  Appliance& appliance = opened.emplace(lineup, start.value(), options.eal);
  appliance.start();

  size_t channels = 0;
  for (const lineup::Channel& channel : lineup.channels) channels += channel.enabled;
  say("{} {} running. Channels: {}, ports: {}, lanes: {}, kept packets: {:.1f} MiB", name_of(role),
      lineup.name, channels, appliance.ports(), appliance.lanes(),
      static_cast<double>(appliance.kept_bytes()) / (1 << 20));

  TimeNs next_tick = monotonic_ns();
  for (;;) {
    const TimeNs now = monotonic_ns();
    if (now >= next_tick) {
      appliance.tick();
      next_tick = now + kTickMs * kNsPerMs;
    }
    if (!control.serve(now, signals, static_cast<int>((next_tick - now) / kNsPerMs) + 1)) continue;
    // All that are pending: one by one, SIGHUP comes first, and would keep a SIGTERM waiting as long as it
    // comes.
    std::array<signalfd_siginfo, 8> caught;
    const ssize_t bytes = read(signals, caught.data(), sizeof caught);
    const auto heard = std::span(caught).first(bytes < 0 ? 0 : static_cast<size_t>(bytes) / sizeof caught[0]);
    if (std::ranges::any_of(heard, [](const auto& signal) { return signal.ssi_signo != SIGHUP; })) break;
    if (!heard.empty()) reload_and_say({appliance, start, options.lineup});
  }
  say("{} {} stopping", name_of(role), lineup.name);
  close(signals);
  return 0;
}

}  // namespace

void add_headend_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "headend", "Run the headend of a lineup, in the foreground, until SIGTERM or SIGINT");
  command->add_option("--lineup", options->lineup, "the lineup (YAML; see linecast check)")->required();
  command->add_option("eal", options->eal, "arguments for DPDK's EAL, behind --");
  command->footer(
      "Examples:\n"
      "  linecast headend --lineup /etc/linecast/lineup.yaml\n"
      "  linecast headend --lineup lineup.yaml -- --log-level=pmd:debug");
  command->callback([options, &exit_code] { exit_code = run(*options, lineup::Role::kHeadend); });
}

void add_repeater_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "repeater", "Run the repeater of a lineup, in the foreground, until SIGTERM or SIGINT");
  command->add_option("--lineup", options->lineup, "the lineup (YAML; see linecast check)")->required();
  command->add_option("eal", options->eal, "arguments for DPDK's EAL, behind --");
  command->footer("Example:\n  linecast repeater --lineup /etc/linecast/repeater.yaml");
  command->callback([options, &exit_code] { exit_code = run(*options, lineup::Role::kRepeater); });
}

}  // namespace linecast::app
