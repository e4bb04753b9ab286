#include "app/linecast/port_keeper.h"

#include <fmt/core.h>

#include "lib/base/error.h"

namespace linecast::app {
namespace {

constexpr TimeNs kRetryNs = kNsPerSecond;

}  // namespace

PortKeeper::PortKeeper(drivers::Port& port, size_t port_index,
                       const std::vector<std::unique_ptr<Lane>>& lanes)
    : port_(port),
      index_(port_index),
      lanes_(lanes),
      link_up_(port.link_up()),
      commands_(lanes.size()),
      numbers_(lanes.size()) {}

void PortKeeper::tell(LaneCommand::Kind kind) {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    commands_[i].kind = kind;
    commands_[i].index = index_;
    numbers_[i] = lanes_[i]->command(commands_[i]);
  }
}

bool PortKeeper::all_done() const {
  for (size_t i = 0; i < lanes_.size(); ++i)
    if (!lanes_[i]->has_done(numbers_[i])) return false;
  return true;
}

void PortKeeper::tick(TimeNs now) {
  if (!all_done()) return;  // the commands are still the lanes'
  switch (state_) {
    case State::kRunning:
      if (reset_asked_ || port_.wants_reset()) {
        reset_asked_ = false;
        tell(LaneCommand::Kind::kPausePort);
        state_ = State::kPausing;
        return;
      }
      if (const bool up = port_.link_up(); up != link_up_) {
        link_up_ = up;
        ++link_changes_;
        if (up) tell(LaneCommand::Kind::kLinkUp);
      }
      return;
    case State::kPausing:
      set_up(now);
      return;
    case State::kSettingUp:
      // Lanes have the port back: now its hosts may speak.
      tell(LaneCommand::Kind::kLinkUp);
      state_ = State::kRunning;
      return;
  }
}

void PortKeeper::set_up(TimeNs now) {
  if (now < next_try_) return;
  try {
    port_.reset();
  } catch (const Error& error) {
    fmt::print(stderr, "linecast: {}\n", error.what());
    next_try_ = now + kRetryNs;
    return;
  }
  ++resets_;
  link_up_ = port_.link_up();
  tell(LaneCommand::Kind::kResumePort);
  state_ = State::kSettingUp;
}

}  // namespace linecast::app
