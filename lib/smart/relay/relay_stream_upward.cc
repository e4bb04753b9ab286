// What a repeater says to the hop above.
#include <algorithm>
#include <utility>

#include "lib/smart/relay/relay_stream.h"
#include "lib/smart/trailer.h"

namespace linecast::smart {
namespace {

// As a receiver counts it.
constexpr TimeNs kSilenceNs = 5 * kNsPerSecond;

}  // namespace

// Adds the trailer where the channel has them.
Bytes RelayStream::sign(crypto::Manager& manager, MutableBytes buffer, size_t size, uint64_t count) {
  if (keys_ != nullptr)
    size = append_cmac_trailer(manager, keys_->up, {settings_.receiver_id, keys_->key_id, count}, synch_code_,
                               buffer, size);
  return Bytes(buffer).first(size);
}

// Its count is 0: after a long silence any other would be too old to be taken.
Bytes RelayStream::take_tunnel_message(crypto::Manager& manager, TimeNs now, MutableBytes buffer) {
  const auto message = tunnel_ ? tunnel_->take_due(now) : std::nullopt;
  return message ? sign(manager, buffer, encode(message->command, message->body, buffer), 0) : Bytes{};
}

Bytes RelayStream::sign_request(crypto::Manager& manager, const PairList& pairs, MutableBytes buffer) {
  const Bytes request = sign(manager, buffer, encode(Replacement{place_above().group, pairs}, buffer));
  if (!request.empty()) counters_.add(ReceiveCounter::kRequestsSent);
  return request;
}

Bytes RelayStream::take_join(crypto::Manager& manager, TimeNs now, uint32_t receivers, MutableBytes buffer) {
  if (receivers != receivers_told_ && !std::exchange(told_soon_, true)) usage_.hasten(now);
  std::optional<UsageReport> join = usage_.join(now);
  if (!join) return {};
  join->group = place_above().group;
  join->detail->receivers = receivers_told_ = receivers;
  told_soon_ = false;
  counters_.add(ReceiveCounter::kJoins);
  return sign(manager, buffer, encode(MessageCommand::kUsageReportJoin, *join, buffer));
}

Bytes RelayStream::take_leave(crypto::Manager& manager, TimeNs now, uint32_t receivers, MutableBytes buffer) {
  std::optional<UsageReport> leave = usage_.leave(now);
  if (!leave) return {};
  leave->group = place_above().group;
  leave->detail->receivers = receivers;
  counters_.add(ReceiveCounter::kLeaves);
  return sign(manager, buffer, encode(MessageCommand::kUsageReportLeave, *leave, buffer));
}

Bytes RelayStream::take_report(crypto::Manager& manager, TimeNs now, MutableBytes buffer) {
  const Hop* hop = requester_.hops().latest();
  while (auto report = faults_.take(now, hop != nullptr ? hop->log2_group_size : 0)) {
    const bool error = report->command == MessageCommand::kErrorReport;
    // Before anything was taken an ERROR_REPORT would be refused for its count.
    if (error && !running()) continue;
    if (keys_ == nullptr) report->fault.first_sequence &= 0xffff;  // all that the sender told of it
    report->fault.concerning = place_above().group;
    counters_.add(error ? ReceiveCounter::kErrorReports : ReceiveCounter::kProblemReports);
    return sign(manager, buffer, encode(report->command, report->fault, buffer));
  }
  return {};
}

// Where nobody was heard there is nobody to tell: the hop above has been named, so it is told all the same.
void RelayStream::note_silence(TimeNs now) {
  if (silence_noted_ns_ == kNever) silence_noted_ns_ = now;
  if (heard_ns_ != kNever) silence_noted_ns_ = std::max(silence_noted_ns_, heard_ns_);
  if (now - silence_noted_ns_ < kSilenceNs) return;
  silence_noted_ns_ = now;
  faults_.add(ProblemCode::kNothingReceived, 1, running() ? requester_.next() : 0);
}

}  // namespace linecast::smart
