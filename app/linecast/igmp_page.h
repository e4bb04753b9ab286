// A part of what an interface's IGMP knows, copied out by its lane for the control lcore (`linecast show
// igmp`).
#pragma once

#include <array>

#include "lib/igmp/host.h"
#include "lib/igmp/querier.h"

namespace linecast::app {

struct IgmpPage {
  static constexpr size_t kRows = 32;  // bounds the lane's turn

  // Set by the control lcore: the first row of each table.
  size_t from = 0;
  // Written by the lane.
  igmp::HostStatus host;
  std::array<igmp::MembershipRow, kRows> joined;
  size_t joined_count = 0;
  bool has_querier = false;
  igmp::QuerierStatus querier;
  std::array<igmp::HeardGroupRow, kRows> heard;
  size_t heard_count = 0;
};

}  // namespace linecast::app
