#include "app/linecast/port_keeper.h"

#include <fmt/core.h>

#include <algorithm>

#include "lib/base/error.h"

namespace linecast::app {
namespace {

constexpr TimeNs kRetryNs = kNsPerSecond;

}  // namespace

PortKeeper::PortKeeper(drivers::Port& port, size_t port_index,
                       const std::vector<std::unique_ptr<Lane>>& lanes)
    : port_(port), index_(port_index), lanes_(lanes), link_up_(port.link_up()), calls_(lanes.size()) {}

void PortKeeper::tell(LaneCommand::Kind kind) {
  for (size_t i = 0; i < lanes_.size(); ++i) {
    calls_[i].command.kind = kind;
    calls_[i].command.index = index_;
    calls_[i].issue(*lanes_[i]);
  }
}

void PortKeeper::tick(TimeNs now) {
  if (!std::ranges::all_of(calls_, &LaneCall::done)) return;  // the lanes still have the last commands
  switch (state_) {
    case State::kRunning:
      if (reset_asked_ || port_.wants_reset()) {
        reset_asked_ = false;
        tell(LaneCommand::Kind::kPausePort);
        state_ = State::kPausing;
      } else if (const bool up = port_.link_up(); up != link_up_) {
        link_up_ = up;
        ++link_changes_;
        say(up ? "its link is up" : "its link is down");
        if (up) tell(LaneCommand::Kind::kLinkUp);
      }
      return;
    case State::kPausing:
      if (now >= next_try_) set_up(now);
      return;
    case State::kResuming:
      // Lanes have the port back: now its hosts may speak.
      tell(LaneCommand::Kind::kLinkUp);
      state_ = State::kRunning;
      return;
  }
}

void PortKeeper::set_up(TimeNs now) {
  try {
    port_.reset();
  } catch (const Error& error) {
    next_try_ = now + kRetryNs;
    if (error_ != error.what()) fmt::print(stderr, "linecast: {} (tried again every second)\n", error.what());
    error_ = error.what();
    return;
  }
  error_.clear();
  ++resets_;
  link_up_ = port_.link_up();
  say("was set up anew");
  tell(LaneCommand::Kind::kResumePort);
  state_ = State::kResuming;
}

void PortKeeper::say(const std::string& what) const {
  fmt::print(stderr, "linecast: port {}: {}\n", port_.name(), what);
}

}  // namespace linecast::app
