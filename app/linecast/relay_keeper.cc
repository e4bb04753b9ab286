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
    : hop_key_(material.hop),
      keys_(material.hop.channel, material.group_keys, trusted),
      move_acceptor_(true, false, trusted) {}

void RelayKeeper::take(const HeardAnnouncement& heard, const LaneRelay& relay) {
  if (heard.size == smart::kMoveSize) return take_move(heard, relay);
  const bool silent = heard.time - relay.heard_ns() >= smart::StreamOpener::kSilentAfter;
  if (auto epochs = keys_.take(heard.time, heard.view(), silent); epochs != nullptr)
    wanted_ = std::move(epochs);
}

void RelayKeeper::take_move(const HeardAnnouncement& heard, const LaneRelay& relay) {
  std::array<Ipv4, LaneRelay::kMaxPlaces> held;
  size_t count = 0;
  for (const smart::GroupPlace& place : relay.places())
    if (place.group != 0) held[count++] = place.group;
  const smart::MoveAcceptor::Standing standing{.in_use = relay.place_above(),
                                               .held = std::span(held).first(count),
                                               .hop_heard = true,
                                               .hop_start_number = relay.hop_start_number()};
  UpstreamMove move;
  const smart::MoveResult result = move_acceptor_.accept(heard.time, heard.view(), standing, move.to);
  move_results_.add(result);
  if (result != smart::MoveResult::kAccepted) return;
  std::ranges::copy(heard.view(), move.announcement.begin());
  wanted_move_ = move;
}

void RelayKeeper::tick(Lane& lane, size_t slot) {
  if (wanted_move_ && move_call_.done()) {
    followed_move_ = *std::exchange(wanted_move_, std::nullopt);
    move_call_.command.kind = LaneCommand::Kind::kFollowMove;
    move_call_.command.index = slot;
    move_call_.command.upstream_move = &followed_move_;
    move_call_.issue(lane);
  }
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
