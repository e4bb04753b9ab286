// A channel's way to another group, on the control lcore: announced for a while, then sent to both, then to
// the new one alone (docs/protocol.md, "Moving"). Signs what announces it, and hands each phase to the lane.
#pragma once

#include "app/linecast/lane_call.h"
#include "lib/lineup/lineup.h"

namespace linecast::app {

class ChannelMove {
 public:
  // Receivers need some seconds to see that the new group works before they ask there.
  static constexpr uint64_t kOverlapS = 10, kLeastOverlapS = 5, kMostOverlapS = 3600;
  static constexpr TimeNs kLeadNs = kNsPerSecond;  // ten announcements before anything goes to the new group

  struct Setup {
    size_t slot = 0;
    lineup::Output from, to;
    HopPlace place;  // of `to`
    // Null: a clear channel. The next two are the trailer's: count rises with each move of any channel.
    const crypto::SigningKey* signing_key = nullptr;
    uint64_t start_number = 0, count = 0;
    uint8_t synch_code = 0;
    uint64_t next_sequence = 0;  // of the stream, now
    uint64_t bitrate_cap_bps = 0;
    TimeNs now = 0, overlap_ns = 0;
  };
  // Throws Error where it cannot be signed.
  explicit ChannelMove(const Setup& setup);
  ChannelMove(const ChannelMove&) = delete;
  ChannelMove& operator=(const ChannelMove&) = delete;

  // About ten times a second. True where the lane has carried out the last phase: nothing is read from here
  // any more.
  bool tick(TimeNs now, Lane& lane);

  size_t slot() const { return slot_; }
  const lineup::Output& from() const { return from_; }
  const lineup::Output& to() const { return to_; }
  bool sends_to_both() const { return issued_ >= 2; }
  TimeNs ends_ns() const { return ends_ns_; }

 private:
  const size_t slot_;
  const lineup::Output from_, to_;
  const TimeNs both_ns_, ends_ns_;
  std::array<HopMove, 3> phases_;  // read by the lane
  size_t issued_ = 0;              // of the phases
  LaneCall call_;
};

}  // namespace linecast::app
