#include "app/linecast/relay_keeper.h"

#include "lib/crypto/key_file.h"
#include "lib/smart/receive/stream_opener.h"

namespace linecast::app {

RelayKeeper::Material RelayKeeper::read(const lineup::Channel& channel) {
  Material material;
  if (channel.key_file.empty()) {
    material.hop = crypto::read_hop_key(channel.hop_key_file);
    return material;
  }
  material.group_keys.push_back(crypto::read_group_key(channel.key_file, crypto::KeyHolder::kReceiver));
  material.hop = crypto::derive_hop_key(material.group_keys.front(), channel.id);
  return material;
}

RelayKeeper::RelayKeeper(const Material& material, const std::vector<crypto::PublicKey>& trusted)
    : hop_key_(material.hop), keys_(material.hop.channel, material.group_keys, trusted) {}

void RelayKeeper::take(const HeardAnnouncement& heard, const LaneRelay& relay) {
  const bool silent = heard.time - relay.heard_ns() >= smart::StreamOpener::kSilentAfter;
  if (auto epochs = keys_.take(heard.time, heard.datagram, silent); epochs != nullptr)
    wanted_ = std::move(epochs);
}

void RelayKeeper::tick(Lane& lane, size_t slot) {
  if (!call_.done()) return;
  retired_.reset();
  if (wanted_ == nullptr) return;
  retired_ = std::move(followed_);
  followed_ = std::move(wanted_);
  call_.command.kind = LaneCommand::Kind::kFollow;
  call_.command.index = slot;
  call_.command.epochs = followed_.get();
  call_.issue(lane);
}

uint32_t RelayKeeper::epoch() const {
  if (followed_ == nullptr) return 0;
  smart::KeyAnnounce announce;
  const Bytes body = Bytes(followed_->announcement).subspan(smart::kCommonHeaderSize);
  return smart::decode(body.first(body.size() - smart::kSignedTrailerSize), announce) ? announce.epoch : 0;
}

}  // namespace linecast::app
