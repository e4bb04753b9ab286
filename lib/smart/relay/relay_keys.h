// Which KEY_ANNOUNCE of a channel a repeater believes, and the keys that follow from it. Control path: it
// verifies, derives and allocates; what it makes is read by the lane.
#pragma once

#include <memory>

#include "lib/smart/key_acceptor.h"
#include "lib/smart/receive/epoch_keys.h"

namespace linecast::smart {

// The stream that a repeater follows: made whole by RelayKeys, and never changed.
struct RelayEpochs {
  KeyAnnounceDatagram announcement{};  // passed on as it came
  uint16_t sender_id = 0;
  uint64_t start_number = 0;
  EpochKeys keys;  // none where the repeater does not hold the group key
};

class RelayKeys {
 public:
  using Results = CounterSet<KeyAnnounceResult, kKeyAnnounceResultCount>;

  // group_keys: none where what comes is passed on without being opened.
  RelayKeys(const crypto::ChannelId& channel, std::span<const crypto::GroupKey> group_keys,
            const std::vector<crypto::PublicKey>& trusted);

  // What the lane is to follow from now on; null: as before. silent: nothing of the stream that is followed
  // has come for as long as a receiver waits before it follows another sender (StreamOpener::kSilentAfter).
  std::unique_ptr<const RelayEpochs> take(TimeNs now, Bytes datagram, bool silent);

  const Results& results() const { return results_; }
  // Announcements that named a group key, or a cipher, that is not held.
  uint64_t keys_not_held() const { return keys_not_held_; }

 private:
  struct Sender {
    KeyAnnounceDatagram datagram{};
    KeyAnnounce announce;
  };
  std::unique_ptr<const RelayEpochs> follow(const Sender& sender);

  crypto::Manager manager_;
  const bool holds_keys_;
  MemberKeys members_;
  KeyAcceptor acceptor_;
  std::vector<Sender> senders_;  // the last accepted of each, at most KeyAcceptor::kMaxSenders
  bool follows_ = false;
  uint16_t sender_id_ = 0;
  uint64_t start_number_ = 0;
  EpochKeys keys_;
  Results results_;
  uint64_t keys_not_held_ = 0;
};

}  // namespace linecast::smart
