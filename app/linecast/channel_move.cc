#include "app/linecast/channel_move.h"

#include "lib/smart/trailer.h"

namespace linecast::app {
namespace {

// By its cap, and for packets as most feeds have them: so that it is later than the lead's end. Where packets
// are smaller the lane begins earlier than at that.
uint64_t sequence_after_lead(const ChannelMove::Setup& setup) {
  constexpr uint64_t kUsualPayload = 1316, kMargin = 64;
  return setup.next_sequence +
         setup.bitrate_cap_bps / 8 / kUsualPayload * ChannelMove::kLeadNs / kNsPerSecond + kMargin;
}

HopMove announced(const ChannelMove::Setup& setup) {
  HopMove move{.to = setup.place, .first_sequence = sequence_after_lead(setup)};
  smart::AddrRangeChange message;
  message.from = setup.from.group;
  message.to = setup.to.group;
  message.at = {.port = setup.to.udp_port, .first_sequence = move.first_sequence};
  move.announcement_size = smart::encode(message, move.announcement);
  if (setup.signing_key == nullptr) return move;
  const smart::TrailerFields fields{.id = setup.start_number,
                                    .key_id = crypto::public_key_hint(setup.signing_key->public_key()),
                                    .count = setup.count};
  move.announcement_size = smart::append_signed_trailer(*setup.signing_key, fields, setup.synch_code,
                                                        move.announcement, move.announcement_size);
  return move;
}

std::array<HopMove, 3> phases(const HopMove& announced) {
  std::array<HopMove, 3> all{announced, announced, announced};
  all[1].phase = HopMove::Phase::kBoth;
  all[2].phase = HopMove::Phase::kDone;
  return all;
}

}  // namespace

ChannelMove::ChannelMove(const Setup& setup)
    : slot_(setup.slot),
      from_(setup.from),
      to_(setup.to),
      both_ns_(setup.now + kLeadNs),
      ends_ns_(both_ns_ + setup.overlap_ns),
      phases_(phases(announced(setup))) {}

bool ChannelMove::tick(TimeNs now, Lane& lane) {
  if (!call_.done()) return false;
  if (issued_ == phases_.size()) return true;
  if ((issued_ == 1 && now < both_ns_) || (issued_ == 2 && now < ends_ns_)) return false;
  call_.command.kind = LaneCommand::Kind::kMove;
  call_.command.index = slot_;
  call_.command.move = &phases_[issued_++];
  call_.issue(lane);
  return false;
}

}  // namespace linecast::app
