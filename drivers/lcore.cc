#include "drivers/lcore.h"

#include <fmt/core.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_memory.h>
#include <time.h>

#include "lib/base/error.h"

namespace linecast::drivers {

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
