// How many ask a hop, and report to it, from their JOINs and LEAVEs, with no table of them. One thread at a
// time; fixed memory.
//
// Each JOIN counts for one, its sender, whatever it says of receivers behind that: it is who asks that
// decides how long they should wait before they do, and who reports how far reports are to be spread. A
// repeater asks once for all behind it.
//
// A receiver sends its next JOIN R x uniform(0.5, 1.5) after the last, R = max(60 s, report window). So a
// JOIN of age a is its receiver's last one with the probability S(a) that the next has not come yet: 1 up to
// R / 2, falling to 0 at 3 R / 2. The sum of S over all JOINs has the group's size as its mean at any time,
// in the rush at the start as well as later, and a standard deviation of at most half the square root of the
// size. Beside that: JOINs that are lost on the way are missing until the next, and who goes without a LEAVE
// stays for R on average. Each JOIN is weighed with the report window of its own time: with the present one
// instead, a larger estimate would make a larger window, and that a larger estimate.
//
// How fast one sender's JOINs count is for the caller to limit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/time.h"

namespace linecast::smart {

class GroupSize {
 public:
  static constexpr uint64_t kMost = 1 << 24;             // receivers
  static constexpr uint32_t kReceiversASecond = 10'000;  // that JOINs may bring by the report window
  static constexpr uint16_t kLongestWindow = 600;        // s

  void join(TimeNs now);
  void leave(TimeNs now);

  // Brings the two below up to date: for once a second, with SENDER_STATUS.
  void update(TimeNs now);
  uint64_t size() const { return size_; }  // 0: nobody has reported
  // W of SENDER_STATUS: size / kReceiversASecond, 1 .. kLongestWindow seconds.
  uint16_t report_window_s() const { return report_window_s_; }

 private:
  static constexpr TimeNs kBucketNs = 10 * kNsPerSecond;
  static constexpr TimeNs kLeastRefreshNs = 60 * kNsPerSecond;
  // As long as the oldest JOIN that counts, and the bucket that is being filled.
  static constexpr size_t kBuckets = 3 * kLongestWindow / 2 / 10 + 1;

  struct Bucket {
    int64_t number = INT64_MIN / 2;  // of its time: now / kBucketNs
    double receivers = 0;
    // Of all receivers, to be divided by them: when they joined, from the bucket's beginning, and R then; in
    // kBucketNs.
    double joined = 0;
    double refresh = 0;
  };
  double weigh(TimeNs now) const;

  std::array<Bucket, kBuckets> buckets_;
  uint64_t size_ = 0;
  uint16_t report_window_s_ = 1;
};

// For SENDER_STATUS: the least n with 2^n >= size.
uint8_t log2_group_size(uint64_t size);

}  // namespace linecast::smart
