#include "lib/net/neighbors.h"

#include <algorithm>
#include <utility>

#include "lib/base/error.h"

namespace linecast::net {

Neighbors::Neighbors(const NeighborsConfig& config, Send send) : config_(config), send_(std::move(send)) {
  if (config.prefix_length < 1 || config.prefix_length > 31)
    throw Error("ARP: a prefix length of " + std::to_string(config.prefix_length) + "; give 1 to 31");
  if (config.address == 0) throw Error("ARP: no address to answer for; give the interface one");
  mask_ = UINT32_MAX << (32 - config.prefix_length);
  if (config.gateway != 0 && !is_neighbor(config.gateway))
    throw Error("ARP: gateway " + to_string(config.gateway) + " is no host's address in the subnet of " +
                to_string(config.address));
  if (config.gateway != 0) entries_.add({.address = config.gateway});
}

// Whether another host of the subnet may have the address. The first and last address of a subnet are
// nobody's, but in /31 (RFC 3021).
bool Neighbors::is_neighbor(Ipv4 address) const {
  const Ipv4 host = address & ~mask_;
  const bool nobodys = config_.prefix_length < 31 && (host == 0 || host == ~mask_);
  return (address & mask_) == (config_.address & mask_) && !nobodys && address != config_.address;
}

Ipv4 Neighbors::next_hop(Ipv4 destination) const {
  const bool unicast = is_host_address(destination);
  if (!unicast) return 0;
  if ((destination & mask_) != (config_.address & mask_)) return config_.gateway;
  return is_neighbor(destination) ? destination : 0;
}

Neighbors::Entry* Neighbors::find(Ipv4 address) {
  const auto at =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.address == address; });
  return at != entries_.end() ? &*at : nullptr;
}

// A new entry; in a full table in the place of the one that was used least recently, though not after
// `evict_used_until`. None where there is none such.
Neighbors::Entry* Neighbors::add(Ipv4 address, TimeNs evict_used_until) {
  if (Entry* const added = entries_.add({.address = address}); added != nullptr) return added;
  Entry* oldest = nullptr;
  for (Entry& e : entries_) {
    if (e.address == config_.gateway || e.used > evict_used_until) continue;
    if (oldest == nullptr || e.used < oldest->used) oldest = &e;
  }
  if (oldest == nullptr) return nullptr;
  counters_.add(ArpCounter::kEvicted);
  *oldest = {.address = address};
  return oldest;
}

void Neighbors::link_up(TimeNs now) {
  announcements_left_ = kAnnouncements;
  announce_due_ = now;
  schedule(now);
  for (size_t i = entries_.size(); i-- > 0;) {
    const Entry& e = entries_[i];
    if (e.address != config_.gateway && (e.state == State::kAsking || e.state == State::kFailed))
      entries_.remove(i);
  }
  for (Entry& e : entries_) {
    if (e.state == State::kAsking || e.state == State::kFailed) {
      ask(now, State::kAsking, e);
    } else {
      e.state = State::kKnown;
      e.confirmed = now - kReachableNs;
    }
  }
}

void Neighbors::ask(TimeNs now, State state, Entry& entry) {
  entry.state = state;
  entry.tries_left = kTries;
  entry.due = now;
  schedule(now);
}

std::optional<Mac> Neighbors::resolve(TimeNs now, Ipv4 destination) {
  const auto none = [&](ArpCounter counter) {
    counters_.add(counter);
    return std::nullopt;
  };
  const Ipv4 hop = next_hop(destination);
  if (hop == 0) return none(ArpCounter::kNoRoute);
  Entry* entry = find(hop);
  if (entry == nullptr) {
    const auto asking = static_cast<size_t>(std::count_if(
        entries_.begin(), entries_.end(), [](const Entry& e) { return e.state == State::kAsking; }));
    entry = asking < kMaxAsking ? add(hop, kNever) : nullptr;
    if (entry == nullptr) return none(ArpCounter::kTableFull);
    ask(now, State::kAsking, *entry);
  }
  if (entry->state == State::kFailed) return none(ArpCounter::kUnresolved);
  entry->used = now;
  if (entry->state == State::kAsking) return none(ArpCounter::kUnresolved);
  if (entry->state == State::kKnown && now - entry->confirmed >= kReachableNs)
    ask(now, State::kPolling, *entry);
  return entry->mac;
}

void Neighbors::receive(TimeNs now, Bytes packet) {
  ArpPacket arp;
  if (!decode_arp(packet, arp)) return counters_.add(ArpCounter::kMalformed);
  if (arp.sender_mac == config_.mac) return counters_.add(ArpCounter::kIgnored);  // our own, come back
  if (arp.sender == config_.address) return meet_conflict(now, arp.sender_mac);
  const bool asks_for_us = arp.operation == kArpRequest && arp.target == config_.address;
  const bool is_probe = arp.sender == 0;  // RFC 5227, section 2.1.1
  if (is_neighbor(arp.sender)) {
    if (!learn(now, arp, asks_for_us) && !asks_for_us) counters_.add(ArpCounter::kIgnored);
  } else if (!is_probe) {
    counters_.add(ArpCounter::kForeignSender);
  } else if (!asks_for_us) {
    counters_.add(ArpCounter::kIgnored);
  }
  // Foreign senders are answered too: routers ask with the address that they send from, a loopback's say.
  if (asks_for_us) answer(now, arp);
}

