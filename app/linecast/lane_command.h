// What the control lcore asks of a lane: made and kept by the control lcore until the lane has counted it as
// done.
#pragma once

#include <cstddef>

namespace linecast::app {

struct Announcement;

struct LaneCommand {
  enum class Kind : unsigned char {
    kAnnounce,    // index: channel. Its keys from now on
    kLinkUp,      // index: port. Hosts on it announce themselves anew
    kPausePort,   // index: port. Leave it alone
    kResumePort,  // index: port
  };
  Kind kind = Kind::kAnnounce;
  size_t index = 0;
  const Announcement* announcement = nullptr;
};

}  // namespace linecast::app
