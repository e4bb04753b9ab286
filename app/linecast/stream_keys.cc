#include "app/linecast/stream_keys.h"

#include <algorithm>

namespace linecast::app {
namespace {

// A new epoch is announced for at least this many ticks' worth of packets (seconds) before its first packet:
// some twenty repeats of the announcement.
constexpr uint64_t kLeadTicks = 2;
constexpr uint64_t kLeastLeadPackets = 64;
constexpr uint64_t kLeastDatagramBits = 188 * 8;

crypto::StartSalt random_salt() {
  crypto::StartSalt salt;
  crypto::random_bytes(salt);
  return salt;
}

smart::KeyAnnouncer::Epoch announced(const smart::EpochKey& key) { return {key.epoch, key.key_id}; }

}  // namespace

StreamKeys::StreamKeys(const Setup& setup)
    : setup_(setup),
      bitrate_cap_bps_(setup.bitrate_cap_bps),
      start_salt_(random_salt()),
      announcer_(*setup.signing_key, {setup.channel_id, setup.sender_id, setup.group_key.cipher,
                                      setup.start_number, start_salt_}),
      epoch_first_sequence_(setup.first_sequence),
      last_sequence_(setup.first_sequence) {
  current_ = make_key(1);
  announce(0);
}

std::unique_ptr<smart::EpochKey> StreamKeys::make_key(uint32_t epoch) {
  return std::make_unique<smart::EpochKey>(manager_, setup_.group_key, start_salt_, setup_.channel_id,
                                           setup_.sender_id, epoch);
}

std::unique_ptr<MessageKeys> StreamKeys::message_keys() {
  return std::make_unique<MessageKeys>(
      MessageKeys{crypto::CmacKey(manager_, crypto::derive_down_key(setup_.group_key, setup_.channel_id)),
                  crypto::CmacKey(manager_, crypto::derive_up_key(setup_.group_key, setup_.channel_id))});
}

void StreamKeys::announce(uint64_t next_from) {
  latest_ ^= 1;
  Announcement& announcement = announcements_[latest_];
  announcement.next_key = next_.get();
  announcement.next_from = next_from;
  std::optional<smart::KeyAnnouncer::NextEpoch> next;
  if (next_ != nullptr) next = {announced(*next_), next_from};
  announcement.datagram = announcer_.announce(announced(*current_), next);
}

const Announcement* StreamKeys::tick(const LaneChannel& channel, bool delivered) {
  // The sequence before the epoch, as the lane writes them the other way round.
  const uint64_t sequence = channel.next_sequence();
  // At least what the cap lets through in half a second, should a feed come back at full rate.
  const uint64_t lead = std::max({kLeadTicks * (sequence - last_sequence_), kLeastLeadPackets,
                                  bitrate_cap_bps_ / kLeastDatagramBits / 2});
  last_sequence_ = sequence;
  if (!delivered) return nullptr;  // the lane may still read the other announcement
  retired_.reset();
  if (next_ != nullptr) {
    if (channel.epoch() == next_->epoch) {
      retired_ = std::move(current_);
      current_ = std::move(next_);
      epoch_first_sequence_ = sequence;
      announce(0);
      return &announcement();
    }
    // The lane was past the switch before it heard of it: name a later one.
    if (sequence > announcement().next_from) {
      announce(sequence + lead);
      return &announcement();
    }
    return nullptr;
  }
  if (!roll_wanted_ && sequence - epoch_first_sequence_ < kPacketsPerEpoch) return nullptr;
  roll_wanted_ = false;
  next_ = make_key(current_->epoch + 1);
  announce(sequence + lead);
  return &announcement();
}

}  // namespace linecast::app
