// One command to one lane at a time, and whether the lane has carried it out.
#pragma once

#include "app/linecast/lane.h"
#include "lib/base/error.h"

namespace linecast::app {

// Control lcore only.
class LaneCall {
 public:
  LaneCommand command;  // to be changed only while done()

  // Throws Error where the lane's queue is full: it holds two calls of each slot, of which half are in
  // use but during a reload, one of each port and some beside, so that this is a mistake of ours.
  void issue(Lane& lane) {
    number_ = lane.command(command);
    if (number_ == 0) throw Error("a lane's command queue is full");
    lane_ = &lane;
  }
  bool done() const { return lane_ == nullptr || lane_->has_done(number_); }

 private:
  const Lane* lane_ = nullptr;  // null: never issued
  uint64_t number_ = 0;
};

}  // namespace linecast::app
