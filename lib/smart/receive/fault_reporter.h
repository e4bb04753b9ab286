// Which faults a receiver tells its hop of, and when: at most one report of a code in a window, at a random
// time, so that a fault which a whole group shares does not bring a flood. No key and no socket; one thread.
#pragma once

#include <array>
#include <optional>

#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/smart/fault_codes.h"
#include "lib/smart/wire.h"

namespace linecast::smart {

class FaultReporter {
 public:
  static constexpr TimeNs kLeastWindowNs = 10 * kNsPerSecond;
  static constexpr TimeNs kLeastSpreadNs = kNsPerSecond;
  static constexpr uint64_t kReportsASecond = 10'000;  // of a whole group, of all codes

  // group, receiver: as the reports name them. random must outlive it.
  FaultReporter(Ipv4 group, Ipv4 receiver, Random& random)
      : group_(group), receiver_(receiver), random_(random) {}

  // `count` more; first_sequence: full, 0 where there is none.
  void add(ErrorCode code, uint64_t count, uint64_t first_sequence);
  void add(ProblemCode code, uint64_t count, uint64_t first_sequence);

  // When take() has something to do; in the past where something was added since.
  TimeNs next_due() const { return next_due_; }

  struct Report {
    MessageCommand command = MessageCommand::kErrorReport;
    FaultReport fault;
  };
  // A report that is due; call until there is none. log2_group_size: of the hop that is told, as it is now.
  std::optional<Report> take(TimeNs now, uint8_t log2_group_size);

 private:
  struct Kind {
    uint64_t count = 0;  // since the last report
    uint64_t first_sequence = 0;
    TimeNs due_ns = kNever;                // kNever: nothing is planned
    TimeNs begin_ns = 0;                   // of the window that it is planned in
    TimeNs last_begin_ns = INT64_MIN / 2;  // of its last report's: the next is a window later
  };
  static constexpr size_t kKinds = (kErrorCodeCount - 1) + (kProblemCodeCount - 1);

  void add(size_t kind, uint64_t count, uint64_t first_sequence);

  const Ipv4 group_, receiver_;
  Random& random_;
  std::array<Kind, kKinds> kinds_;  // errors first, then problems
  TimeNs next_due_ = kNever;
};

}  // namespace linecast::smart
