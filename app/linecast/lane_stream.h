// What a lane has in a slot: a headend's channel, or a repeater's; or nothing.
#pragma once

#include <memory>

#include "app/linecast/lane_channel.h"
#include "app/linecast/lane_relay.h"

namespace linecast::app {

struct LaneStream {
  LaneStream() = default;
  LaneStream(std::unique_ptr<LaneChannel> of_headend) : channel(std::move(of_headend)) {}
  LaneStream(std::unique_ptr<LaneRelay> of_repeater) : relay(std::move(of_repeater)) {}

  std::unique_ptr<LaneChannel> channel;
  std::unique_ptr<LaneRelay> relay;  // one of the two at most

  // Null where there is neither.
  LaneHop* hop() const {
    if (channel != nullptr) return channel.get();
    return relay.get();
  }
};

}  // namespace linecast::app
