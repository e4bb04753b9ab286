#include "lib/smart/receive/channel_receiver.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace linecast::smart {
namespace {

// So many originals in a row that come too late: it is our idea of the sequence that is wrong (clear channels
// only).
constexpr uint32_t kLateBelieved = 64;
constexpr uint64_t kBadTagsReported = 100;
constexpr TimeNs kSilenceOfARestartNs = 100 * kNsPerMs;

constexpr uint32_t bit(ReceiverEvent event) { return 1u << static_cast<unsigned>(event); }

}  // namespace

ChannelReceiver::ChannelReceiver(const ReceiverSettings& settings, crypto::Manager& manager,
                                 std::span<const crypto::GroupKey> keys,
                                 const std::vector<crypto::PublicKey>& trusted, Random& random,
                                 ReceiverOutput& output)
    : settings_(settings),
      manager_(manager),
      random_(random),
      output_(output),
      members_(manager, keys, settings.channel_id, settings.receiver_id),
      acceptor_(settings.channel_id, trusted),
      opener_(manager, members_, counters_),
      usage_(settings.group, settings.address, random),
      faults_(settings.group, settings.address, random),
      tap_(output, faults_),
      pool_(settings.max_packet_bytes),
      playout_(settings.buffer_ns, settings.max_packets, pool_, tap_, counters_),
      requester_({.buffer_ns = settings.buffer_ns,
                  .reorder_ns = settings.reorder_ns,
                  .limits = {.window = settings.max_packets}},
                 random, counters_),
      waiting_(settings.max_waiting_packets, settings.max_waiting_bytes),
      move_acceptor_(settings.encrypted, settings.follow_moves, trusted),
      groups_({settings.group, settings.port}, output),
      simple_(settings.tunnels.size(), settings.buffer_ns, random) {
  for (const FarEnd& far_end : settings.tunnels)
    tunnels_.emplace_back(far_end, settings.group, settings.port, random, tunnel_counters_);
}

void ChannelReceiver::take(TimeNs now, Bytes datagram, Ipv4 source) {
  CommonHeader header;
  const WireFault fault = decode_common(datagram, header);
  if (fault != WireFault::kNone) {
    wire_faults_.add(fault);
  } else if (header.type == PacketType::kData) {
    receive_data(now, datagram, source);
  } else {
    receive_message(now, datagram, source);
  }
}

void ChannelReceiver::receive_data(TimeNs now, Bytes datagram, Ipv4 source) {
  DataHeader header;
  const WireFault fault = decode_data(datagram, header);
  if (fault != WireFault::kNone) {
    wire_faults_.add(fault);
    return;
  }
  if (header.sealed != settings_.encrypted) {
    counters_.add(header.sealed ? ReceiveCounter::kSealedOnClear : ReceiveCounter::kNotSealed);
    report_once(header.sealed ? ReceiverEvent::kSealedOnClear : ReceiverEvent::kNotSealed);
  } else if (header.command == DataCommand::kParity) {
    counters_.add(ReceiveCounter::kParity);
  } else if (settings_.encrypted) {
    receive_sealed({now, source, header}, datagram);
  } else {
    receive_clear({now, source, header}, datagram);
  }
}

