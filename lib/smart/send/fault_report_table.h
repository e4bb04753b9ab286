// What receivers complain of: the ERROR_REPORTs and PROBLEM_REPORTs of each channel, in all and for each of
// the receivers that were heard last. One thread; no clock.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "lib/base/ipv4.h"
#include "lib/base/token_bucket.h"
#include "lib/smart/fault_codes.h"

namespace linecast::smart {

// The kinds of fault that are told apart: those of either message's codes, and at the place of code 0, which
// is never sent, codes that are not known here.
inline constexpr size_t kFaultKinds = kErrorCodeCount + kProblemCodeCount;
constexpr size_t kind_of(ErrorCode code) { return static_cast<size_t>(code); }
constexpr size_t kind_of(ProblemCode code) { return kErrorCodeCount + static_cast<size_t>(code); }
// code: off the wire.
constexpr size_t fault_kind(bool problem, uint32_t code) {
  if (problem) return kErrorCodeCount + (code < kProblemCodeCount ? code : 0);
  return code < kErrorCodeCount ? code : 0;
}
std::string_view name_of_fault(size_t kind);

// A report that was found good: as a lane gives it to the control lcore.
struct HeardFault {
  TimeNs time = 0;
  uint64_t receiver = 0;  // its id; 0: of a clear channel
  uint32_t channel = 0;   // index
  Ipv4 source = 0;        // where it came from
  bool problem = false;   // PROBLEM_REPORT, else ERROR_REPORT
  uint32_t code = 0;
  uint32_t count = 0;  // since the receiver's last report of the code
  uint32_t first_sequence = 0;
};

class FaultReportTable {
 public:
  // Of a channel. A further one takes the place of one that has been silent for kRecentNs: of the one that
  // was heard least lately. Where there is none, of one that has reported only once, or else of any, but only
  // one a second: who reports again and again stays in the table whoever makes up others meanwhile, and who
  // was kept out by them gets in with the first report after that.
  static constexpr size_t kReceivers = 64;
  static constexpr TimeNs kRecentNs = 60 * kNsPerSecond;
  static constexpr uint64_t kRecentEvictionsASecond = 1;

  struct Fault {
    uint64_t count = 0;           // as reported, since the receiver is in the table
    uint64_t reports = 0;         // in which
    uint32_t first_sequence = 0;  // of the last of these
    TimeNs heard_ns = 0;          // that one
  };
  struct Receiver {
    uint64_t id = 0;   // 0: of a clear channel, told apart by its address
    Ipv4 address = 0;  // of its last report
    TimeNs heard_ns = 0;
    uint64_t reports = 0;
    std::array<Fault, kFaultKinds> faults;
  };
  struct Totals {
    std::array<uint64_t, kFaultKinds>
        counts{};           // of all reports, also of receivers that are not in the table
    uint64_t evicted = 0;   // receivers that made room
    uint64_t unlisted = 0;  // reports of receivers for which no room could be made
  };

  // Takes no memory for a channel before its first report.
  explicit FaultReportTable(size_t channels) : channels_(channels) {}

  // Nothing for a channel beyond the last.
  void take(const HeardFault& fault);

  // Another channel stands in its place from now on.
  void clear(size_t channel) { channels_[channel] = {}; }

  // In no order.
  std::span<const Receiver> receivers(size_t channel) const { return channels_[channel].receivers; }
  const Totals& totals(size_t channel) const { return channels_[channel].totals; }
  // How many of the receivers in the table were heard within the last kRecentNs.
  size_t recent(size_t channel, TimeNs now) const;

 private:
  struct Channel {
    std::vector<Receiver> receivers;  // at most kReceivers
    Totals totals;
    TokenBucket recent_evictions{kRecentEvictionsASecond, 1};
  };
  static Receiver* place_for(Channel& channel, const HeardFault& fault);

  std::vector<Channel> channels_;
};

}  // namespace linecast::smart
