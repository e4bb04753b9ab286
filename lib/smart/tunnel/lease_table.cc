#include "lib/smart/tunnel/lease_table.h"

#include <algorithm>
#include <string>

#include "lib/base/error.h"

namespace linecast::smart {

LeaseTable::LeaseTable(const Settings& settings, TunnelCounters& counters)
    : counters_(counters),
      tunnels_of_a_peer_(settings.tunnels_of_a_peer),
      port_of_interface_(settings.port_of_interface),
      channels_(settings.channel_rates_bps.size()),
      keys_(settings.tunnels, settings.seed),
      entries_(settings.tunnels),
      peers_(settings.tunnels, settings.seed),
      peer_tunnels_(settings.tunnels),
      changed_(settings.channel_rates_bps.size()) {
  for (const uint16_t port : port_of_interface_)
    if (port >= settings.ports.size())
      throw Error("tunnels: an interface is on port " + std::to_string(port) + ", but limits are given for " +
                  std::to_string(settings.ports.size()) + " ports: give every port its limits");
  for (const PortLimits& limits : settings.ports) ports_.push_back({.limits = limits});
  for (size_t i = 0; i < channels_.size(); ++i) channels_[i].rate_bps = settings.channel_rates_bps[i];
}

LeaseTable::Granted LeaseTable::grant(TimeNs now, const LeaseKey& key, const TunnelWay& way,
                                      const LeaseHolder& holder) {
  now_ = std::max(now_, now);
  uint32_t place = keys_.find(packed(key));
  const Granted granted = place == PlaceTable::kNone ? open(key, way, place) : renew(place, way);
  switch (granted) {
    case Granted::kNew:
      counters_.add(TunnelCounter::kGranted);
      break;
    case Granted::kRenewed:
      counters_.add(TunnelCounter::kRenewed);
      break;
    case Granted::kTableFull:
      counters_.add(TunnelCounter::kTableFull);
      return granted;
    case Granted::kPeerFull:
      counters_.add(TunnelCounter::kPeerFull);
      return granted;
    case Granted::kPortFull:
      counters_.add(TunnelCounter::kPortFull);
      return granted;
    case Granted::kPortRateFull:
      counters_.add(TunnelCounter::kPortRateFull);
      return granted;
  }
  Entry& entry = entries_[place];
  entry.opened = holder.opened || (entry.opened && entry.receiver == holder.receiver);
  entry.receiver = holder.receiver;
  entry.until_ns = now_ + kLeaseNs;
  return granted;
}

LeaseTable::Granted LeaseTable::open(const LeaseKey& key, const TunnelWay& way, uint32_t& place) {
  if (keys_.size() == keys_.capacity()) return Granted::kTableFull;
  uint32_t peer = peers_.find(key.peer.address);
  const uint32_t tunnels_of_it = peer != PlaceTable::kNone ? peer_tunnels_[peer] : 0;
  if (tunnels_of_it >= tunnels_of_a_peer_) return Granted::kPeerFull;
  const Granted room = room_on(port_of(way.interface), channels_[key.channel].rate_bps);
  if (room != Granted::kNew) return room;

  if (peer == PlaceTable::kNone) peer = peers_.add(key.peer.address);  // has room: no more peers than leases
  peer_tunnels_[peer] = tunnels_of_it + 1;
  place = keys_.add(packed(key));
  entries_[place] = {.since_ns = now_, .peer = peer, .way = way};
  ages_.append(entries_, place);
  channels_[key.channel].leases.append(entries_, place);
  ++channels_[key.channel].tunnels;
  carry(way.interface, key.channel);
  mark_changed(key.channel);
  return Granted::kNew;
}

LeaseTable::Granted LeaseTable::renew(uint32_t place, const TunnelWay& way) {
  Entry& entry = entries_[place];
  const uint16_t channel = channel_of(place);
  if (way.interface != entry.way.interface) {
    Port& to = port_of(way.interface);
    if (&to != &port_of(entry.way.interface)) {
      const Granted room = room_on(to, channels_[channel].rate_bps);
      if (room != Granted::kNew) return room;
    }
    drop(entry.way.interface, channel);
    carry(way.interface, channel);
  }
  if (way != entry.way) {
    entry.way = way;
    mark_changed(channel);
  }
  ages_.remove(entries_, place);
  ages_.append(entries_, place);
  return Granted::kRenewed;
}

LeaseTable::Granted LeaseTable::room_on(const Port& port, uint64_t rate_bps) {
  if (port.tunnels >= port.limits.tunnels) return Granted::kPortFull;
  return port.rate_bps + rate_bps > port.limits.rate_bps ? Granted::kPortRateFull : Granted::kNew;
}

void LeaseTable::carry(uint16_t interface, uint16_t channel) {
  Port& port = port_of(interface);
  ++port.tunnels;
  port.rate_bps += channels_[channel].rate_bps;
}

void LeaseTable::drop(uint16_t interface, uint16_t channel) {
  Port& port = port_of(interface);
  --port.tunnels;
  port.rate_bps -= channels_[channel].rate_bps;
}

LeaseTable::Left LeaseTable::leave(const LeaseKey& key, const LeaseHolder& holder) {
  const uint32_t place = keys_.find(packed(key));
  if (place == PlaceTable::kNone) {
    counters_.add(TunnelCounter::kLeaveUnknown);
    return Left::kUnknown;
  }
  const Entry& entry = entries_[place];
  if (entry.receiver != holder.receiver || (entry.opened && !holder.opened)) {
    counters_.add(TunnelCounter::kLeaveRefused);
    return Left::kRefused;
  }
  close(place, TunnelCounter::kLeft);
  return Left::kLeft;
}

size_t LeaseTable::expire(TimeNs now, size_t most) {
  now_ = std::max(now_, now);
  size_t ended = 0;
  for (; ended < most; ++ended) {
    const uint32_t oldest = ages_.first();
    if (oldest == PlaceTable::kNone || entries_[oldest].until_ns > now_) break;
    close(oldest, TunnelCounter::kExpired);
  }
  return ended;
}

void LeaseTable::end(const LeaseKey& key) {
  const uint32_t place = keys_.find(packed(key));
  if (place != PlaceTable::kNone) close(place, TunnelCounter::kEnded);
}

void LeaseTable::end_channel(uint16_t channel) {
  while (channels_[channel].leases.first() != PlaceTable::kNone)
    close(channels_[channel].leases.first(), TunnelCounter::kEnded);
}

void LeaseTable::close(uint32_t place, TunnelCounter why) {
  const Entry& entry = entries_[place];
  const uint16_t channel = channel_of(place);
  drop(entry.way.interface, channel);
  if (--peer_tunnels_[entry.peer] == 0) peers_.remove(entry.peer);
  channels_[channel].leases.remove(entries_, place);
  --channels_[channel].tunnels;
  ages_.remove(entries_, place);
  keys_.remove(place);
  mark_changed(channel);
  counters_.add(why);
}

void LeaseTable::set_rate(uint16_t channel, uint64_t rate_bps) {
  for_each(channel, [&](const Lease& lease) { drop(lease.way.interface, channel); });
  channels_[channel].rate_bps = rate_bps;
  for_each(channel, [&](const Lease& lease) { carry(lease.way.interface, channel); });
}

LeaseTable::Lease LeaseTable::lease_at(uint32_t place) const {
  const Entry& entry = entries_[place];
  const uint64_t key = keys_.key(place);
  return {.key = {{static_cast<Ipv4>(key >> 32), static_cast<uint16_t>(key >> 16)}, channel_of(place)},
          .way = entry.way,
          .holder = {entry.receiver, entry.opened},
          .since_ns = entry.since_ns,
          .until_ns = entry.until_ns};
}

void LeaseTable::mark_changed(uint16_t channel) {
  if (channels_[channel].changed) return;
  channels_[channel].changed = true;
  changed_[(changed_head_ + changed_count_++) % changed_.size()] = channel;
}

bool LeaseTable::next_changed(uint16_t& channel) {
  if (changed_count_ == 0) return false;
  channel = changed_[changed_head_];
  changed_head_ = (changed_head_ + 1) % changed_.size();
  --changed_count_;
  channels_[channel].changed = false;
  return true;
}

}  // namespace linecast::smart