void ChannelReceiver::receive_sealed(const Arrival& arrival, Bytes datagram) {
  StreamOpener::Opened opened;
  switch (opener_.open(arrival.now, arrival.header, datagram, opened)) {
    case StreamOpener::Verdict::kOpened:
      break;
    case StreamOpener::Verdict::kKeyUnknown:
      return wait(arrival, datagram, ReceiveCounter::kUnknownEpoch);
    case StreamOpener::Verdict::kOtherSender: {
      bool keys_held = true;
      const Iv iv = decode_iv(datagram.data() + kDataHeaderSize);
      if (opener_.follow_standby(arrival.now, iv.sender_id, keys_held)) new_stream(keys_held);
      return;
    }
    case StreamOpener::Verdict::kBadTag:
      if (bad_tags_in_a_row_++ == 0) bad_tags_since_ = arrival.now;
      if (bad_tags_in_a_row_ >= kBadTagsReported) report_bad_tags(arrival.now);
      return refuse(arrival, datagram, ReceiveCounter::kBadTag);
    case StreamOpener::Verdict::kReplay:
      note_copy(arrival, datagram, opened);
      return refuse(arrival, datagram, replay_counter(arrival.header, opened.replay));
    case StreamOpener::Verdict::kDropped:
      return;
  }
  bad_tags_in_a_row_ = 0;
  note_data(arrival.now, opened.sequence, arrival.header);
  if (!requester_.running() || opened.sequence >= requester_.next()) {
    synch_code_ = arrival.header.synch_code;
    key_id_ = opened.key_id;
  }
  if (opened.heartbeat)
    take_heartbeat(arrival, opened.sequence);
  else
    take_packet(arrival, opened.sequence, opened.payload);
}

// The stream has this packet, but whether the way works by which the copy came shows in it all the same.
void ChannelReceiver::note_copy(const Arrival& arrival, Bytes datagram, StreamOpener::Opened& opened) {
  if (judges_copies() && opener_.is_copy(arrival.header, datagram, opened))
    note_data(arrival.now, opened.sequence, arrival.header);
}

void ChannelReceiver::receive_clear(const Arrival& arrival, Bytes datagram) {
  const DataHeader& header = arrival.header;
  const Bytes payload = datagram.subspan(kDataHeaderSize);
  const bool original = header.command == DataCommand::kOriginal;
  if (header.command == DataCommand::kHeartbeat &&
      static_cast<uint16_t>(load_be64(payload.data())) != header.number) {
    counters_.add(ReceiveCounter::kContradictory);
    return;
  }
  if (header.command == DataCommand::kRepair && !clear_.started()) {
    counters_.add(ReceiveCounter::kBeforeStart);
    return;
  }
  // Anyone can send a heartbeat that leaps ahead; data has to go on to be believed. Whom a tunnel was asked
  // of is no stranger.
  if (header.command == DataCommand::kHeartbeat && requester_.running() && !by_tunnel() &&
      !requester_.hops().carries(arrival.source)) {
    counters_.add(ReceiveCounter::kStrangers);
    return;
  }
  const ClearSequence::Place place =
      original ? clear_.place(header.number) : clear_.place_near(header.number);
  switch (place.verdict) {
    case ClearSequence::Verdict::kPlaced:
      break;
    case ClearSequence::Verdict::kStart:
      clear_seen_.reset();
      requester_.stop();
      break;
    case ClearSequence::Verdict::kJump:
      counters_.add(ReceiveCounter::kJumps);
      clear_seen_.reset();
      begin_run(arrival.now, place.sequence - 2, 0);
      retry_waiting();  // the two before it
      break;
    case ClearSequence::Verdict::kDoubtful:
      if (!original) return counters_.add(ReceiveCounter::kDoubtful);
      while (place.row_begins && !waiting_.empty()) drop_waiting();
      return wait(arrival, datagram, ReceiveCounter::kDoubtful);
  }
  note_data(arrival.now, place.sequence, header);
  if (header.command == DataCommand::kHeartbeat) return take_heartbeat(arrival, place.sequence);
  const ReplayWindow::Verdict replay = clear_seen_.check(place.sequence);
  if (replay != ReplayWindow::Verdict::kNew) {
    counters_.add(replay_counter(header, replay));
    return;
  }
  clear_seen_.mark(place.sequence);
  take_packet(arrival, place.sequence, payload);
}

