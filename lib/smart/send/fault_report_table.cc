#include "lib/smart/send/fault_report_table.h"

#include <algorithm>
#include <tuple>

namespace linecast::smart {
namespace {

bool is_recent(const FaultReportTable::Receiver& receiver, TimeNs now) {
  return now - receiver.heard_ns <= FaultReportTable::kRecentNs;
}

}  // namespace

std::string_view name_of_fault(size_t kind) {
  if (kind == kind_of(ErrorCode::kNone)) return "other_error";
  if (kind == kind_of(ProblemCode::kNone)) return "other_problem";
  return kind < kErrorCodeCount ? kErrorCodeTexts[kind].name : kProblemCodeTexts[kind - kErrorCodeCount].name;
}

void FaultReportTable::take(const HeardFault& heard) {
  if (heard.channel >= channels_.size()) return;
  Channel& channel = channels_[heard.channel];
  const size_t kind = fault_kind(heard.problem, heard.code);
  channel.totals.counts[kind] += heard.count;
  Receiver* receiver = place_for(channel, heard);
  if (receiver == nullptr) {
    ++channel.totals.unlisted;
    return;
  }
  receiver->address = heard.source;
  receiver->heard_ns = heard.time;
  ++receiver->reports;
  Fault& fault = receiver->faults[kind];
  fault.count += heard.count;
  ++fault.reports;
  fault.first_sequence = heard.first_sequence;
  fault.heard_ns = heard.time;
}

// The receiver's place, made where it has none; null where none can be made.
FaultReportTable::Receiver* FaultReportTable::place_for(Channel& channel, const HeardFault& heard) {
  std::vector<Receiver>& receivers = channel.receivers;
  const auto is_it = [&](const Receiver& receiver) {
    return receiver.id == heard.receiver && (receiver.id != 0 || receiver.address == heard.source);
  };
  if (const auto found = std::ranges::find_if(receivers, is_it); found != receivers.end()) return &*found;
  if (receivers.size() < kReceivers) return &receivers.emplace_back(Receiver{.id = heard.receiver});
  // What goes first is the least: silent ones, then those of one report, then the rest, each by age.
  const auto worth = [&](const Receiver& receiver) {
    const bool recent = is_recent(receiver, heard.time);
    return std::tuple(recent, recent && receiver.reports > 1, receiver.heard_ns);
  };
  Receiver& least = *std::ranges::min_element(receivers, {}, worth);
  if (is_recent(least, heard.time) && !channel.recent_evictions.take(heard.time, 1)) return nullptr;
  ++channel.totals.evicted;
  least = Receiver{.id = heard.receiver};
  return &least;
}

size_t FaultReportTable::recent(size_t channel, TimeNs now) const {
  return static_cast<size_t>(std::ranges::count_if(
      channels_[channel].receivers, [&](const Receiver& receiver) { return is_recent(receiver, now); }));
}

}  // namespace linecast::smart
