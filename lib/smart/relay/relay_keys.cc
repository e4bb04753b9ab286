#include "lib/smart/relay/relay_keys.h"

#include <algorithm>

namespace linecast::smart {

RelayKeys::RelayKeys(const crypto::ChannelId& channel, std::span<const crypto::GroupKey> group_keys,
                     const std::vector<crypto::PublicKey>& trusted)
    : holds_keys_(!group_keys.empty()),
      members_(manager_, group_keys, channel, 0),
      acceptor_(channel, trusted) {}

std::unique_ptr<const RelayEpochs> RelayKeys::take(TimeNs now, Bytes datagram, bool silent) {
  KeyAnnounce announce;
  const KeyAnnounceResult result = acceptor_.accept(now, datagram, announce);
  results_.add(result);
  const auto is_sender = [&](const Sender& known) {
    return std::equal(datagram.begin(), datagram.end(), known.datagram.begin(), known.datagram.end());
  };
  if (result == KeyAnnounceResult::kAccepted) {
    auto sender = std::ranges::find(senders_, announce.sender_id,
                                    [](const Sender& known) { return known.announce.sender_id; });
    if (sender == senders_.end()) sender = senders_.emplace(senders_.end());
    std::copy(datagram.begin(), datagram.end(), sender->datagram.begin());
    sender->announce = announce;
    // Another headend's is a standby, as long as the stream is heard.
    if (follows_ && announce.sender_id != sender_id_ && !silent) return nullptr;
    return follow(*sender);
  }
  if (result != KeyAnnounceResult::kRepeat || !silent) return nullptr;
  const auto standby = std::ranges::find_if(senders_, is_sender);
  if (standby == senders_.end() || standby->announce.sender_id == sender_id_) return nullptr;
  return follow(*standby);
}

std::unique_ptr<const RelayEpochs> RelayKeys::follow(const Sender& sender) {
  const KeyAnnounce& announce = sender.announce;
  if (!follows_ || announce.sender_id != sender_id_ || announce.start_number != start_number_) keys_.clear();
  follows_ = true;
  sender_id_ = announce.sender_id;
  start_number_ = announce.start_number;
  if (holds_keys_ && !keys_.take(manager_, members_, announce)) ++keys_not_held_;
  auto epochs = std::make_unique<RelayEpochs>();
  epochs->announcement = sender.datagram;
  epochs->sender_id = sender_id_;
  epochs->start_number = start_number_;
  epochs->keys = keys_;
  return epochs;
}

}  // namespace linecast::smart