void ChannelReceiver::take_packet(const Arrival& arrival, uint64_t sequence, Bytes payload) {
  const bool repair = arrival.header.command == DataCommand::kRepair;
  counters_.add(repair ? ReceiveCounter::kRepairs : ReceiveCounter::kReceived);
  const auto heard = [&] { return requester_.heard(arrival.now, arrival.source, arrival.header.quiet); };
  // What was sent long ago, and has not come here yet, can be sent again from anywhere: to bring that makes
  // no hop.
  const bool goes_on = !requester_.running() || sequence >= requester_.next();
  Hop* hop = goes_on ? heard() : nullptr;

  if (!requester_.running()) {
    if (repair) return counters_.add(ReceiveCounter::kBeforeStart);  // of a loss that is not ours
    begin_run(arrival.now, sequence, 0);
  } else if (sequence >= requester_.next() + kMaxSequenceJump) {
    counters_.add(ReceiveCounter::kJumps);
    begin_run(arrival.now, sequence, sequence - requester_.next());
  }
  const bool asked = requester_.arrived(arrival.now, sequence, hop);
  if (asked && !repair) counters_.add(ReceiveCounter::kAnsweredByOriginal);

  StoredPayload stored;
  if (!store(arrival.header.format, payload, stored)) return counters_.add(ReceiveCounter::kNoMemory);
  const PlayoutBuffer::Verdict verdict = playout_.insert(sequence, stored, arrival.now);
  switch (verdict) {
    case PlayoutBuffer::Verdict::kStored:
    case PlayoutBuffer::Verdict::kFilled:
      late_in_a_row_ = 0;
      if (!goes_on) hop = heard();
      if (asked || repair) Requester::answered(hop);
      if (!repair) return;
      counters_.add(ReceiveCounter::kLost);
      counters_.add(ReceiveCounter::kRepaired);
      return;
    case PlayoutBuffer::Verdict::kLate:
      counters_.add(ReceiveCounter::kLate);
      // A forged heartbeat can move a clear channel's sequence far ahead: believe the data again.
      if (!settings_.encrypted && !repair && ++late_in_a_row_ == kLateBelieved) {
        late_in_a_row_ = 0;
        clear_.expect_start();
      }
      break;
    case PlayoutBuffer::Verdict::kBeforeStart:
      counters_.add(ReceiveCounter::kBeforeStart);
      break;
    case PlayoutBuffer::Verdict::kDuplicate:
      counters_.add(ReceiveCounter::kDuplicates);
      break;
  }
  if (asked || repair) Requester::answered(requester_.hops().find(arrival.source));
  pool_.give(stored.block, stored.size);
}

void ChannelReceiver::take_heartbeat(const Arrival& arrival, uint64_t last) {
  counters_.add(ReceiveCounter::kHeartbeats);
  const Hop* hop = requester_.heard(arrival.now, arrival.source, arrival.header.quiet);
  const uint64_t end = last + 1;
  if (!requester_.running()) {
    begin_run(arrival.now, end, 0);
  } else if (end == requester_.next()) {
    playout_.confirm(arrival.now);
  } else if (end > requester_.next()) {
    if (end - requester_.next() > kMaxSequenceJump) return counters_.add(ReceiveCounter::kDoubtful);
    requester_.reveal(arrival.now, end, hop);
    playout_.reveal(end, arrival.now);
  }
}

void ChannelReceiver::begin_run(TimeNs now, uint64_t first, uint64_t skipped) {
  playout_.start(first, skipped, now);
  requester_.start(first);
  unanswered_ = 0;  // by what is no more
  report_once(ReceiverEvent::kStreamBegins);
}

// Only what is valid comes here, so nothing else can push packets out of the buffer.
bool ChannelReceiver::store(PacketFormat format, Bytes payload, StoredPayload& out) {
  uint8_t* block = nullptr;
  while ((block = pool_.take(payload.size())) == nullptr)
    if (!playout_.release_early()) return false;
  if (!payload.empty()) std::memcpy(block, payload.data(), payload.size());
  out = {.block = block, .size = static_cast<uint16_t>(payload.size()), .format = format};
  return true;
}

// In a stream that goes on, a wrong tag is a forgery or damage and a number that came before a copy. In one
// that fell silent they may be of the sender's next start, whose KEY_ANNOUNCE was lost or is still to come.
void ChannelReceiver::refuse(const Arrival& arrival, Bytes datagram, ReceiveCounter reason) {
  if (requester_.running() && arrival.now - opener_.opened_ns() >= kSilenceOfARestartNs)
    wait(arrival, datagram, reason);
  else
    count_dropped(reason, datagram);
}

