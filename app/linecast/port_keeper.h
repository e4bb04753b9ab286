// Looks after one port while lanes run, on the control lcore: tells the lanes when its link has come up
// again, and sets it up anew when the card or the operator asks for it.
#pragma once

#include <vector>

#include "app/linecast/lane.h"
#include "drivers/port.h"
#include "lib/base/time.h"

namespace linecast::app {

class PortKeeper {
 public:
  // port_index: as lanes know it. All outlive the keeper.
  PortKeeper(drivers::Port& port, size_t port_index, const std::vector<std::unique_ptr<Lane>>& lanes);

  // Every 100 ms or so; never waits. Throws nothing: what fails is said on standard error and tried again.
  void tick(TimeNs now);
  void ask_reset() { reset_asked_ = true; }

  uint64_t link_changes() const { return link_changes_; }
  uint64_t resets() const { return resets_; }

 private:
  enum class State : uint8_t { kRunning, kPausing, kSettingUp };

  void tell(LaneCommand::Kind kind);
  bool all_done() const;
  void set_up(TimeNs now);

  drivers::Port& port_;
  const size_t index_;
  const std::vector<std::unique_ptr<Lane>>& lanes_;
  State state_ = State::kRunning;
  bool link_up_;
  bool reset_asked_ = false;
  TimeNs next_try_ = 0;
  std::vector<LaneCommand> commands_;  // by lane: the last one
  std::vector<uint64_t> numbers_;      // by lane: of it
  uint64_t link_changes_ = 0, resets_ = 0;
};

}  // namespace linecast::app
