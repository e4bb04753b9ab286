// The key epochs of one encrypted channel, on the control lcore: makes each epoch's key, signs what announces
// it, and hands both to the lane by a command; frees what the lane has let go.
#pragma once

#include <memory>
#include <optional>

#include "app/linecast/lane.h"
#include "lib/smart/key_announcer.h"

namespace linecast::app {

class StreamKeys {
 public:
  // An epoch ends after so many packets at the latest (docs/protocol.md, "Epochs"); the margin leaves time to
  // announce the next.
  static constexpr uint64_t kPacketsPerEpoch = (1 << 28) - (1 << 21);

  struct Setup {
    const crypto::SigningKey* signing_key = nullptr;
    crypto::GroupKey group_key;
    crypto::ChannelId channel_id{};
    uint16_t sender_id = 0;
    uint64_t start_number = 0;
    uint64_t first_sequence = 0;
    uint64_t bitrate_cap_bps = 0;
  };
  explicit StreamKeys(const Setup& setup);

  const smart::EpochKey& current() const { return *current_; }
  const Announcement& announcement() const { return announcements_[latest_]; }
  std::unique_ptr<MessageKeys> message_keys();
  const crypto::GroupKey& group_key() const { return setup_.group_key; }

  // The cap by which it is reckoned how long announcing takes, from the next one on.
  void set_bitrate_cap(uint64_t bps) { bitrate_cap_bps_ = bps; }
  // Asks for a new epoch as soon as it can be announced.
  void roll() { roll_wanted_ = true; }
  // Call about every second with what the lane publishes. Returns an announcement that the lane is to take,
  // or null. `delivered`: the lane has carried out the command that brought the last one.
  const Announcement* tick(const LaneChannel& channel, bool delivered);

 private:
  std::unique_ptr<smart::EpochKey> make_key(uint32_t epoch);
  void announce(uint64_t next_from);

  crypto::Manager manager_;
  const Setup setup_;
  uint64_t bitrate_cap_bps_;
  const crypto::StartSalt start_salt_;
  smart::KeyAnnouncer announcer_;
  std::unique_ptr<smart::EpochKey> current_;
  std::unique_ptr<smart::EpochKey> next_;     // announced, not yet in use
  std::unique_ptr<smart::EpochKey> retired_;  // kept until the lane has confirmed that it left it
  std::array<Announcement, 2>
      announcements_;  // read by the lane: the latest, and the one before until `delivered`
  size_t latest_ = 0;
  uint64_t epoch_first_sequence_;
  uint64_t last_sequence_;
  bool roll_wanted_ = false;
};

}  // namespace linecast::app
