// By which way a repeater's stream comes from the hop above: its group, or a tunnel in its place.
#include "lib/base/serial.h"
#include "lib/smart/relay/relay_stream.h"

namespace linecast::smart {

std::optional<Bytes> RelayStream::take_tunnelling(TimeNs now, uint16_t from_port, Bytes datagram,
                                                  WireFault& fault) {
  Split split;
  fault = split_message(datagram, split);
  if (fault != WireFault::kNone) return std::nullopt;
  if (!tunnel_) {
    counters_.add(ReceiveCounter::kNotForReceivers);
    return std::nullopt;
  }
  if (from_port != tunnel_->far_end().port) {
    tunnel_counters_.add(TunnelClientCounter::kNotAsked);
    return std::nullopt;
  }
  TunnelRequest challenge;
  TunnelGrant grant;
  switch (static_cast<TunnellingCommand>(split.header.command)) {
    case TunnellingCommand::kChallenge:
      if (decode(split.body, challenge)) tunnel_->take_challenge(now, challenge);
      return std::nullopt;
    case TunnellingCommand::kGrant:
      if (!decode(split.body, grant)) return std::nullopt;
      switch (tunnel_->take_grant(now, grant)) {
        case TunnelClient::Answer::kGranted:
          simple_.granted(now, 1);
          break;
        case TunnelClient::Answer::kRefused:
          faults_.add(ProblemCode::kTunnelRefused, 1, 0);
          simple_.refused(1, tunnel_->refused_until());
          break;
        case TunnelClient::Answer::kIgnored:
          break;
      }
      return std::nullopt;
    case TunnellingCommand::kData:
      return tunnel_->take_data(now, split.body);
    case TunnellingCommand::kRequest:
    case TunnellingCommand::kLeave:
      break;
  }
  counters_.add(ReceiveCounter::kNotForReceivers);
  return std::nullopt;
}

void RelayStream::note_message(TimeNs now) {
  if (by_.way != Way::kUnicast) simple_.heard(now, by_.way == Way::kTunnel ? 1 : 0);
}

void RelayStream::note_data(TimeNs now, const DataHeader& header, uint64_t sequence) {
  note_message(now);
  if (by_.way != Way::kNative) return;
  const bool watched = simple_.level() != 0;
  if (header.command == DataCommand::kOriginal) {
    groups_.data(now, by_.slot, sequence);
    if (watched) simple_.native().data(now, sequence);
  } else if (header.command == DataCommand::kHeartbeat) {
    groups_.heartbeat(now, by_.slot, sequence);
    if (watched) simple_.native().heartbeat(now, sequence);
  }
}

// The stream has this packet, but whether the way works by which the copy came shows in it all the same.
void RelayStream::note_copy(crypto::Manager& manager, TimeNs now, const DataHeader& header, Bytes datagram,
                            MutableBytes scratch) {
  if (!judges_copies()) return;
  const bool heartbeat = header.command == DataCommand::kHeartbeat;
  uint64_t sequence = decode_iv(datagram.data() + kDataHeaderSize).counter;
  if (settings_.guard == RelayGuard::kOpened) {
    const EpochKey* key = epochs_->keys.find(header.synch_code);
    if (key == nullptr || !opens(manager, *key, datagram, scratch)) return;
    if (heartbeat) sequence = load_be64(scratch.data());
  } else if (heartbeat) {
    if (!running()) return;
    sequence = extend_serial(requester_.next() - 1, header.number);
  }
  note_data(now, header, sequence);
}

void RelayStream::run_tunnel(TimeNs now) {
  if (!tunnel_) return;
  const Simple::Totals totals{.played = relay_counters_.get(RelayCounter::kPassedOn),
                              .unrecovered = counters_.get(ReceiveCounter::kUnrecovered),
                              .next = running() ? requester_.next() : 0};
  if (const auto change = simple_.poll(now, totals)) {
    const bool down = change->to == 0;
    counters_.add(down ? ReceiveCounter::kCameDown : ReceiveCounter::kClimbed);
    faults_.add(down ? ProblemCode::kCameDown : ProblemCode::kClimbed, 1, totals.next);
  }
  if (uses_tunnel())
    tunnel_->open(now);
  else
    tunnel_->close(now);
}

}  // namespace linecast::smart