// RFC 826: what is known is brought up to date by any packet, but only who asks for us is taken up anew.
// True where an entry has come of it.
bool Neighbors::learn(TimeNs now, const ArpPacket& packet, bool asks_for_us) {
  Entry* entry = find(packet.sender);
  if (entry == nullptr) {
    if (!asks_for_us) return false;
    entry = add(packet.sender, now - kInUseNs);
    if (entry == nullptr) {
      counters_.add(ArpCounter::kTableFull);
      return false;
    }
  }
  if (entry->mac != Mac{} && entry->mac != packet.sender_mac) counters_.add(ArpCounter::kMacChanges);
  entry->mac = packet.sender_mac;
  entry->state = State::kKnown;
  entry->confirmed = now;
  entry->used = std::max(entry->used, now - kInUseNs);  // to have asked is not to be in use
  schedule(due(*entry));
  return true;
}

// RFC 5227, section 2.4 (c): a server keeps its address, and says so now and then.
void Neighbors::meet_conflict(TimeNs now, const Mac& mac) {
  counters_.add(ArpCounter::kConflicts);
  conflict_mac_.set(uint64_t{load_be16(mac.data())} << 32 | load_be32(mac.data() + 2));
  if (now < next_defence_) return;
  next_defence_ = now + kDefendIntervalNs;
  send_announcement();
}

void Neighbors::answer(TimeNs now, const ArpPacket& request) {
  if (!answers_.take(now, 1)) {
    counters_.add(ArpCounter::kAnswersLimited);
    return request_missed(now);
  }
  send_frame(answer_arp(request, config_.mac, config_.address, frame_), ArpCounter::kAnswered);
}

void Neighbors::request_missed(TimeNs now) {
  if (announce_due_ != kNever) return;
  announcements_left_ = 1;
  announce_due_ = now + kNsPerSecond;
  schedule(announce_due_);
}

TimeNs Neighbors::due(const Entry& entry) const {
  if (entry.state != State::kKnown) return entry.due;
  return entry.address == config_.gateway ? entry.confirmed + kReachableNs : entry.used + kForgetNs;
}

void Neighbors::poll(TimeNs now) {
  if (now < next_due_) return;
  frames_sent_ = 0;
  if (announce_due_ <= now) {
    --announcements_left_;
    announce_due_ = announcements_left_ > 0 ? now + kAnnounceIntervalNs : kNever;
    send_announcement();
  }
  next_due_ = announce_due_;
  for (size_t i = 0; i < entries_.size();) {
    if (due(entries_[i]) <= now && frames_sent_ < kMaxFramesAPoll && !act(now, entries_[i])) {
      entries_.remove(i);
      continue;
    }
    schedule(due(entries_[i]));
    ++i;
  }
  next_due_ = std::max(next_due_, now);
}

// Does what is due for an entry; false where it is forgotten.
bool Neighbors::act(TimeNs now, Entry& entry) {
  const bool is_gateway = entry.address == config_.gateway;
  if (entry.state == State::kKnown || entry.state == State::kFailed) {
    if (!is_gateway) return false;
    ask(now, entry.state == State::kKnown ? State::kPolling : State::kAsking, entry);
  } else if (entry.tries_left == 0 && entry.state == State::kPolling) {
    ask(now, State::kAsking, entry);  // the address may have another MAC by now
  } else if (entry.tries_left == 0) {
    counters_.add(ArpCounter::kUnreachable);
    entry.state = State::kFailed;
    entry.used = INT64_MIN;
    entry.due = now + kFailedNs;
    return true;
  }
  send_request(entry);
  --entry.tries_left;
  entry.due = now + kRetryNs;
  return true;
}

void Neighbors::send_announcement() {
  send_frame(announce_arp(config_.mac, config_.address, frame_), ArpCounter::kAnnouncementsSent);
}

void Neighbors::send_request(const Entry& entry) {
  const Mac& destination = entry.state == State::kPolling ? entry.mac : kBroadcastMac;
  send_frame(request_arp(destination, config_.mac, config_.address, entry.address, frame_),
             ArpCounter::kRequestsSent);
}

void Neighbors::send_frame(size_t size, ArpCounter counter) {
  send_(Bytes(frame_).first(size));
  counters_.add(counter);
  ++frames_sent_;
}

NeighborsStatus Neighbors::status() const {
  NeighborsStatus out;
  for (const Entry& e : entries_) {
    if (e.state != State::kKnown && e.state != State::kPolling) continue;
    ++out.known;
    out.gateway_known |= e.address == config_.gateway;
  }
  return out;
}

}  // namespace linecast::net
