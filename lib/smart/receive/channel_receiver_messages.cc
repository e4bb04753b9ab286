// What the messages of hops and senders do to a receiver.
#include "lib/smart/receive/channel_receiver.h"
#include "lib/smart/trailer.h"

namespace linecast::smart {
namespace {

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
    if (!is_ours(status.group)) return counters_.add(ReceiveCounter::kWrongGroup);
    if (Hop* hop = speaker(now, datagram, split, source)) take_status(now, status, *hop);
  } else if (is(split, ReplacementCommand::kQuiet) && decode(split.body, quiet)) {
    if (!is_ours(quiet.group)) return counters_.add(ReceiveCounter::kWrongGroup);
    // Its MAC does not say when it was made: one of an earlier start can be sent again from any address.
    if (settings_.encrypted && !split.trailer.empty() && !requester_.hops().carries(source))
      return counters_.add(ReceiveCounter::kStrangers);
    Hop* hop = speaker(now, datagram, split, source);
    if (hop == nullptr) return;
    counters_.add(ReceiveCounter::kQuietMessages);
    requester_.take_quiet(now, quiet, *hop);
  } else if (is(split, MessageCommand::kAddrRangeChange)) {
    take_move(now, datagram, source);
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
  if (requester_.running()) {
    counters_.add(ReceiveCounter::kRestarts);
    output_.report(ReceiverEvent::kRestart);
  }
  requester_.stop();  // what is held of the old stream is played by its own times
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
    if (!requester_.hops().fresh(source, fields.id, fields.count)) {
      counters_.add(ReceiveCounter::kStaleMessage);
      return nullptr;
    }
  } else if (requester_.running() && !by_tunnel() && !requester_.hops().carries(source)) {
    counters_.add(ReceiveCounter::kStrangers);
    return nullptr;
  }
  Hop* hop = requester_.hops().heard(source, now);
  if (hop == nullptr) {
    counters_.add(ReceiveCounter::kHopOverflow);
    return nullptr;
  }
  note_message(now);
  hop->start_number = fields.id;
  hop->count = fields.count;
  return hop;
}

void ChannelReceiver::take_status(TimeNs now, const SenderStatus& status, Hop& hop) {
  counters_.add(ReceiveCounter::kSenderStatus);
  requester_.take_status(status, hop);
  if (hop.data_ns != kNever) usage_.take_status(now, hop.address, status);
  if (settings_.encrypted) return;
  uint64_t& known = clear_start_numbers_[by_tunnel() ? way_ : 0];
  if (status.start_number <= known) return;
  if (known != 0) {
    counters_.add(ReceiveCounter::kRestarts);
    output_.report(ReceiverEvent::kRestart);
    clear_.expect_start();
  }
  known = status.start_number;
}

}  // namespace linecast::smart
