#include "lib/smart/receive/fault_reporter.h"

#include <algorithm>

namespace linecast::smart {
namespace {

constexpr size_t kErrors = kErrorCodeCount - 1;
constexpr uint8_t kMostLog2GroupSize = 32;

}  // namespace

void FaultReporter::add(ErrorCode code, uint64_t count, uint64_t first_sequence) {
  add(static_cast<size_t>(code) - 1, count, first_sequence);
}

void FaultReporter::add(ProblemCode code, uint64_t count, uint64_t first_sequence) {
  add(kErrors + static_cast<size_t>(code) - 1, count, first_sequence);
}

void FaultReporter::add(size_t index, uint64_t count, uint64_t first_sequence) {
  Kind& kind = kinds_[index];
  if (kind.count == 0) kind.first_sequence = first_sequence;
  kind.count += count;
  if (kind.due_ns == kNever) next_due_ = INT64_MIN;  // to be planned
}

std::optional<FaultReporter::Report> FaultReporter::take(TimeNs now, uint8_t log2_group_size) {
  if (next_due_ > now) return std::nullopt;
  const uint64_t group = uint64_t{1} << std::min(log2_group_size, kMostLog2GroupSize);
  const auto whole_group = static_cast<TimeNs>(group * kKinds * (kNsPerSecond / kReportsASecond));
  const TimeNs spread = std::max(kLeastSpreadNs, whole_group);
  const TimeNs window = std::max(kLeastWindowNs, whole_group);
  next_due_ = kNever;
  for (size_t i = 0; i < kKinds; ++i) {
    Kind& kind = kinds_[i];
    if (kind.count == 0) continue;
    // Drawn anew where the group has shrunk, too: what was planned may be weeks away.
    if (kind.due_ns == kNever || kind.due_ns > now + window + spread) {
      kind.begin_ns = std::max(now, kind.last_begin_ns + window);
      kind.due_ns = kind.begin_ns + static_cast<TimeNs>(random_.unit() * static_cast<double>(spread));
    }
    if (kind.due_ns > now) {
      next_due_ = std::min({next_due_, kind.due_ns, now + kLeastWindowNs});
      continue;
    }
    const bool error = i < kErrors;
    const Report report{error ? MessageCommand::kErrorReport : MessageCommand::kProblemReport,
                        {receiver_, group_, static_cast<uint32_t>(error ? i + 1 : i + 1 - kErrors),
                         static_cast<uint32_t>(std::min<uint64_t>(kind.count, UINT32_MAX)),
                         static_cast<uint32_t>(kind.first_sequence)}};
    kind = {.last_begin_ns = kind.begin_ns};
    next_due_ = now;  // there may be more
    return report;
  }
  return std::nullopt;
}

}  // namespace linecast::smart
