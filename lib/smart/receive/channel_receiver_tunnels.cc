// By which way a channel comes: native multicast, and tunnels in its place.
#include <algorithm>

#include "lib/smart/receive/channel_receiver.h"

namespace linecast::smart {
namespace {

constexpr size_t kMaxTunnelMessageSize = kCommonHeaderSize + 24 + kCmacTrailerSize;

}  // namespace

void ChannelReceiver::receive(TimeNs now, Bytes datagram, Ipv4 source, size_t slot) {
  way_ = 0;
  slot_ = slot;
  take(now, datagram, source);
  way_ = kOtherWay;
}

void ChannelReceiver::receive_unicast(TimeNs now, Bytes datagram, const FarEnd& from) {
  CommonHeader header;
  if (decode_common(datagram, header) == WireFault::kNone && header.type == PacketType::kTunnelling)
    take_tunnelling(now, datagram, from);
  else
    take(now, datagram, from.address);
}

void ChannelReceiver::take_tunnelling(TimeNs now, Bytes datagram, const FarEnd& from) {
  Split split;
  const WireFault fault = split_message(datagram, split);
  if (fault != WireFault::kNone) {
    wire_faults_.add(fault);
    return;
  }
  const auto tunnel = std::find_if(tunnels_.begin(), tunnels_.end(),
                                   [&](const TunnelClient& t) { return t.far_end() == from; });
  if (tunnel == tunnels_.end()) return tunnel_counters_.add(TunnelClientCounter::kNotAsked);
  const size_t level = static_cast<size_t>(tunnel - tunnels_.begin()) + 1;
  TunnelRequest challenge;
  TunnelGrant grant;
  switch (static_cast<TunnellingCommand>(split.header.command)) {
    case TunnellingCommand::kChallenge:
      if (decode(split.body, challenge)) tunnel->take_challenge(now, challenge);
      return;
    case TunnellingCommand::kGrant:
      if (!decode(split.body, grant)) return;
      switch (tunnel->take_grant(now, grant)) {
        case TunnelClient::Answer::kGranted:
          return simple_.granted(now, level);
        case TunnelClient::Answer::kRefused:
          faults_.add(ProblemCode::kTunnelRefused, 1, 0);
          return simple_.refused(level, tunnel->refused_until());
        case TunnelClient::Answer::kIgnored:
          return;
      }
      return;
    case TunnellingCommand::kData:
      return take_tunnelled(now, split.body, level);
    case TunnellingCommand::kRequest:
    case TunnellingCommand::kLeave:
      return counters_.add(ReceiveCounter::kNotForReceivers);
  }
}

// What a tunnel brings comes from its far end, whoever stands in the inner packet: requests go there.
void ChannelReceiver::take_tunnelled(TimeNs now, Bytes body, size_t level) {
  TunnelClient& tunnel = tunnels_[level - 1];
  const auto datagram = tunnel.take_data(now, body);
  if (!datagram) return;
  way_ = level;
  take(now, *datagram, tunnel.far_end().address);
  way_ = kOtherWay;
}

void ChannelReceiver::note_message(TimeNs now) {
  if (way_ != kOtherWay) simple_.heard(now, way_);
}

void ChannelReceiver::note_data(TimeNs now, uint64_t sequence, const DataHeader& header) {
  note_message(now);
  if (way_ != 0) return;
  const bool watched = simple_.level() != 0;
  if (header.command == DataCommand::kOriginal) {
    groups_.data(now, slot_, sequence);
    if (watched) simple_.native().data(now, sequence);
  } else if (header.command == DataCommand::kHeartbeat) {
    groups_.heartbeat(now, slot_, sequence);
    if (watched) simple_.native().heartbeat(now, sequence);
  }
}

TimeNs ChannelReceiver::tunnels_due() const {
  TimeNs due = simple_.next_due();
  for (const TunnelClient& tunnel : tunnels_) due = std::min(due, tunnel.next_due());
  return due;
}

void ChannelReceiver::run_tunnels(TimeNs now) {
  if (tunnels_due() > now) return;
  const auto change = simple_.poll(now, {.played = counters_.get(ReceiveCounter::kPlayedPackets),
                                         .unrecovered = counters_.get(ReceiveCounter::kUnrecovered),
                                         .next = requester_.running() ? requester_.next() : 0});
  if (change) change_level(*change);
  for (size_t i = 0; i < tunnels_.size(); ++i) {
    if (simple_.uses(i + 1))
      tunnels_[i].open(now);
    else
      tunnels_[i].close(now);
  }
  send_tunnel_messages(now);
}

void ChannelReceiver::change_level(const LevelChange& change) {
  requester_.hops().prefer(change.to == 0 ? 0 : tunnels_[change.to - 1].far_end().address);
  unanswered_ = 0;  // by another hop
  faults_.add(change.to == 0 ? ProblemCode::kCameDown : ProblemCode::kClimbed, 1,
              requester_.running() ? requester_.next() : 0);
  counters_.add(change.to == 0 ? ReceiveCounter::kCameDown : ReceiveCounter::kClimbed);
  output_.level_changed(change);
}

// Their count is 0: after a long silence any other would be too old to be taken.
void ChannelReceiver::send_tunnel_messages(TimeNs now) {
  for (TunnelClient& tunnel : tunnels_) {
    while (const auto message = tunnel.take_due(now)) {
      std::array<uint8_t, kMaxTunnelMessageSize> datagram;
      send_with_count(0, tunnel.far_end(), datagram, encode(message->command, message->body, datagram));
    }
  }
}

ChannelReceiver::Reached ChannelReceiver::reached(Ipv4 hop) const {
  // The hop whose group is joined may be one that can be asked for a tunnel, too.
  for (size_t i = 0; i < tunnels_.size(); ++i)
    if (simple_.uses(i + 1) && tunnels_[i].far_end().address == hop)
      return {tunnels_[i].far_end(), tunnels_[i].place().group};
  return {{hop, groups_.in_use().port}, groups_.in_use().group};
}

}  // namespace linecast::smart
