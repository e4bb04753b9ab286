// What the control lcore asks of a lane: made and kept by the control lcore until the lane has counted it as
// done.
#pragma once

#include <cstddef>
#include <cstdint>

namespace linecast::smart {
class TunnelList;
}

namespace linecast::smart {
struct RelayEpochs;
}

namespace linecast::app {

class HopTunnels;
struct Announcement;
struct HopMove;
struct IgmpPage;
struct LaneChange;
struct UpstreamMove;

// Written by the control lcore, read by the lane from command() until it has counted it as done.
struct LaneCommand {
  enum class Kind : unsigned char {
    kAnnounce,    // index: slot. Its channel's keys from now on
    kFollow,      // index: slot. What its relay follows from now on: `epochs`
    kFollowMove,  // index: slot. The hop above its relay is to be followed by `upstream_move`
    kMove,        // index: slot. `move` is the next phase of its hop's move
    kLinkUp,      // index: port. Hosts on it announce themselves anew
    kPausePort,   // index: port. Leave it alone
    kResumePort,  // index: port
    kShowIgmp,    // index: interface. Fill `page`
    kChange,      // carry out `change`
    kTunnels,     // index: slot. Its channel goes to those of `tunnel_list` as well, from now on
    kTunnelRate,  // of each port, for tunnels: `tunnel_rate_bps`
  };
  Kind kind = Kind::kAnnounce;
  size_t index = 0;
  const Announcement* announcement = nullptr;
  const smart::RelayEpochs* epochs = nullptr;  // the relay's until another command has brought the next
  const UpstreamMove* upstream_move = nullptr;
  const HopMove* move = nullptr;
  IgmpPage* page = nullptr;  // written by the lane, read by the control lcore once the command is done
  LaneChange* change = nullptr;
  HopTunnels* tunnels = nullptr;  // null: none any more
  const smart::TunnelList* tunnel_list = nullptr;
  uint64_t tunnel_rate_bps = 0;
};

}  // namespace linecast::app
