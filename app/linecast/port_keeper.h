// Looks after one port while lanes run, on the control lcore: tells the lanes when its link has come up
// again, and sets it up anew when the card or the operator asks for it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/linecast/lane_call.h"
#include "drivers/port.h"
#include "lib/base/time.h"

namespace linecast::app {

class PortKeeper {
 public:
  // port_index: as lanes know it. All outlive the keeper.
  PortKeeper(drivers::Port& port, size_t port_index, const std::vector<std::unique_ptr<Lane>>& lanes);

  // Every 100 ms or so: a link that is down for less may go unnoticed. Returns at once but for a reset, which
  // takes as long as the card takes. What fails is said on standard error and tried again every second, the
  // port paused.
  void tick(TimeNs now);
  void ask_reset() { reset_asked_ = true; }

  bool running() const { return state_ == State::kRunning && !reset_asked_; }
  const std::string& error() const { return error_; }  // of the last try to set it up; empty: none
  uint64_t link_changes() const { return link_changes_; }
  uint64_t resets() const { return resets_; }

 private:
  enum class State : uint8_t { kRunning, kPausing, kResuming };

  void tell(LaneCommand::Kind kind);
  void set_up(TimeNs now);
  void say(const std::string& what) const;

  drivers::Port& port_;
  const size_t index_;
  const std::vector<std::unique_ptr<Lane>>& lanes_;
  State state_ = State::kRunning;
  bool link_up_;
  bool reset_asked_ = false;
  TimeNs next_try_ = 0;
  std::string error_;
  std::vector<LaneCall> calls_;  // by lane
  uint64_t link_changes_ = 0, resets_ = 0;
};

}  // namespace linecast::app
