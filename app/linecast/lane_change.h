// What a reload changes of a running lane: prepared by the control lcore, carried out by the lane, a few
// steps a turn.
#pragma once

#include <memory>
#include <tuple>
#include <vector>

#include "app/linecast/directory.h"
#include "app/linecast/lane_stream.h"

namespace linecast::app {

// The lane's from the command that brings it until that is done; before and after, the control lcore's.
struct LaneChange {
  struct Swap {
    size_t slot = 0;
    LaneStream stream;  // what is to stand there; afterwards what stood there
  };
  struct Adjustment {
    size_t slot = 0;
    ChannelTerms terms;
  };
  struct RelayAdjustment {
    size_t slot = 0;
    RelayTerms terms;
  };
  struct Membership {
    size_t interface = 0;  // whose host is on this lane
    Ipv4 group = 0;
    Ipv4 source = 0;  // 0: any
    // By which lists of them are sorted.
    std::tuple<size_t, Ipv4, Ipv4> key() const { return {interface, group, source}; }
  };

  std::vector<Swap> swaps;
  std::vector<Adjustment> adjustments;
  std::vector<RelayAdjustment> relay_adjustments;
  std::vector<Membership> joins, leaves;
  const Directory* directory = nullptr;  // null: it stays as it is

  size_t done = 0;  // written by the lane: steps of the lists, in their order

  size_t steps() const {
    return swaps.size() + adjustments.size() + relay_adjustments.size() + joins.size() + leaves.size();
  }
  bool empty() const { return steps() == 0 && directory == nullptr; }
};

}  // namespace linecast::app