void ChannelReceiver::wait(const Arrival& arrival, Bytes datagram, ReceiveCounter reason) {
  const size_t dropped = waiting_.add(datagram, arrival.source, arrival.now, reason);
  if (dropped == 0) return;
  counters_.add(ReceiveCounter::kWaitingOverflow, dropped);
  if (reason == ReceiveCounter::kUnknownEpoch) report_no_key();
}

void ChannelReceiver::drop_waiting() {
  const WaitingPackets::Packet packet = waiting_.take();
  count_dropped(packet.reason, packet.bytes());
  if (packet.reason == ReceiveCounter::kUnknownEpoch) report_no_key();
  waiting_.done(packet);
}

void ChannelReceiver::count_dropped(ReceiveCounter reason, Bytes datagram) {
  counters_.add(reason);
  const bool bad_tag = reason == ReceiveCounter::kBadTag;
  if (!bad_tag && reason != ReceiveCounter::kUnknownEpoch) return;
  const Iv iv = decode_iv(datagram.data() + kDataHeaderSize);
  faults_.add(bad_tag ? ErrorCode::kBadTag : ErrorCode::kUnknownEpoch, 1, iv.heartbeat ? 0 : iv.counter);
}

void ChannelReceiver::retry_waiting() {
  const size_t way = std::exchange(way_, kOtherWay);  // that of what makes them try again
  // One that has to wait again may push others out.
  for (size_t n = waiting_.size(); n > 0 && !waiting_.empty(); --n) {
    const WaitingPackets::Packet packet = waiting_.take();
    receive_data(packet.arrived_ns, packet.bytes(), packet.source);  // may have to wait again
    waiting_.done(packet);
  }
  way_ = way;
}

void ChannelReceiver::expire_waiting(TimeNs now) {
  while (!waiting_.empty() && waiting_.front().arrived_ns + settings_.buffer_ns <= now) drop_waiting();
}

void ChannelReceiver::poll(TimeNs now) {
  playout_.play_due(now);
  expire_waiting(now);
  requester_.ask(now, [&](Ipv4 hop, const PairList& pairs) { send_request(now, hop, pairs); });
  note_silence(now);
  run_moves(now);
  run_tunnels(now);
  send_reports(now);
}

TimeNs ChannelReceiver::next_due() const {
  TimeNs due = std::min({playout_.next_due(), requester_.next_due(), usage_.next_due(), faults_.next_due(),
                         silence_due(), tunnels_due(), groups_.next_due()});
  if (!waiting_.empty()) due = std::min(due, waiting_.front().arrived_ns + settings_.buffer_ns);
  return due;
}

void ChannelReceiver::report_once(ReceiverEvent event) {
  if ((reported_ & bit(event)) != 0) return;
  reported_ |= bit(event);
  output_.report(event);
}

void ChannelReceiver::report_no_key() {
  // Where it is known why there is no key, that says more.
  if ((reported_ & (bit(ReceiverEvent::kKeyNotHeld) | bit(ReceiverEvent::kUntrusted))) != 0) return;
  if (old_announced_) return report_once(ReceiverEvent::kOldStart);
  const bool others_only = announces_.get(KeyAnnounceResult::kWrongChannel) > 0 &&
                           announces_.get(KeyAnnounceResult::kAccepted) == 0;
  report_once(others_only ? ReceiverEvent::kOtherChannels : ReceiverEvent::kNoKey);
}

void ChannelReceiver::report_bad_tags(TimeNs now) {
  if (!requester_.running())
    report_once(ReceiverEvent::kNothingOpens);
  else if (now - bad_tags_since_ >= StreamOpener::kSilentAfter)  // no new start was announced meanwhile
    report_once(ReceiverEvent::kNoLongerOpens);
}

}  // namespace linecast::smart
