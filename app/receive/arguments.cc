#include "app/receive/arguments.h"

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>

#include "app/receive/config_file.h"
#include "lib/base/error.h"
#include "lib/crypto/key_file.h"

namespace linecast::app {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  linecast-receive --channel news --group 239.20.0.1 --interface eth0 \\\n"
    "      --key news.key --trust headend.key.pub --out - | ffplay -\n"
    "  linecast-receive --channel news --group 232.20.0.1 --source 10.0.0.5 \\\n"
    "      --key news.key --trust headend.key.pub --out 'udp://239.1.1.1:5000?ttl=4&interface=eth1'\n"
    "  linecast-receive --channel test --group 239.20.0.9:47200 --clear --out test.ts --duration 60 --stats\n"
    "  linecast-receive --channel news --group 239.20.0.1 --key news.key --trust headend.key.pub \\\n"
    "      --repeater 10.0.7.1 --repeater 10.0.8.1:47200 --origin 203.0.113.5 --out news.ts\n"
    "  linecast-receive --config receive.yaml --stats\n"
    "Outputs: - (standard output), PATH or file:PATH, udp://ADDRESS:PORT, rtp://ADDRESS:PORT, the last two "
    "with\n"
    "?ttl=N&interface=NAME. From RTP channels all but rtp:// get the MPEG-TS without RTP headers.\n"
    "Exit codes: 0 good, 1 failed while running, 2 wrong usage or a faulty file.";

// Checks a value as lib/lineup words it, and keeps it.
template <typename T, typename Parse>
CLI::Option* add(CLI::App& app, const std::string& name, T& out, Parse parse, const std::string& help) {
  return app.add_option_function<std::string>(
      name,
      [&out, parse, name](const std::string& text) {
        auto parsed = parse(text);
        if (const auto* wrong = std::get_if<lineup::Wrong>(&parsed))
          throw CLI::ValidationError(name, fmt::format("\"{}\" {}", text, wrong->why));
        out = static_cast<T>(std::get<0>(std::move(parsed)));
      },
      help);
}

struct GroupAndPort {
  Ipv4 group = 0;
  uint16_t port = smart::kDefaultPort;
};

lineup::Parsed<GroupAndPort> parse_group_and_port(std::string_view text) {
  const auto group = lineup::parse_group(text.substr(0, text.find(':')));
  if (const auto* wrong = std::get_if<lineup::Wrong>(&group)) return *wrong;
  const auto port = parse_port_behind(text);
  if (const auto* wrong = std::get_if<lineup::Wrong>(&port)) return *wrong;
  return GroupAndPort{std::get<Ipv4>(group), std::get<uint16_t>(port)};
}

lineup::Parsed<uint64_t> parse_receiver_id(std::string_view text) {
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  if (error != std::errc() || end != text.data() + text.size() || id == 0)
    return lineup::Wrong{"is no receiver id: give 1 to 16 hex digits, as 2f00c3"};
  return id;
}

// The channel of the command line.
void read_keys(const std::vector<std::string>& keys, const std::vector<std::string>& trusted,
               ChannelOptions& channel) {
  if (channel.clear) {
    if (!keys.empty() || !trusted.empty())
      throw Error("--clear takes no --key and no --trust: a clear channel has neither");
    return;
  }
  if (channel.follow_moves)
    throw Error("--follow-moves is for --clear: encrypted channels are followed anyway");
  if (keys.empty())
    throw Error("the channel's key is missing: add --key FILE and --trust HEADEND.pub, or --clear");
  if (trusted.empty())
    throw Error("whose keys to believe is missing: add --trust HEADEND.pub, the headend's public key");
  for (const std::string& path : keys)
    channel.keys.push_back(crypto::read_group_key(path, crypto::KeyHolder::kReceiver));
  for (const std::string& path : trusted) channel.trusted.push_back(crypto::read_public_key(path));
}

// Repeaters in their order, then the origin.
void read_tunnels(std::vector<std::string> names, const std::string& origin, ChannelOptions& channel) {
  if (!origin.empty()) names.push_back(origin);
  for (const std::string& name : names) {
    const auto far_end = parse_far_end(name);
    const auto* wrong = std::get_if<lineup::Wrong>(&far_end);
    const std::string why =
        wrong != nullptr ? wrong->why : add_tunnel(std::get<smart::FarEnd>(far_end), channel.tunnels);
    if (!why.empty()) throw Error(fmt::format("--repeater or --origin: \"{}\" {}", name, why));
  }
}

bool read_file(const std::string& path, Arguments& out) {
  ConfigResult config = read_config(path);
  for (const lineup::Fault& fault : config.faults)
    fmt::print(stderr, "{}\n", lineup::format_fault(path, fault, isatty(STDERR_FILENO) != 0));
  out.channels = std::move(config.channels);
  return config.faults.empty();
}

}  // namespace

