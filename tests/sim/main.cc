// simulate: runs scenarios and prints their figures.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "lib/base/error.h"
#include "tests/sim/scenarios.h"

namespace linecast::sim {
namespace {

constexpr char kFooter[] =
    "Scenarios:\n"
    "  shared-loss       one packet is lost for all receivers: how many requests reach the sender?\n"
    "  stream            a stream over lossy links: repairs, requests, what stays unrecovered, delay\n"
    "\n"
    "A row for each combination of --receivers, --repeaters-every, --loss and --budget. The same options "
    "and\n"
    "the same seed give the same figures to the last digit.\n"
    "\n"
    "Examples:\n"
    "  simulate --scenario shared-loss --receivers 10,1000,1000000\n"
    "  simulate --scenario shared-loss --receivers 1000000 --repeaters-every 1000 --csv repeaters.csv\n"
    "  simulate --scenario stream --receivers 10000 --loss 0.01 --repeaters-every 0,100 --budget 0.25,4\n"
    "  simulate --scenario stream --receivers 100 --loss 0.02 --spell 10 --json\n"
    "\n"
    "Exit code: 0 done, 2 wrong usage.";

struct Options {
  std::string scenario = "shared-loss";
  std::vector<uint32_t> receivers{1000};
  std::vector<uint32_t> repeaters_every{0};
  std::vector<double> losses{0.01};
  std::vector<double> budgets{0.25};
  double upper_loss = 0;
  double spell = 0;
  double loss_bad = 0.5;
  double reordered = 0;
  double duplicated = 0;
  double delay_ms = 15;
  double delay_sigma = 0.5;
  double jitter_ms = 0.5;
  double buffer_ms = 1000;
  uint32_t repetitions = 100;
  uint32_t seconds = 10;
  int quiet = -1;
  std::string csv;
  bool json = false;
  Configuration configuration;
};

LossModel loss_model(const Options& options, double loss) {
  if (options.spell == 0) return LossModel::random(loss);
  if (loss >= options.loss_bad)
    throw Error(fmt::format("a loss of {} is not below --loss-in-spell {}: no spells make that", loss,
                            options.loss_bad));
  return LossModel::bursty(loss, options.spell, options.loss_bad);
}

std::vector<Configuration> configurations(const Options& options) {
  std::vector<Configuration> all;
  const bool shared = options.scenario == "shared-loss";
  for (const uint32_t receivers : options.receivers)
    for (const uint32_t every : options.repeaters_every)
      for (const double loss : shared ? std::vector{0.0} : options.losses)
        for (const double budget : options.budgets) {
          Configuration configuration = options.configuration;
          configuration.receivers = receivers;
          configuration.repeaters = every > 0;
          if (every > 0) configuration.branch_size = every;
          configuration.lower.loss = loss_model(options, loss);
          if (!shared) configuration.upper.loss = loss_model(options, options.upper_loss);
          configuration.budget = budget;
          all.push_back(configuration);
        }
  return all;
}

void set_common(Options& options) {
  Configuration& configuration = options.configuration;
  for (LinkModel* link : {&configuration.upper, &configuration.lower}) {
    link->jitter_ns = static_cast<TimeNs>(options.jitter_ms * kNsPerMs);
    link->reordered = options.reordered;
    link->reorder_ns = 2 * kNsPerMs;
    link->duplicated = options.duplicated;
  }
  // Two thirds of the way are shared by a branch.
  configuration.upper_delay.median = static_cast<TimeNs>(options.delay_ms * 2 / 3 * kNsPerMs);
  configuration.lower_delay.median = static_cast<TimeNs>(options.delay_ms / 3 * kNsPerMs);
  configuration.upper_delay.sigma = configuration.lower_delay.sigma = options.delay_sigma;
  configuration.buffer_ns = static_cast<TimeNs>(options.buffer_ms * kNsPerMs);
  if (options.quiet >= 0) configuration.quiet = static_cast<uint8_t>(options.quiet);
}

std::vector<Row> run(const Options& options) {
  const std::vector<Configuration> all = configurations(options);
  std::vector<Row> rows;
  for (const Configuration& configuration : all) {
    const auto progress = [&](double done) {
      if (isatty(STDERR_FILENO) != 0)
        fmt::print(stderr, "\rrun {} of {}: {} receivers, {:.0f} % ", rows.size() + 1, all.size(),
                   configuration.receivers, 100 * done);
    };
    rows.push_back(options.scenario == "stream"
                       ? run_stream(configuration, options.seconds, progress)
                       : run_shared_loss(configuration, options.repetitions, progress));
  }
  if (isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\r{:60}\r", "");
  return rows;
}

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"SMART's senders, receivers and repeaters on simulated time and links.", "simulate"};
  app.footer(kFooter);
  app.get_formatter()->column_width(34);
  const auto share = CLI::Range(0.0, 1.0);
  app.add_option("--scenario", options.scenario, "which one (shared-loss)")
      ->check(CLI::IsMember({"shared-loss", "stream"}));
  app.add_option("--receivers", options.receivers, "how many, 1 to 10,000,000; a list (1000)")
      ->delimiter(',')
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--repeaters-every", options.repeaters_every,
                 "so many receivers share one; 0: none; a list (0)")
      ->delimiter(',')
      ->check(CLI::Range(0, 10'000'000));
  app.add_option("--loss", options.losses, "share lost on each receiver's own link; a list (0.01)")
      ->delimiter(',')
      ->check(share);
  app.add_option("--upper-loss", options.upper_loss, "share lost on links that a branch shares (0)")
      ->check(share);
  app.add_option("--spell", options.spell,
                 "Gilbert-Elliott: packets that a bad spell lasts on average; 0: random loss (0)")
      ->check(CLI::Range(0.0, 1e6));
  app.add_option("--loss-in-spell", options.loss_bad, "share lost in a bad spell (0.5)")->check(share);
  app.add_option("--branch", options.configuration.branch_size,
                 "receivers that share an upper link, without repeaters (1000)")
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--delay-ms", options.delay_ms, "one way, median; a branch shares two thirds (15)")
      ->check(CLI::Range(0.0, 1000.0));
  app.add_option("--delay-sigma", options.delay_sigma,
                 "of its logarithm, for both parts; 0: the same for all (0.5)")
      ->check(CLI::Range(0.0, 2.0));
  app.add_option("--jitter-ms", options.jitter_ms, "mean, of each link (0.5)")
      ->check(CLI::Range(0.0, 1000.0));
  app.add_option("--reordered", options.reordered, "share held back by 2 ms on each link (0)")->check(share);
  app.add_option("--duplicated", options.duplicated, "share that comes twice, on each link (0)")
      ->check(share);
  app.add_option("--buffer-ms", options.buffer_ms, "the receivers' play-out buffer (1000)")
      ->check(CLI::Range(1.0, 60'000.0));
  app.add_option("--rate", options.configuration.rate, "packets a second (1000)")
      ->check(CLI::Range(1.0, 100'000.0));
  app.add_option("--budget", options.budgets, "repairs, as a share of the rate; a list (0.25)")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 1000.0));
  app.add_option("--quiet", options.quiet,
                 "the QUIET field of all hops, 0 to 14, instead of the engine's choice")
      ->check(CLI::Range(0, 14));
  app.add_option("--repetitions", options.repetitions, "losses, of shared-loss (100)")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--seconds", options.seconds, "of the stream (10)")->check(CLI::Range(1, 3600));
  app.add_option("--seed", options.configuration.seed, "of all that is random (1)");
  app.add_option("--csv", options.csv, "writes the figures to this file too")->type_name("FILE");
  app.add_flag("--json", options.json, "prints JSON instead of the table");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    set_common(options);
    std::ofstream file;
    if (!options.csv.empty()) file.open(options.csv);  // before what may take minutes
    if (!file) throw Error(fmt::format("{}: cannot be written", options.csv));
    const std::vector<Row> rows = run(options);
    fmt::print("{}", options.json ? as_json(rows) : as_table(rows));
    if (!options.csv.empty()) {
      file << as_csv(rows);
      file.close();
      if (!file) throw Error(fmt::format("{}: cannot be written", options.csv));
    }
  } catch (const Error& error) {
    fmt::print(stderr, "simulate: {}\n", error.what());
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace linecast::sim

int main(int argc, char** argv) { return linecast::sim::main(argc, argv); }
