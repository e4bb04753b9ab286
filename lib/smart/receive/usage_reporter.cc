#include "lib/smart/receive/usage_reporter.h"

#include <algorithm>

namespace linecast::smart {

void UsageReporter::take_status(TimeNs now, Ipv4 hop, const SenderStatus& status) {
  if (hop != hop_ && hop_ != 0 && now - status_ns_ < kSilentAfter) return;
  const bool anew = hop != hop_ || status.start_number != start_number_;
  hop_ = hop;
  start_number_ = status.start_number;
  hop_time_us_ = status.hop_time_us;
  window_s_ = std::min(status.report_window_s, kLongestWindowS);
  status_ns_ = now;
  if (watching_from_ns_ == kNever) watching_from_ns_ = now;
  if (anew) joined_ = false;
  // Drawn anew where the window has shrunk, too: what was planned may be hours away.
  const TimeNs latest = now + (joined_ ? refresh_ns() * 3 / 2 : window_ns());
  if (!anew && due_ns_ <= latest) return;
  const TimeNs earliest = joined_ ? now + refresh_ns() / 2 : now;
  due_ns_ = earliest + static_cast<TimeNs>(random_.unit() * static_cast<double>(latest - earliest));
}

std::optional<UsageReport> UsageReporter::join(TimeNs now) {
  if (next_due() > now) return std::nullopt;
  if (now - status_ns_ >= kSilentAfter) {
    due_ns_ = kNever;  // its next SENDER_STATUS draws it anew, and soon
    joined_ = false;
    return std::nullopt;
  }
  joined_ = true;
  due_ns_ = now + static_cast<TimeNs>((0.5 + random_.unit()) * static_cast<double>(refresh_ns()));
  return report(now);
}

void UsageReporter::hasten(TimeNs now) {
  const auto within = static_cast<double>(std::max(kChangeNs, window_ns()));
  due_ns_ = std::min(due_ns_, now + static_cast<TimeNs>((0.5 + random_.unit()) * within));
}

std::optional<UsageReport> UsageReporter::leave(TimeNs now) {
  if (hop_ == 0) return std::nullopt;
  return report(now);
}

UsageReport UsageReporter::report(TimeNs now) const {
  const auto clipped = [](TimeNs n) { return static_cast<uint32_t>(std::min<TimeNs>(n, UINT32_MAX)); };
  return {group_, receiver_,
          UsageDetail{.echoed_hop_time_us = hop_time_us_,
                      .held_us = clipped((now - status_ns_) / kNsPerUs),
                      .watched_s = clipped((now - watching_from_ns_) / kNsPerSecond),
                      .receivers = 1}};
}

}  // namespace linecast::smart