std::optional<Arguments> parse_arguments(int argc, const char* const* argv, int& exit_code) {
  Arguments out;
  ChannelOptions channel;
  GroupAndPort group;
  std::string config;
  std::vector<std::string> keys, trusted, repeaters;
  std::string origin;
  std::optional<crypto::ChannelId> id;
  std::array<uint8_t, 8> random{};
  crypto::random_bytes(random);
  out.receiver_id = load_be64(random.data()) | 1;

  CLI::App app("linecast-receive: turns SMART multicast streams back into the operator's MPEG-TS");
  app.set_version_flag("--version", LINECAST_VERSION);
  app.footer(kExamples);
  app.add_option("--config", config, "channels from a YAML file, see docs/receive.md")->type_name("FILE");
  const std::vector<CLI::Option*> of_channel{
      add(app, "--channel", channel.name, lineup::parse_title,
          "the channel's name, as in the headend's lineup")
          ->type_name("NAME"),
      add(app, "--id", id, lineup::parse_channel_id, "its id (16 hex digits), where the lineup gives one")
          ->type_name("HEX"),
      add(app, "--group", group, parse_group_and_port, "its multicast group (port 47100)")
          ->type_name("GROUP[:PORT]"),
      add(app, "--source", channel.source, lineup::parse_host, "join source-specific: only from this address")
          ->type_name("ADDRESS"),
      add(app, "--interface", channel.interface, parse_interface, "by which to join")
          ->type_name("NAME|ADDRESS"),
      app.add_option("--key", keys, "group key; several while a key is replaced")->type_name("FILE"),
      app.add_option("--trust", trusted, "public key of a headend to believe; several are possible")
          ->type_name("FILE"),
      app.add_flag("--clear", channel.clear, "the channel is not encrypted"),
      app.add_flag("--follow-moves", channel.follow_moves,
                   "with --clear: follow the channel to another group, though anybody can announce one"),
      add(
          app, "--buffer-ms", channel.buffer_ms,
          [](auto text) { return lineup::parse_number(text, kLeastBufferMs, kMostBufferMs, "ms"); },
          "how long packets are held back for repairs to come (1000)")
          ->type_name("MS"),
      add(app, "--out", channel.out, parse_output, "where to play to, see below")->type_name("OUTPUT"),
      app.add_option("--repeater", repeaters,
                     "to be asked for a tunnel where multicast does not get here; several are tried in order")
          ->type_name("ADDRESS[:PORT]"),
      app.add_option("--origin", origin, "the headend: asked for a tunnel after all repeaters")
          ->type_name("ADDRESS[:PORT]"),
  };
  app.add_flag("--stats", out.stats,
               "a JSON line a second and channel on standard output (on standard error with --out -)");
  app.add_option("--duration", out.duration_s, "end after so many seconds")
      ->check(CLI::Range(0.001, 1e8))
      ->type_name("SECONDS");
  add(app, "--receiver-id", out.receiver_id, parse_receiver_id, "1 to 16 hex digits; by default random")
      ->type_name("HEX");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  exit_code = 2;
  try {
    if (!config.empty()) {
      for (const CLI::Option* option : of_channel)
        if (!option->empty())
          throw Error(
              fmt::format("{} and --config contradict each other: put it into the file", option->get_name()));
      return read_file(config, out) ? std::optional(std::move(out)) : std::nullopt;
    }
    for (const char* needed : {"--channel", "--group", "--out"})
      if (app.get_option(needed)->empty())
        throw Error(fmt::format("{} is missing; see --help for examples", needed));
    channel.id = id.value_or(crypto::channel_id_from_name(channel.name));
    channel.group = group.group;
    channel.port = group.port;
    if (is_ssm(channel.group) && channel.source == 0)
      throw Error("a group of 232.0.0.0/8 can only be joined by its source: add --source ADDRESS");
    read_keys(keys, trusted, channel);
    read_tunnels(std::move(repeaters), origin, channel);
  } catch (const Error& error) {
    fmt::print(stderr, "linecast-receive: error: {}\n", error.what());
    return std::nullopt;
  }
  out.channels.push_back(std::move(channel));
  return out;
}

}  // namespace linecast::app
