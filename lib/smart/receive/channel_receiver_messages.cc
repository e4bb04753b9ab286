// What the messages of hops and senders do to a receiver.
#include <algorithm>

#include "lib/base/serial.h"
#include "lib/smart/receive/channel_receiver.h"
#include "lib/smart/trailer.h"

namespace linecast::smart {
namespace {

constexpr TimeNs kLongestQuietNs = kNsPerSecond;
constexpr uint16_t kLeastRoundTripMs = 1, kMostRoundTripMs = 2000;
constexpr uint8_t kMostLog2GroupSize = 32;

bool is(const Split& split, MessageCommand command) {
  return split.header.type == PacketType::kMessage && split.header.command == static_cast<uint8_t>(command);
}

bool is(const Split& split, ReplacementCommand command) {
  return split.header.type == PacketType::kReplacement &&
         split.header.command == static_cast<uint8_t>(command);
}

}  // namespace

void ChannelReceiver::receive_message(TimeNs now, Bytes datagram, Ipv4 source) {
  Split split;
  const WireFault fault = split_message(datagram, split);
  if (fault != WireFault::kNone) {
    wire_faults_.add(fault);
    return;
  }
  SenderStatus status;
  Quiet quiet;
  if (is(split, MessageCommand::kKeyAnnounce)) {
    take_key_announce(now, datagram);
  } else if (is(split, MessageCommand::kSenderStatus) && decode(split.body, status)) {
    if (status.group != settings_.group) return counters_.add(ReceiveCounter::kWrongGroup);
    if (Hop* hop = speaker(now, datagram, split, source)) take_status(status, *hop);
  } else if (is(split, ReplacementCommand::kQuiet) && decode(split.body, quiet)) {
    if (quiet.group != settings_.group) return counters_.add(ReceiveCounter::kWrongGroup);
    if (const Hop* hop = speaker(now, datagram, split, source)) take_quiet(now, quiet, *hop);
  } else {
    counters_.add(ReceiveCounter::kNotForReceivers);
  }
}

void ChannelReceiver::take_key_announce(TimeNs now, Bytes datagram) {
  if (!settings_.encrypted) {
    counters_.add(ReceiveCounter::kSealedOnClear);
    return report_once(ReceiverEvent::kSealedOnClear);
  }
  KeyAnnounce announce;
  const KeyAnnounceResult result = acceptor_.accept(now, datagram, announce);
  announces_.add(result);
  if (result == KeyAnnounceResult::kUntrusted || result == KeyAnnounceResult::kBadSignature)
    report_once(ReceiverEvent::kUntrusted);
  old_announced_ = old_announced_ || result == KeyAnnounceResult::kOld;
  if (result == KeyAnnounceResult::kOld && now - opener_.opened_ns() >= StreamOpener::kSilentAfter)
    report_once(ReceiverEvent::kOldStart);
  if (result != KeyAnnounceResult::kAccepted) return;
  bool keys_held = true;
  switch (opener_.follow(now, announce, keys_held)) {
    case StreamOpener::Followed::kNewStream:
      return new_stream(keys_held);
    case StreamOpener::Followed::kSameStream:
      reported_ &= ~(1u << static_cast<unsigned>(ReceiverEvent::kNoKey));
      if (!keys_held) {
        counters_.add(ReceiveCounter::kKeyNotHeld);
        report_once(ReceiverEvent::kKeyNotHeld);
      }
      return retry_waiting();
    case StreamOpener::Followed::kStandby:
      return;
  }
}

void ChannelReceiver::new_stream(bool keys_held) {
  if (running_) {
    counters_.add(ReceiveCounter::kRestarts);
    output_.report(ReceiverEvent::kRestart);
  }
  running_ = false;  // what is held of the old stream is played by its own times
  bad_tags_in_a_row_ = 0;
  old_announced_ = false;
  reported_ &= 1u << static_cast<unsigned>(ReceiverEvent::kStreamBegins);
  if (!keys_held) {
    counters_.add(ReceiveCounter::kKeyNotHeld);
    report_once(ReceiverEvent::kKeyNotHeld);
  }
  retry_waiting();
}

// The hop that says so, where that can be believed; else counted.
Hop* ChannelReceiver::speaker(TimeNs now, Bytes datagram, const Split& split, Ipv4 source) {
  if (split.trailer.empty() == settings_.encrypted) {
    counters_.add(settings_.encrypted ? ReceiveCounter::kNotSealed : ReceiveCounter::kSealedOnClear);
    return nullptr;
  }
  TrailerFields fields;
  if (settings_.encrypted) {
    fields = read_trailer(split.trailer);
    const MemberKeys::Member* member = members_.find(fields.key_id);
    if (member == nullptr || split.trailer.size() != kCmacTrailerSize ||
        !verify_cmac_trailer(manager_, member->down, datagram)) {
      counters_.add(ReceiveCounter::kBadTrailer);
      return nullptr;
    }
    if (!hops_.fresh(source, fields.id, fields.count)) {
      counters_.add(ReceiveCounter::kStaleMessage);
      return nullptr;
    }
  }
  Hop* hop = hops_.heard(source, now);
  if (hop == nullptr) {
    counters_.add(ReceiveCounter::kHopOverflow);
    return nullptr;
  }
  hop->start_number = fields.id;
  hop->count = fields.count;
  return hop;
}

void ChannelReceiver::take_status(const SenderStatus& status, Hop& hop) {
  counters_.add(ReceiveCounter::kSenderStatus);
  hop.status_known = true;
  hop.round_trip_ns = std::clamp(status.round_trip_ms, kLeastRoundTripMs, kMostRoundTripMs) * kNsPerMs;
  hop.log2_group_size = std::min(status.log2_group_size, kMostLog2GroupSize);
  if (settings_.encrypted || status.start_number <= clear_start_number_) return;
  if (clear_start_number_ != 0) {
    counters_.add(ReceiveCounter::kRestarts);
    output_.report(ReceiverEvent::kRestart);
    clear_.expect_start();
  }
  clear_start_number_ = status.start_number;
}

void ChannelReceiver::take_quiet(TimeNs now, const Quiet& quiet, const Hop& hop) {
  counters_.add(ReceiveCounter::kQuietMessages);
  const TimeNs longest = std::min(kLongestQuietNs, settings_.buffer_ns);
  const TimeNs duration = quiet.duration_ms * kNsPerMs;
  if (quiet.list.count == 0) {
    ask_from_ = std::max(ask_from_, now + std::min(duration, longest));
    return;
  }
  if (!running_) return;
  std::array<uint64_t, 17 * kMaxPairs> named;
  size_t count = 0;
  for (const SequencePair& pair : quiet.list.view()) {
    const uint64_t first = extend_serial(losses_.next() - 1, pair.sequence);
    named[count++] = first;
    for (unsigned bit = 0; bit < 16; ++bit)
      if (pair.mask >> bit & 1) named[count++] = first + 1 + bit;
  }
  losses_.hold(std::span(named).first(count),
               now + std::min(std::max(duration, 2 * hop.round_trip_ns), longest));
}

}  // namespace linecast::smart
