#include "app/linecast/tunnel_keeper.h"

#include <algorithm>

#include "lib/crypto/derive.h"
#include "lib/smart/trailer.h"

namespace linecast::app {
namespace {

using smart::TunnelCounter;

// Of leases that end at once, in one tick: the rest follows with the next.
constexpr size_t kExpiredATick = 2'000;

smart::TunnelCookies::Secret new_secret() {
  smart::TunnelCookies::Secret secret;
  crypto::random_bytes(secret);
  return secret;
}

smart::LeaseTable::Settings with_slots(smart::LeaseTable::Settings settings, size_t slots) {
  settings.channel_rates_bps.assign(slots, 0);
  return settings;
}

}  // namespace

TunnelKeeper::TunnelKeeper(TimeNs now, Settings settings, StateOf state_of)
    : cookies_(manager_, now, new_secret()),
      leases_(with_slots(std::move(settings.leases), settings.slots), counters_),
      grantor_({}, cookies_, leases_, counters_),
      prefixes_(std::move(settings.prefixes)),
      state_of_(std::move(state_of)),
      now_(now),
      hops_(settings.slots) {}

void TunnelKeeper::set_hop(uint16_t slot, const TunnelHop& terms) {
  const auto key = [](const TunnelHop& of) { return key_of(of.interface, of.group, of.port); };
  if (hops_[slot] == nullptr) {
    hops_[slot] = std::make_unique<Hop>();
  } else if (const uint64_t before = key(hops_[slot]->terms); before != key(terms)) {
    end_former(slot);
    hops_[slot]->former = before;
  }
  Hop& hop = *hops_[slot];
  hop.terms = terms;
  if (hop.up_key != nullptr) receiver_keys_.forget(*hop.up_key);
  hop.up_key = terms.up_key ? std::make_unique<crypto::CmacKey>(manager_, terms.up_key->key) : nullptr;
  leases_.set_rate(slot, terms.rate_bps);
  const auto [found, is_new] = slots_.try_emplace(key(terms), slot);
  if (!is_new && found->second != slot) {
    if (hops_[found->second]->terms.channel == terms.channel)
      move_leases(found->second, slot);
    else
      leases_.end_channel(found->second);  // who had that one by tunnel would not know what comes instead
  }
  found->second = slot;
  if (!terms.allowed) leases_.end_channel(slot);
}

// A stream that begins anew: who had the old one by tunnel need not ask before it gets the new one.
void TunnelKeeper::move_leases(uint16_t from, uint16_t to) {
  std::vector<smart::LeaseTable::Lease> moved;
  leases_.for_each(from, [&](const smart::LeaseTable::Lease& lease) { moved.push_back(lease); });
  leases_.end_channel(from);
  for (const smart::LeaseTable::Lease& lease : moved)
    leases_.grant(now_, {lease.key.peer, to}, lease.way, {lease.holder.receiver, false});
}

void TunnelKeeper::end_hop(uint16_t slot) {
  if (hops_[slot] == nullptr) return;
  leases_.end_channel(slot);
  end_former(slot);
  const TunnelHop& terms = hops_[slot]->terms;
  forget(key_of(terms.interface, terms.group, terms.port), slot);
  if (hops_[slot]->up_key != nullptr) receiver_keys_.forget(*hops_[slot]->up_key);
  hops_[slot].reset();
}

void TunnelKeeper::end_former(uint16_t slot) {
  if (hops_[slot] == nullptr || !hops_[slot]->former) return;
  forget(*hops_[slot]->former, slot);
  hops_[slot]->former.reset();
}

void TunnelKeeper::forget(uint64_t key, uint16_t slot) {
  const auto found = slots_.find(key);
  if (found != slots_.end() && found->second == slot) slots_.erase(found);
}

bool TunnelKeeper::is_allowed(Ipv4 address) const {
  return prefixes_.empty() || std::ranges::any_of(prefixes_, [address](const lineup::Prefix& prefix) {
           return prefix.contains(address) && !prefix.is_reserved(address);
         });
}

bool TunnelKeeper::take(TimeNs now, const HeardTunnelAsk& heard, TunnelReply& reply) {
  now_ = now;
  smart::Split message;
  if (smart::split_message(heard.view(), message) != smart::WireFault::kNone) return false;
  smart::TunnelAsk ask{.command = static_cast<smart::TunnellingCommand>(message.header.command),
                       .request = {},
                       .from = heard.from,
                       .to = heard.to,
                       .way = heard.way};
  if (!smart::decode(message.body, ask.request)) return false;
  reply = {.to = heard.from, .way = heard.way, .from = heard.to, .from_port = heard.to_port, .answer = {}};
  const auto proved = grantor_.screen(now, ask, reply.answer);
  if (!proved) return reply.answer.size > 0;
  const auto found = slots_.find(key_of(heard.way.interface, ask.request.group, heard.to_port));
  if (found == slots_.end()) {
    grantor_.refuse(*proved, smart::TunnelReason::kNotCarried, reply.answer);
    return reply.answer.size > 0;
  }
  const uint16_t slot = found->second;
  if (!hops_[slot]->terms.allowed || !is_allowed(heard.from.address)) {
    grantor_.refuse(*proved, smart::TunnelReason::kNotAllowed, reply.answer);
    return reply.answer.size > 0;
  }
  const HopState state = state_of_(slot);
  const std::optional<smart::LeaseHolder> holder = holder_of(slot, state.kept, heard.view(), message.trailer);
  if (!holder) return false;
  grantor_.decide(now, *proved, {.channel = slot, .hops = state.hops, .holder = *holder}, reply.answer);
  return reply.answer.size > 0;
}

std::optional<smart::LeaseHolder> TunnelKeeper::holder_of(uint16_t slot, const smart::KeptSequences& kept,
                                                          Bytes datagram, Bytes trailer) {
  const auto refused = [this](TunnelCounter reason) {
    counters_.add(reason);
    return std::nullopt;
  };
  const Hop& hop = *hops_[slot];
  if (hop.up_key == nullptr) {
    if (!trailer.empty()) return refused(TunnelCounter::kTrailer);
    return smart::LeaseHolder{};
  }
  if (trailer.size() != smart::kCmacTrailerSize) return refused(TunnelCounter::kTrailer);
  const smart::TrailerFields fields = smart::read_trailer(trailer);
  if (fields.key_id != hop.terms.up_key->id) return refused(TunnelCounter::kTrailer);
  const Bytes covered = datagram.first(datagram.size() - crypto::kCmacSize);
  if (!receiver_keys_.verify(manager_, *hop.up_key, fields.id, covered, covered.data() + covered.size()))
    return refused(TunnelCounter::kMac);
  if (fields.count != 0 && (fields.count >= kept.next || fields.count + 1 < kept.first))
    return refused(TunnelCounter::kStale);
  return smart::LeaseHolder{.receiver = fields.id, .opened = fields.count != 0};
}

void TunnelKeeper::tick(TimeNs now) {
  now_ = now;
  leases_.expire(now, kExpiredATick);
  if (cookies_.rotation_due(now)) cookies_.rotate(now, new_secret());
}

}  // namespace linecast::app
