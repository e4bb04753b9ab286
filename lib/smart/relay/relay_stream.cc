#include "lib/smart/relay/relay_stream.h"

#include <algorithm>

#include "lib/base/serial.h"
#include "lib/smart/trailer.h"

namespace linecast::smart {
namespace {

// So many originals in a row that come too late: it is our idea of the sequence that is wrong (clear channels
// only).
constexpr uint32_t kLateBelieved = 64;
// Without a key: so many in a row far from where the stream was.
constexpr unsigned kRowBelieved = 3;
constexpr TimeNs kHeartbeatSpacingNs = 15 * kNsPerMs;
// For so long a packet that could not be opened says where a stream began.
constexpr TimeNs kUnopenedNs = kNsPerSecond / 2;
// What is missing counts as unrecovered when so many packets have followed as are kept: later than the window
// where the stream is below its cap.
constexpr TimeNs kGivenUpWithin = 2;

bool is(const Split& split, MessageCommand command) {
  return split.header.type == PacketType::kMessage && split.header.command == static_cast<uint8_t>(command);
}

bool is(const Split& split, ReplacementCommand command) {
  return split.header.type == PacketType::kReplacement &&
         split.header.command == static_cast<uint8_t>(command);
}

// Adds a sequence behind those in the list, where one more pair is never too many.
void add(PairList& list, uint64_t& base, uint64_t sequence) {
  if (list.count > 0 && sequence > base && sequence - base <= 16) {
    list.pairs[list.count - 1].mask |= static_cast<uint16_t>(1u << (sequence - base - 1));
    return;
  }
  list.pairs[list.count++] = {static_cast<uint16_t>(sequence), 0};
  base = sequence;
}

}  // namespace

RelayStream::RelayStream(const Settings& settings, const RelayMessageKeys* keys, uint64_t seed)
    : settings_(settings),
      keys_(keys),
      random_(seed),
      requester_({.buffer_ns = settings.window_ns,
                  .reorder_ns = settings.reorder_ns,
                  .limits = {.window = settings.window, .max_timers = settings.window}},
                 random_, counters_),
      usage_(settings.group, settings.address, random_),
      faults_(settings.group, settings.address, random_),
      groups_({settings.group, settings.port}, joined_),
      simple_(settings.tunnel == UpstreamTunnel::kAuto ? 1 : 0, kGivenUpWithin * settings.window_ns, random_),
      places_(settings.window),
      synch_code_(settings.guard == RelayGuard::kClear ? 0 : 1) {
  if (settings.tunnel != UpstreamTunnel::kNever)
    tunnel_.emplace(FarEnd{settings.upstream, settings.port}, settings.group, settings.port, random_,
                    tunnel_counters_);
}

RelayStream::Taken RelayStream::take_data(crypto::Manager& manager, TimeNs now, const Arrival& by,
                                          Bytes datagram, MutableBytes scratch) {
  by_ = by;
  DataHeader header;
  if (const WireFault fault = decode_data(datagram, header); fault != WireFault::kNone)
    return {.fault = fault};
  if (too_far()) {
    count(RelayCounter::kTooManyHops);
    return {};
  }
  if (header.command == DataCommand::kParity) {
    counters_.add(ReceiveCounter::kParity);
    return {};
  }
  if (header.sealed != (settings_.guard != RelayGuard::kClear)) {
    counters_.add(header.sealed ? ReceiveCounter::kSealedOnClear : ReceiveCounter::kNotSealed);
    return {};
  }
  return header.sealed ? take_sealed(manager, now, header, datagram, scratch)
                       : take_clear(now, header, datagram);
}

RelayStream::Taken RelayStream::take_sealed(crypto::Manager& manager, TimeNs now, const DataHeader& header,
                                            Bytes datagram, MutableBytes scratch) {
  const auto dropped = [this](ReceiveCounter reason) {
    counters_.add(reason);
    return Taken{};
  };
  const Iv iv = decode_iv(datagram.data() + kDataHeaderSize);
  const bool heartbeat = header.command == DataCommand::kHeartbeat;
  if (iv.heartbeat != heartbeat || (!heartbeat && static_cast<uint16_t>(iv.counter) != header.number))
    return dropped(ReceiveCounter::kContradictory);
  if (settings_.guard == RelayGuard::kTrusted && is_stray(header, iv.counter)) return {};
  const auto unopened = [&](ReceiveCounter reason) {
    if (!heartbeat) note_unopened(now, iv.counter);
    return dropped(reason);
  };
  if (epochs_ == nullptr) return unopened(ReceiveCounter::kUnknownEpoch);
  if (iv.sender_id != epochs_->sender_id) return unopened(ReceiveCounter::kWrongSender);

  // What came before needs no key to be known for a copy.
  if (heartbeat) {
    const ReplayWindow::Verdict seen = heartbeats_seen_.check(iv.counter);
    if (seen != ReplayWindow::Verdict::kNew) {
      note_copy(manager, now, header, datagram, scratch);
      return dropped(replay_counter(header, seen));
    }
  } else if (running() && iv.counter < requester_.next()) {
    if (holds(iv.counter)) {
      note_copy(manager, now, header, datagram, scratch);
      counters_.add(replay_counter(header, ReplayWindow::Verdict::kSeen));
      return {settings_.guard == RelayGuard::kTrusted ? Fate::kCopy : Fate::kDropped, iv.counter};
    }
    // Without a key it may be the stream that was mistaken, and not this packet.
    if (iv.counter < oldest() && settings_.guard == RelayGuard::kOpened)
      return unopened(ReceiveCounter::kReplayed);
  }

  uint64_t sequence = iv.counter;
  if (settings_.guard == RelayGuard::kOpened) {
    const EpochKey* key = epochs_->keys.find(header.synch_code);
    if (key == nullptr) return unopened(ReceiveCounter::kUnknownEpoch);
    if (!opens(manager, *key, datagram, scratch)) {
      if (!heartbeat) faults_.add(ErrorCode::kBadTag, 1, iv.counter);
      return unopened(ReceiveCounter::kBadTag);
    }
    if (heartbeat) {
      sequence = load_be64(scratch.data());
      if (static_cast<uint16_t>(sequence) != header.number || sequence > kMaxCounter)
        return dropped(ReceiveCounter::kContradictory);
    }
  } else if (heartbeat) {
    // What it carries is sealed: its number has to do, and only data begins a run.
    if (!running()) return take_heartbeat_before_run(now, header, iv.counter);
    sequence = extend_serial(requester_.next() - 1, header.number);
  } else if (!is_believed(sequence)) {
    return dropped(ReceiveCounter::kDoubtful);
  }
  note_data(now, header, sequence);
  if (heartbeat) heartbeats_seen_.mark(iv.counter);
  return heartbeat ? place_heartbeat(now, header, sequence) : place_data(now, header, sequence);
}

bool RelayStream::opens(crypto::Manager& manager, const EpochKey& key, Bytes datagram,
                        MutableBytes scratch) const {
  const Bytes ciphertext =
      datagram.subspan(kDataHeaderSize + kIvSize, datagram.size() - kDataHeaderSize - kSealOverhead);
  return ciphertext.size() <= scratch.size() &&
         key.gcm.open(manager, datagram.data() + kDataHeaderSize, data_aad(datagram.data()), ciphertext,
                      ciphertext.data() + ciphertext.size(), scratch.data());
}

// Anybody who writes the hop's address into a datagram can send it to this repeater alone.
bool RelayStream::is_stray(const DataHeader& header, uint64_t sequence) {
  if (by_.way != Way::kUnicast) return false;
  const bool mends = header.command == DataCommand::kRepair && running() && sequence >= oldest() &&
                     sequence < requester_.next() && !holds(sequence);
  if (!mends) count(RelayCounter::kStray);
  return !mends;
}

RelayStream::Taken RelayStream::take_clear(TimeNs now, const DataHeader& header, Bytes datagram) {
  const auto dropped = [this](ReceiveCounter reason) {
    counters_.add(reason);
    return Taken{};
  };
  const bool heartbeat = header.command == DataCommand::kHeartbeat;
  if (heartbeat && static_cast<uint16_t>(load_be64(datagram.data() + kDataHeaderSize)) != header.number)
    return dropped(ReceiveCounter::kContradictory);
  if (is_stray(header, extend_serial(next_sequence() - 1, header.number))) return {};
  if (header.command == DataCommand::kRepair && !clear_.started())
    return dropped(ReceiveCounter::kBeforeStart);
  const ClearSequence::Place at = header.command == DataCommand::kOriginal ? clear_.place(header.number)
                                                                           : clear_.place_near(header.number);
  switch (at.verdict) {
    case ClearSequence::Verdict::kPlaced:
      break;
    case ClearSequence::Verdict::kStart:
      requester_.stop();
      break;
    case ClearSequence::Verdict::kJump:
      counters_.add(ReceiveCounter::kJumps);
      begin_run(now, at.sequence - (kRowBelieved - 1));  // the two before it are asked for
      break;
    case ClearSequence::Verdict::kDoubtful:
      return dropped(ReceiveCounter::kDoubtful);
  }
  note_data(now, header, at.sequence);
  if (heartbeat) {
    // Nothing tells a copy from a stream at rest, but that no two are sent so soon after each other: in a
    // loop of repeaters one would go round without end.
    if (clear_heartbeat_ns_ != kNever && now - clear_heartbeat_ns_ < kHeartbeatSpacingNs)
      return dropped(ReceiveCounter::kDuplicates);
    clear_heartbeat_ns_ = now;
    return place_heartbeat(now, header, at.sequence);
  }
  if (running() && at.sequence < requester_.next()) {
    if (holds(at.sequence)) return dropped(replay_counter(header, ReplayWindow::Verdict::kSeen));
    if (at.sequence < oldest()) {
      if (header.command == DataCommand::kOriginal && ++late_in_a_row_ == kLateBelieved) {
        late_in_a_row_ = 0;
        clear_.expect_start();
      }
      return dropped(ReceiveCounter::kReplayed);
    }
  }
  late_in_a_row_ = 0;
  return place_data(now, header, at.sequence);
}

RelayStream::Taken RelayStream::place_data(TimeNs now, const DataHeader& header, uint64_t sequence) {
  const bool repair = header.command == DataCommand::kRepair;
  heard_ns_ = now;
  counters_.add(repair ? ReceiveCounter::kRepairs : ReceiveCounter::kReceived);
  Hop* hop = requester_.heard(now, settings_.upstream, header.quiet);
  if (repair) requester_.answered(hop);
  if (!running()) {
    if (repair) {
      counters_.add(ReceiveCounter::kBeforeStart);  // of a loss that is not ours
      return {};
    }
    begin_run(now, sequence);
  } else if (sequence >= requester_.next() + kMaxSequenceJump || sequence < oldest()) {  // and believed
    counters_.add(ReceiveCounter::kJumps);
    begin_run(now, sequence);
  }
  if (sequence >= requester_.next()) synch_code_ = header.synch_code;
  reveal(now, sequence, hop);
  return {Fate::kKept, sequence, repair};
}

RelayStream::Taken RelayStream::place_heartbeat(TimeNs now, const DataHeader& header, uint64_t last) {
  heard_ns_ = now;
  counters_.add(ReceiveCounter::kHeartbeats);
  const Hop* hop = requester_.heard(now, settings_.upstream, header.quiet);
  const uint64_t end = last + 1;
  if (!running()) {
    begin_run(now, end);
  } else if (end > requester_.next()) {
    if (end - requester_.next() > kMaxSequenceJump) {
      counters_.add(ReceiveCounter::kDoubtful);
      return {};
    }
    reveal(now, end, hop);
  }
  return {Fate::kHeartbeat, last};
}

// Those below that hold the key learn of the stream from it, and so miss a first packet that is lost.
RelayStream::Taken RelayStream::take_heartbeat_before_run(TimeNs now, const DataHeader& header,
                                                          uint64_t counter) {
  heard_ns_ = now;
  note_message(now);
  counters_.add(ReceiveCounter::kHeartbeats);
  requester_.heard(now, settings_.upstream, header.quiet);
  heartbeats_seen_.mark(counter);
  first_number_ = static_cast<uint16_t>(header.number + 1);
  return {Fate::kHeartbeat, 0};
}

// A sequence that nothing vouches for: near where the stream was, or the third of a row elsewhere.
bool RelayStream::is_believed(uint64_t sequence) {
  const uint64_t next = next_sequence();
  const bool near = running() && sequence < next + kMaxSequenceJump && sequence >= oldest();
  if (near || !running()) {
    doubted_ = 0;
    return true;
  }
  doubted_ = doubted_ > 0 && sequence == doubtful_ + 1 ? doubted_ + 1 : 1;
  doubtful_ = sequence;
  if (doubted_ < kRowBelieved) return false;
  doubted_ = 0;
  return true;
}

void RelayStream::note_unopened(TimeNs now, uint64_t sequence) {
  if (unopened_ns_ == kNever || now - unopened_ns_ >= kUnopenedNs || sequence < unopened_) {
    unopened_ = sequence;
    unopened_ns_ = now;
  }
}

// What came before the first that could be opened, while its key was on its way, is asked for; so is what a
// heartbeat says was sent before the first that came.
void RelayStream::begin_run(TimeNs now, uint64_t first) {
  const uint64_t most = std::min<uint64_t>(settings_.window / 4, first);
  const bool known = unopened_ns_ != kNever && now - unopened_ns_ < kUnopenedNs && unopened_ < first &&
                     first - unopened_ <= most;
  const uint16_t lacking = first_number_ ? static_cast<uint16_t>(first - *first_number_) : uint16_t{0};
  first_ = settled_ = known ? unopened_ : lacking <= most ? first - lacking : first;
  unopened_ns_ = kNever;
  first_number_.reset();
  if (++run_ == 0) {
    std::ranges::fill(places_, Place{});
    run_ = 1;
  }
  requester_.start(first_);
}

// Those that leave the window without having come were not recovered.
void RelayStream::reveal(TimeNs now, uint64_t end, const Hop* hop) {
  requester_.reveal(now, end, hop);
  uint64_t lost = 0, first_lost = 0;
  // The packet of `end` itself takes the place of one that is then too old.
  const uint64_t oldest_kept = std::max(first_, end + 1 - std::min<uint64_t>(end + 1, places_.size()));
  for (; settled_ < oldest_kept; ++settled_)
    if (!holds(settled_) && lost++ == 0) first_lost = settled_;
  if (lost == 0) return;
  counters_.add(ReceiveCounter::kUnrecovered, lost);
  faults_.add(ErrorCode::kUnrecovered, lost, first_lost);
}

void RelayStream::note_kept(TimeNs now, const Taken& taken) {
  count(RelayCounter::kPassedOn);
  if (taken.repair) {
    counters_.add(ReceiveCounter::kLost);
    counters_.add(ReceiveCounter::kRepaired);
  }
  place(taken.sequence).quiet_until_ns = kNever;
  requester_.arrived(now, taken.sequence, nullptr);
}

uint64_t RelayStream::oldest() const {
  const uint64_t next = requester_.next();
  return std::max(first_, next - std::min<uint64_t>(next, places_.size()));
}

RelayStream::Place& RelayStream::place(uint64_t sequence) {
  Place& place = places_[sequence & (places_.size() - 1)];
  if (place.name != name_of(sequence)) place = {name_of(sequence), 0};
  return place;
}

bool RelayStream::holds(uint64_t sequence) const {
  const Place& place = places_[sequence & (places_.size() - 1)];
  return place.name == name_of(sequence) && place.quiet_until_ns == kNever;
}

void RelayStream::part(TimeNs now, const PairList& asked, PairList& held, PairList& missing) {
  uint64_t held_base = 0, missing_base = 0;
  for (const SequencePair& pair : asked.view()) {
    const uint64_t base = extend_serial(next_sequence() - 1, pair.sequence);
    // A pair of its own for each pair that is asked for: so there are never more.
    held_base = missing_base = UINT64_MAX;
    for (unsigned k = 0; k <= 16; ++k) {
      if (k > 0 && (pair.mask >> (k - 1) & 1) == 0) continue;
      const uint64_t sequence = base + k;
      const bool in_window = running() && sequence >= oldest() && sequence < requester_.next();
      if (!in_window || holds(sequence)) {
        add(held, held_base, sequence);
        continue;
      }
      count(RelayCounter::kMissingBelow);
      Place& at = place(sequence);
      if (now < at.quiet_until_ns) continue;
      at.quiet_until_ns = now + wait_ns();
      add(missing, missing_base, sequence);
    }
  }
}

TimeNs RelayStream::wait_ns() const {
  const Hop* above = requester_.hops().latest();
  return 2 * (above != nullptr ? above->round_trip_ns : Hop{}.round_trip_ns);
}

void RelayStream::follow(const RelayEpochs& epochs) {
  const bool same = epochs_ != nullptr && epochs.sender_id == epochs_->sender_id &&
                    epochs.start_number == epochs_->start_number;
  if (!same) {
    if (epochs_ != nullptr) counters_.add(ReceiveCounter::kRestarts);
    requester_.stop();
    heartbeats_seen_.reset();
    doubted_ = 0;
    first_number_.reset();
    synch_code_ = epochs.announcement[0];
  }
  epochs_ = &epochs;
}

WireFault RelayStream::take_message(crypto::Manager& manager, TimeNs now, const Arrival& by, Bytes datagram) {
  by_ = by;
  Split split;
  if (const WireFault fault = split_message(datagram, split); fault != WireFault::kNone) return fault;
  SenderStatus status;
  Quiet quiet;
  const bool is_status = is(split, MessageCommand::kSenderStatus) && decode(split.body, status);
  const bool is_quiet = is(split, ReplacementCommand::kQuiet) && decode(split.body, quiet);
  if (!is_status && !is_quiet) {
    counters_.add(ReceiveCounter::kNotForReceivers);
  } else if (!is_ours(is_status ? status.group : quiet.group)) {
    counters_.add(ReceiveCounter::kWrongGroup);
  } else if (Hop* hop = speaker(manager, now, datagram, split); hop != nullptr && is_status) {
    take_status(now, status, *hop);
  } else if (hop != nullptr) {
    counters_.add(ReceiveCounter::kQuietMessages);
    requester_.take_quiet(now, quiet, *hop);
  }
  return WireFault::kNone;
}

// The hop above, where the message is its own; else counted.
Hop* RelayStream::speaker(crypto::Manager& manager, TimeNs now, Bytes datagram, const Split& split) {
  if (split.trailer.empty() != (keys_ == nullptr)) {
    counters_.add(keys_ != nullptr ? ReceiveCounter::kNotSealed : ReceiveCounter::kSealedOnClear);
    return nullptr;
  }
  TrailerFields fields;
  if (keys_ != nullptr) {
    fields = read_trailer(split.trailer);
    if (fields.key_id != keys_->key_id || split.trailer.size() != kCmacTrailerSize ||
        !verify_cmac_trailer(manager, keys_->down, datagram)) {
      counters_.add(ReceiveCounter::kBadTrailer);
      return nullptr;
    }
    if (!requester_.hops().fresh(settings_.upstream, fields.id, fields.count)) {
      counters_.add(ReceiveCounter::kStaleMessage);
      return nullptr;
    }
  }
  Hop* hop = requester_.hops().heard(settings_.upstream, now);
  hop->start_number = fields.id;
  hop->count = fields.count;
  heard_ns_ = now;
  note_message(now);
  return hop;
}

void RelayStream::take_status(TimeNs now, const SenderStatus& status, Hop& hop) {
  counters_.add(ReceiveCounter::kSenderStatus);
  requester_.take_status(status, hop);
  usage_.take_status(now, settings_.upstream, status);
  hops_ = static_cast<uint8_t>(std::min<unsigned>(status.hops, kMostHops) + 1);
  if (keys_ != nullptr || status.start_number <= upstream_start_) return;
  if (upstream_start_ != 0) {
    counters_.add(ReceiveCounter::kRestarts);
    clear_.expect_start();
  }
  upstream_start_ = status.start_number;
}

}  // namespace linecast::smart
