// Lcores and their clock.
#pragma once

#include <rte_cycles.h>
#include <rte_pause.h>

#include <cstdint>
#include <functional>

#include "lib/base/time.h"

namespace linecast::drivers {

// Nanoseconds from the processor's time stamp counter: no system call. One clock for all lcores of the
// process.
class Clock {
 public:
  Clock();  // takes a twentieth of a second
  TimeNs now() const {
    return static_cast<TimeNs>(static_cast<double>(rte_get_tsc_cycles() - start_) * ns_per_cycle_) +
           kNsPerSecond;
  }

 private:
  uint64_t start_;
  double ns_per_cycle_;
};

inline uint64_t cycles() { return rte_rdtsc(); }
uint64_t cycles_per_second();

inline void pause() { rte_pause(); }
// Gives the core away for about so long (a system call): idle lanes on shared cores only.
void sleep_us(uint32_t us);

int lcore_numa_node(unsigned lcore);
int any_numa_node();  // for memory that is not tied to one
// Runs `function` on an lcore that EAL started; it must return before wait_lcore(). `function` must outlive
// its run.
void launch(unsigned lcore, std::function<void()>& function);
void wait_lcore(unsigned lcore);

}  // namespace linecast::drivers
