// What a receiver sends to its hop: requests, and reports of its use and its faults.
#include <algorithm>

#include "lib/base/serial.h"
#include "lib/smart/receive/channel_receiver.h"
#include "lib/smart/trailer.h"

namespace linecast::smart {
namespace {

// Silence is counted in spans of this: ten heartbeats and SENDER_STATUS would have come.
constexpr TimeNs kSilenceNs = 5 * kNsPerSecond;
// So many requests, over that long and four round trips, and not one repair: it is not loss.
constexpr uint64_t kUnansweredNoted = 20;
constexpr TimeNs kUnansweredNs = kNsPerSecond;
constexpr size_t kMaxReportSize = kCommonHeaderSize + 24 + kCmacTrailerSize;

}  // namespace

void ChannelReceiver::send_request(TimeNs now, Ipv4 hop, const PairList& pairs) {
  std::array<uint8_t, kMaxRequestSize> datagram;
  if (!send_upward(hop, datagram, encode(Replacement{reached(hop).group, pairs}, datagram))) return;
  counters_.add(ReceiveCounter::kRequestsSent);
  note_unanswered(now, hop, pairs);
}

uint64_t ChannelReceiver::answers() const {
  return counters_.get(ReceiveCounter::kRepairs) + counters_.get(ReceiveCounter::kUnneededRepairs) +
         counters_.get(ReceiveCounter::kAnsweredByOriginal);
}

void ChannelReceiver::note_unanswered(TimeNs now, Ipv4 hop, const PairList& pairs) {
  if (answers() != answers_seen_ || unanswered_ == 0) {
    answers_seen_ = answers();
    unanswered_ = 0;
    unanswered_since_ = now;
  }
  ++unanswered_;
  const Hop* asked = requester_.hops().find(hop);
  if (unanswered_ < kUnansweredNoted || asked == nullptr ||
      now - unanswered_since_ < kUnansweredNs + HopTable::kUnansweredAfter * asked->round_trip_ns)
    return;
  faults_.add(ProblemCode::kRequestsUnanswered, unanswered_,
              extend_serial(requester_.next() - 1, pairs.pairs[0].sequence));
  unanswered_ = 0;
}

// Where nobody is known to be told of it, silence is not counted.
TimeNs ChannelReceiver::silence_due() const {
  if (settings_.source == 0 && requester_.hops().latest() == nullptr) return kNever;
  return silent_since_ == kNever ? INT64_MIN : silent_since_ + kSilenceNs;
}

void ChannelReceiver::note_silence(TimeNs now) {
  if (silence_due() > now) return;
  if (silent_since_ == kNever) silent_since_ = now;
  for (const Hop& hop : requester_.hops().hops()) silent_since_ = std::max(silent_since_, hop.heard_ns);
  if (now - silent_since_ < kSilenceNs) return;
  silent_since_ = now;
  faults_.add(ProblemCode::kNothingReceived, 1, requester_.running() ? requester_.next() : 0);
}

void ChannelReceiver::send_reports(TimeNs now) {
  if (const auto join = usage_.join(now)) send_usage(usage_.hop(), MessageCommand::kUsageReportJoin, *join);
  const Hop* hop = requester_.hops().latest();
  const Ipv4 to = hop != nullptr ? hop->address : settings_.source;
  while (auto report = faults_.take(now, hop != nullptr ? hop->log2_group_size : 0)) {
    const bool error = report->command == MessageCommand::kErrorReport;
    // Before anything was opened an ERROR_REPORT would be refused for its count.
    if (to == 0 || (error && !requester_.running())) continue;
    if (!settings_.encrypted) report->fault.first_sequence &= 0xffff;  // all that the sender told of it
    report->fault.concerning = reached(to).group;
    std::array<uint8_t, kMaxReportSize> datagram;
    if (send_upward(to, datagram, encode(report->command, report->fault, datagram)))
      counters_.add(error ? ReceiveCounter::kErrorReports : ReceiveCounter::kProblemReports);
  }
}

void ChannelReceiver::leave(TimeNs now) {
  const UsageReport bare{settings_.group, settings_.address, std::nullopt};  // no SENDER_STATUS has come
  const Hop* hop = requester_.hops().latest();
  const Ipv4 to = usage_.hop() != 0 ? usage_.hop() : hop != nullptr ? hop->address : settings_.source;
  if (to != 0) send_usage(to, MessageCommand::kUsageReportLeave, usage_.leave(now).value_or(bare));
  for (TunnelClient& tunnel : tunnels_) tunnel.close(now);
  send_tunnel_messages(now);
}

void ChannelReceiver::send_usage(Ipv4 hop, MessageCommand command, UsageReport report) {
  report.group = reached(hop).group;
  std::array<uint8_t, kMaxReportSize> datagram;
  if (send_upward(hop, datagram, encode(command, report, datagram)))
    counters_.add(command == MessageCommand::kUsageReportJoin ? ReceiveCounter::kJoins
                                                              : ReceiveCounter::kLeaves);
}

bool ChannelReceiver::send_upward(Ipv4 hop, MutableBytes buffer, size_t size) {
  return send_with_count(highest_opened(), reached(hop).at, buffer, size);
}

// Adds the trailer where the channel has them. False where that cannot be done.
bool ChannelReceiver::send_with_count(uint64_t count, const FarEnd& to, MutableBytes buffer, size_t size) {
  if (settings_.encrypted) {
    const MemberKeys::Member* held = members_.find(key_id_);
    const MemberKeys::Member* member = held != nullptr ? held : members_.any();
    if (member == nullptr) return false;
    const TrailerFields fields{.id = settings_.receiver_id, .key_id = member->group.id, .count = count};
    const uint8_t code = synch_code_ != 0 ? synch_code_ : uint8_t{1};
    size = append_cmac_trailer(manager_, member->up, fields, code, buffer, size);
  }
  output_.send(to.address, to.port, Bytes(buffer).first(size));
  return size > 0;
}

}  // namespace linecast::smart
