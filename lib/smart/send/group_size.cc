#include "lib/smart/send/group_size.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace linecast::smart {

void GroupSize::join(TimeNs now) {
  const int64_t number = now / kBucketNs;
  Bucket& bucket = buckets_[static_cast<uint64_t>(number) % kBuckets];
  if (bucket.number != number) bucket = {number};
  const TimeNs refresh = std::max(kLeastRefreshNs, report_window_s_ * kNsPerSecond);
  bucket.receivers += 1;
  bucket.joined += static_cast<double>(now % kBucketNs) / kBucketNs;
  bucket.refresh += static_cast<double>(refresh) / kBucketNs;
}

// Which JOINs were the leaver's is not known: its share is taken off all of them.
void GroupSize::leave(TimeNs now) {
  const double all = weigh(now);
  const double factor = all > 1 ? (all - 1) / all : 0;
  for (Bucket& bucket : buckets_) {
    bucket.receivers *= factor;
    bucket.joined *= factor;
    bucket.refresh *= factor;
  }
}

double GroupSize::weigh(TimeNs now) const {
  const int64_t newest = now / kBucketNs;
  const double in_newest = static_cast<double>(now % kBucketNs) / kBucketNs;
  double sum = 0;
  for (const Bucket& bucket : buckets_) {
    const int64_t back = newest - bucket.number;
    if (back < 0 || back >= static_cast<int64_t>(kBuckets) || bucket.receivers <= 0) continue;
    const double age = static_cast<double>(back) + in_newest - bucket.joined / bucket.receivers;
    const double refresh = bucket.refresh / bucket.receivers;
    sum += bucket.receivers * std::clamp(1.5 - age / refresh, 0.0, 1.0);
  }
  return sum;
}

void GroupSize::update(TimeNs now) {
  size_ = std::min(kMost, static_cast<uint64_t>(std::llround(weigh(now))));
  const uint64_t seconds = (size_ + kReceiversASecond - 1) / kReceiversASecond;
  report_window_s_ = static_cast<uint16_t>(std::clamp<uint64_t>(seconds, 1, kLongestWindow));
}

uint8_t log2_group_size(uint64_t size) {
  return size <= 1 ? 0 : static_cast<uint8_t>(std::bit_width(size - 1));
}

}  // namespace linecast::smart
