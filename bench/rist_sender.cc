// Sends by librist, straight from memory at a steady rate: what a lane is compared with. Prints JSON.
#include <fmt/core.h>
#include <librist/librist.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <ctime>
#include <stdexcept>

#include "lib/base/time.h"

namespace {

using linecast::kNsPerSecond;
using linecast::TimeNs;

TimeNs monotonic_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * kNsPerSecond + t.tv_nsec;
}

void require(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string("librist: ") + what);
}

// Of all threads of the process, user and system.
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Sends MPEG-TS by librist, main profile; prints JSON."};
  std::string to;
  uint64_t rate = 0, packets = 0;
  double lead = 2;
  app.add_option("to", to, "rist:// address with all that librist is to know, its key among it")->required();
  app.add_option("--rate", rate, "packets a second")->required()->check(CLI::PositiveNumber);
  app.add_option("--packets", packets, "so many that count")->required();
  app.add_option("--lead-seconds", lead, "sent first, so that both ends know each other");
  CLI11_PARSE(app, argc, argv);
  prctl(PR_SET_TIMERSLACK, 1UL);  // ns
  try {
    rist_ctx* context = nullptr;
    rist_logging_settings* log = nullptr;
    rist_peer_config* config = nullptr;
    rist_peer* peer = nullptr;
    require(rist_logging_set(&log, RIST_LOG_ERROR, nullptr, nullptr, nullptr, stderr), "logging");
    require(rist_sender_create(&context, RIST_PROFILE_MAIN, 0, log), "no sender");
    require(rist_parse_address2(to.c_str(), &config), "the address is not understood");
    require(rist_peer_create(context, &peer, config), "no peer");
    rist_peer_config_free2(&config);
    require(rist_start(context), "it does not start");

    std::array<uint8_t, 7 * 188> payload;
    payload.fill(0xab);
    for (size_t at = 0; at < payload.size(); at += 188) payload[at] = 0x47;
    const auto before = static_cast<uint64_t>(lead * static_cast<double>(rate));
    const TimeNs begin = monotonic_now();
    double cpu = 0;
    uint64_t refused = 0;
    for (uint64_t number = 0; number < before + packets; ++number) {
      if (number == before) cpu = cpu_seconds();
      const TimeNs at = begin + static_cast<TimeNs>(number * kNsPerSecond / rate);
      const timespec until = {at / kNsPerSecond, at % kNsPerSecond};
      while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
      }
      rist_data_block block{};
      block.payload = payload.data();
      block.payload_len = payload.size();
      if (rist_sender_data_write(context, &block) < 0 && number >= before) ++refused;
    }
    cpu = cpu_seconds() - cpu;
    rist_destroy(context);
    fmt::print("{{\"packets\": {}, \"cpu_seconds\": {}}}\n", packets - refused, cpu);
  } catch (const std::exception& error) {
    fmt::print(stderr, "rist_sender: {}\n", error.what());
    return 1;
  }
  return 0;
}
