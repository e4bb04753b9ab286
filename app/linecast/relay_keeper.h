// What the control lcore does for one encrypted channel of a repeater: looks at the KEY_ANNOUNCEs and
// ADDR_RANGE_CHANGEs that its lane does not know, and has the lane follow what comes of them; frees what the
// lane has let go.
#pragma once

#include <memory>
#include <optional>

#include "app/linecast/lane.h"
#include "app/linecast/lane_call.h"
#include "lib/lineup/lineup.h"
#include "lib/smart/relay/relay_keys.h"

namespace linecast::app {

class RelayKeeper {
 public:
  struct Material {
    std::vector<crypto::GroupKey> group_keys;  // one; none: it is passed on without being opened
    crypto::HopKey hop;
  };
  // A channel's, from its files. Throws Error.
  static Material read(const lineup::Channel& channel);

  RelayKeeper(const Material& material, const std::vector<crypto::PublicKey>& trusted);

  void take(const HeardAnnouncement& heard, const LaneRelay& relay);
  // Call often: a stream that begins anew waits for it.
  void tick(Lane& lane, size_t slot);

  const crypto::HopKey& hop_key() const { return hop_key_; }
  const smart::RelayKeys& keys() const { return keys_; }
  const CounterSet<smart::MoveResult, smart::kMoveResultCount>& move_results() const { return move_results_; }
  // The epoch that was announced last; 0: none has been.
  uint32_t epoch() const;

 private:
  void take_move(const HeardAnnouncement& heard, const LaneRelay& relay);

  const crypto::HopKey hop_key_;
  smart::RelayKeys keys_;
  std::unique_ptr<const smart::RelayEpochs> wanted_;    // as soon as the lane has answered
  std::unique_ptr<const smart::RelayEpochs> followed_;  // read by the lane
  std::unique_ptr<const smart::RelayEpochs> retired_;   // read by the lane until it has answered
  LaneCall call_;
  smart::MoveAcceptor move_acceptor_;
  CounterSet<smart::MoveResult, smart::kMoveResultCount> move_results_;
  std::optional<UpstreamMove> wanted_move_;  // as soon as the lane has answered
  UpstreamMove followed_move_;               // read by the lane until it has answered
  LaneCall move_call_;
};

}  // namespace linecast::app
