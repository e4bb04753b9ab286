// A link in one direction: loses, delays, reorders and duplicates.
#pragma once

#include <array>
#include <cstddef>

#include "tests/sim/draws.h"
#include "tests/sim/loss_model.h"

namespace linecast::sim {

struct LinkModel {
  LossModel loss;
  TimeNs jitter_ns = 0;   // mean of what queues add to the delay; what was sent in order stays in order
  double reordered = 0;   // share of packets that are held back, so that later ones overtake them
  TimeNs reorder_ns = 0;  // by so much
  double duplicated = 0;  // share of packets that come twice
};

struct Link {
  TimeNs delay_ns = 0;
  TimeNs last_arrival_ns = 0;
  bool bad = false;  // LossModel's state

  struct Arrivals {
    std::array<TimeNs, 2> at;
    size_t count = 0;
    const TimeNs* begin() const { return at.data(); }
    const TimeNs* end() const { return at.data() + count; }
  };
  // When a packet that is sent now comes out: not at all, once or twice.
  Arrivals pass(TimeNs now, const LinkModel& model, Random& random) {
    Arrivals arrivals;
    if (model.loss.lose(random, bad)) return arrivals;
    TimeNs at = now + delay_ns;
    if (model.jitter_ns > 0) at += draw_exponential(random, model.jitter_ns);
    if (model.reordered > 0 && random.unit() < model.reordered) {
      at += model.reorder_ns;
    } else {
      if (at < last_arrival_ns) at = last_arrival_ns;
      last_arrival_ns = at;
    }
    arrivals.at[arrivals.count++] = at;
    if (model.duplicated > 0 && random.unit() < model.duplicated) arrivals.at[arrivals.count++] = at;
    return arrivals;
  }
};

}  // namespace linecast::sim
