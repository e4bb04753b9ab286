#include "drivers/lcore.h"

#include <fmt/core.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_memory.h>
#include <time.h>

#include "lib/base/error.h"

namespace linecast::drivers {
namespace {

struct Moment {
  uint64_t cycles;
  double ns;
};

// The best of a few: one that nothing came between.
Moment moment() {
  Moment best{};
  uint64_t least = UINT64_MAX;
  for (int i = 0; i < 16; ++i) {
    const uint64_t before = rte_rdtsc_precise();
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t took = rte_rdtsc_precise() - before;
    if (took >= least) continue;
    least = took;
    best = {before + took / 2, static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec)};
  }
  return best;
}

}  // namespace

// DPDK's own figure may be rounded to 10 MHz, which is seconds a day.
Clock::Clock() {
  constexpr uint32_t kCalibrationUs = 50'000;
  const Moment begin = moment();
  sleep_us(kCalibrationUs);
  const Moment end = moment();
  ns_per_cycle_ = (end.ns - begin.ns) / static_cast<double>(end.cycles - begin.cycles);
  start_ = end.cycles;
}

uint64_t cycles_per_second() { return rte_get_tsc_hz(); }

void sleep_us(uint32_t us) {
  const timespec wait{0, static_cast<long>(us) * 1000};
  nanosleep(&wait, nullptr);
}

int lcore_numa_node(unsigned lcore) { return static_cast<int>(rte_lcore_to_socket_id(lcore)); }

int any_numa_node() { return SOCKET_ID_ANY; }

void launch(unsigned lcore, std::function<void()>& function) {
  const auto entry = [](void* argument) {
    (*static_cast<std::function<void()>*>(argument))();
    return 0;
  };
  if (rte_eal_remote_launch(entry, &function, lcore) != 0)
    throw Error(fmt::format("lcore {} can't be started: is it among EAL's lcores (-l)?", lcore));
}

void wait_lcore(unsigned lcore) { rte_eal_wait_lcore(lcore); }

}  // namespace linecast::drivers
