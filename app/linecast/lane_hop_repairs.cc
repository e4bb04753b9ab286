// What receivers ask of a hop and tell it, and the repairs that come of it.
#include <algorithm>
#include <cstring>

#include "app/linecast/lane_hop.h"
#include "lib/smart/trailer.h"

namespace linecast::app {

std::optional<uint64_t> LaneHop::admit(crypto::Manager& manager, crypto::ReceiverKeys& keys, Bytes datagram,
                                       Bytes trailer, UpwardCount count) {
  const auto refused = [this](ChannelCounter reason) {
    counters_.add(reason);
    return std::nullopt;
  };
  if (message_keys_ == nullptr) {
    if (!trailer.empty()) return refused(ChannelCounter::kRequestTrailer);
    return 0;
  }
  if (trailer.size() != smart::kCmacTrailerSize) return refused(ChannelCounter::kRequestTrailer);
  const smart::TrailerFields fields = smart::read_trailer(trailer);
  if (fields.key_id != stream_.key_id) return refused(ChannelCounter::kRequestTrailer);
  const Bytes covered = datagram.first(datagram.size() - crypto::kCmacSize);
  if (!keys.verify(manager, message_keys_->up, fields.id, covered, covered.data() + covered.size()))
    return refused(ChannelCounter::kRequestMac);
  if (count == UpwardCount::kAny || (count == UpwardCount::kKeptOrNone && fields.count == 0))
    return fields.id;
  // The count is the highest sequence that the receiver has opened: of this stream, and not older than what
  // is kept.
  if (fields.count >= stream_.next_sequence || fields.count + ring_.slots() < stream_.next_sequence ||
      fields.count + 1 < stream_.first_sequence)
    return refused(ChannelCounter::kRequestStale);
  return fields.id;
}

smart::KeptSequences LaneHop::kept() const {
  const uint64_t next = stream_.next_sequence;
  return {std::max(stream_.first_sequence, next - std::min<uint64_t>(next, ring_.slots())), next};
}

// Plain unicast to listed prefixes only: the source of a request may be forged, and would be flooded with
// repairs. Nor to a prefix's own first and last address: no host has them, and the last may be a broadcast.
smart::RepairTarget LaneHop::target_of(Ipv4 source, uint16_t port, const net::Mac& mac) const {
  if (repairs_to_ == lineup::RepairsTo::kMulticast || port == 0) return {};
  for (const lineup::Prefix& prefix : unicast_prefixes_)
    if (prefix.contains(source) && !prefix.is_reserved(source)) return {source, port, mac};
  return {};
}

bool LaneHop::request(TimeNs now, const smart::PairList& asked, const smart::RepairTarget& from,
                      smart::SourceShare& share, smart::PairList& quiet) {
  const smart::RepairEngine::Outcome outcome =
      engine_.request(now, askers_.round_trip_ns(), kept(), asked, from, share, quiet);
  count_outcome(outcome);
  return askers_.asked(now, outcome);
}

bool LaneHop::request(TimeNs now, const smart::PairList& asked, const smart::TunnelDestination& from,
                      smart::SourceShare& share) {
  const smart::TunnelRepairs::Outcome outcome = tunnels_->request(now, kept(), asked, from, share);
  count_outcome(outcome);
  if (outcome.queue_full > 0) {
    counters_.add(ChannelCounter::kRequestedSequences, outcome.queue_full);
    counters_.add(ChannelCounter::kRepairQueueFull, outcome.queue_full);
  }
  return tunnels_->askers().asked(now, outcome);
}

void LaneHop::count_outcome(const smart::RepairEngine::Outcome& outcome) {
  counters_.add(ChannelCounter::kRequestedSequences, outcome.sum());
  if (outcome.repeated > 0) counters_.add(ChannelCounter::kRequestRepeated, outcome.repeated);
  if (outcome.not_sent > 0) counters_.add(ChannelCounter::kRequestNotSent, outcome.not_sent);
  if (outcome.too_old > 0) counters_.add(ChannelCounter::kRequestTooOld, outcome.too_old);
  if (outcome.over_budget > 0) counters_.add(ChannelCounter::kRequestOverBudget, outcome.over_budget);
  if (outcome.over_share > 0) counters_.add(ChannelCounter::kRequestSourceShare, outcome.over_share);
}

drivers::Packet* LaneHop::take_repair(TimeNs now, smart::RepairTarget& target) {
  smart::RepairEngine::Repair repair;
  drivers::Packet* frame = nullptr;
  const auto size_of = [this](uint64_t sequence) { return drivers::view(ring_.at(sequence)).size(); };
  switch (engine_.take(now, kept(), size_of, repair)) {
    case smart::RepairEngine::Taken::kRepair:
      target = repair.target;
      frame = kept_frame(repair.sequence);
      if (frame != nullptr) return frame;
      [[fallthrough]];  // it was asked for when the stream had not begun anew
    case smart::RepairEngine::Taken::kTooOld:
      counters_.add(ChannelCounter::kRequestTooOld);
      return nullptr;
    case smart::RepairEngine::Taken::kNothing:
      break;
  }
  return nullptr;
}

// The kept frame may still be read by the card, so the repair has headers of its own: CMD 1, and the same
// ciphertext and tag behind it.
void LaneHop::write_repair(drivers::Packet* kept, drivers::Packet* packet, drivers::Packet* tail, To to) {
  const uint8_t* in = drivers::payload_bytes(kept);
  const auto size = static_cast<uint16_t>(drivers::payload_size(kept));
  uint8_t* out = drivers::payload_bytes(packet);
  const size_t own = tail == nullptr ? size : smart::kDataHeaderSize;
  std::memcpy(out, in, own);
  smart::set_data_command(out, smart::DataCommand::kRepair, quiet_);
  const net::UdpTemplate& header = place(to).header;
  header.write(out, size, ip_id_++);
  if (!card_udp_checksum_) net::UdpTemplate::derive_udp_checksum(out, in, smart::kDataHeaderSize);
  drivers::prepare_frame(packet, marks_, header.size(), own);
  if (tail != nullptr) drivers::append_kept(packet, tail, kept, own);
  counters_.add(to == To::kInUse ? ChannelCounter::kRepairsSent : ChannelCounter::kCopiesSent);
}

void LaneHop::send_to(const smart::RepairTarget& target, drivers::Packet* packet) {
  place_.header.readdress(drivers::payload_bytes(packet), {target.mac, target.address, target.port},
                          card_udp_checksum_);
  counters_.add(ChannelCounter::kRepairsUnicast);
}

bool LaneHop::take_join(TimeNs now, const smart::TunnelPeer& from, const smart::UsageReport& report,
                        bool again) {
  const bool good = askers_from(from).join(now, report, again);
  counters_.add(good ? ChannelCounter::kJoins : ChannelCounter::kReportEcho);
  return good;
}

bool LaneHop::take_leave(TimeNs now, const smart::TunnelPeer& from, const smart::UsageReport& report) {
  const bool good = askers_from(from).leave(now, report);
  counters_.add(good ? ChannelCounter::kLeaves : ChannelCounter::kReportEcho);
  return good;
}

}  // namespace linecast::app
