// What the control lcore asks of a lane.
#include "app/linecast/lane.h"

namespace linecast::app {
namespace {

constexpr unsigned kCommandsPerTurn = 4;

}  // namespace

bool Lane::poll_commands(TimeNs now) {
  std::array<LaneCommand*, kCommandsPerTurn> commands;
  const unsigned count = commands_.pop(commands.data(), kCommandsPerTurn);
  for (unsigned k = 0; k < count; ++k) {
    carry_out(*commands[k], now);
    counters_.add(LaneCounter::kCommandsDone);
  }
  return count > 0;
}

void Lane::carry_out(const LaneCommand& command, TimeNs now) {
  switch (command.kind) {
    case LaneCommand::Kind::kAnnounce:
      channels_[command.index]->take(*command.announcement);
      break;
    case LaneCommand::Kind::kLinkUp:
      for (LaneInterface& interface : interfaces_)
        if (interface.port == command.index && interface.host != nullptr) {
          interface.host->link_up(now);
          hosts_due_ = 0;
        }
      break;
    case LaneCommand::Kind::kPausePort:
      flush(command.index);
      ports_[command.index].paused = true;
      break;
    case LaneCommand::Kind::kResumePort:
      ports_[command.index].paused = false;
      break;
    case LaneCommand::Kind::kShowIgmp:
      interfaces_[command.index].host->show_igmp(now, *command.page);
      break;
  }
}

}  // namespace linecast::app
