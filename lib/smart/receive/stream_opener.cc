#include "lib/smart/receive/stream_opener.h"

namespace linecast::smart {

StreamOpener::StreamOpener(crypto::Manager& manager, const MemberKeys& members, ReceiveCounters& counters)
    : manager_(manager), members_(members), counters_(counters) {}

StreamOpener::Followed StreamOpener::follow(TimeNs now, const KeyAnnounce& announce, bool& keys_held) {
  keys_held = true;
  if (follows_ && announce.sender_id != sender_id_ && now - opened_ns_ < kSilentAfter) {
    standby_ = announce;
    return Followed::kStandby;
  }
  return switch_to(now, announce, keys_held);
}

bool StreamOpener::follow_standby(TimeNs now, uint16_t sender_id, bool& keys_held) {
  if (!standby_ || standby_->sender_id != sender_id || now - opened_ns_ < kSilentAfter) return false;
  const KeyAnnounce announce = *standby_;
  standby_.reset();
  return switch_to(now, announce, keys_held) == Followed::kNewStream;
}

StreamOpener::Followed StreamOpener::switch_to(TimeNs now, const KeyAnnounce& announce, bool& keys_held) {
  const bool same = follows_ && announce.sender_id == sender_id_ && announce.start_number == start_number_;
  if (!same) {
    // Its announcement may repeat unchanged for good: it must stay known, to be come back to.
    if (follows_ && announce.sender_id != sender_id_) standby_ = followed_;
    follows_ = true;
    sender_id_ = announce.sender_id;
    start_number_ = announce.start_number;
    opened_ns_ = now;
    epochs_.clear();
    data_seen_.reset();
    heartbeats_seen_.reset();
  }
  followed_ = announce;
  keys_held = epochs_.take(manager_, members_, announce);
  return same ? Followed::kSameStream : Followed::kNewStream;
}

StreamOpener::Verdict StreamOpener::open(TimeNs now, const DataHeader& header, Bytes datagram, Opened& out) {
  const uint8_t* iv_bytes = datagram.data() + kDataHeaderSize;
  const Iv iv = decode_iv(iv_bytes);
  out.heartbeat = header.command == DataCommand::kHeartbeat;
  if (iv.heartbeat != out.heartbeat ||
      (!iv.heartbeat && static_cast<uint16_t>(iv.counter) != header.number)) {
    counters_.add(ReceiveCounter::kContradictory);
    return Verdict::kDropped;
  }
  if (follows_ && iv.sender_id != sender_id_) {
    counters_.add(ReceiveCounter::kWrongSender);
    return Verdict::kOtherSender;
  }
  const EpochKey* key = epochs_.find(header.synch_code);
  if (key == nullptr) return Verdict::kKeyUnknown;

  ReplayWindow& seen = iv.heartbeat ? heartbeats_seen_ : data_seen_;
  out.replay = seen.check(iv.counter);
  if (out.replay != ReplayWindow::Verdict::kNew) return Verdict::kReplay;
  if (!decrypt(*key, datagram, out)) return Verdict::kBadTag;
  seen.mark(iv.counter);
  opened_ns_ = now;
  if (iv.heartbeat && (static_cast<uint16_t>(out.sequence) != header.number || out.sequence > kMaxCounter)) {
    counters_.add(ReceiveCounter::kContradictory);
    return Verdict::kDropped;
  }
  return Verdict::kOpened;
}

bool StreamOpener::is_copy(const DataHeader& header, Bytes datagram, Opened& out) {
  const EpochKey* key = epochs_.find(header.synch_code);
  return key != nullptr && out.replay == ReplayWindow::Verdict::kSeen && decrypt(*key, datagram, out);
}

bool StreamOpener::decrypt(const EpochKey& key, Bytes datagram, Opened& out) {
  const uint8_t* iv = datagram.data() + kDataHeaderSize;
  const Bytes ciphertext =
      datagram.subspan(kDataHeaderSize + kIvSize, datagram.size() - kDataHeaderSize - kSealOverhead);
  if (plaintext_.size() < ciphertext.size()) plaintext_.resize(ciphertext.size());
  if (!key.gcm.open(manager_, iv, data_aad(datagram.data()), ciphertext,
                    ciphertext.data() + ciphertext.size(), plaintext_.data()))
    return false;
  out.key_id = key.key_id;
  out.payload = Bytes(plaintext_).first(ciphertext.size());
  out.sequence = out.heartbeat ? load_be64(out.payload.data()) : decode_iv(iv).counter;
  return true;
}

}  // namespace linecast::smart
