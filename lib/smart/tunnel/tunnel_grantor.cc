#include "lib/smart/tunnel/tunnel_grantor.h"

namespace linecast::smart {
namespace {

constexpr TunnelCookie kNoCookie{};

TunnelReason reason_of(LeaseTable::Granted granted) {
  return granted == LeaseTable::Granted::kNew || granted == LeaseTable::Granted::kRenewed
             ? TunnelReason::kGranted
             : TunnelReason::kNoRoom;
}

}  // namespace

TunnelGrantor::TunnelGrantor(const Settings& settings, const TunnelCookies& cookies, LeaseTable& leases,
                             TunnelCounters& counters)
    : cookies_(cookies),
      leases_(leases),
      counters_(counters),
      source_challenges_(settings.challenges_of_a_source.per_second, settings.challenges_of_a_source.burst),
      source_requests_(settings.requests_of_a_source.per_second, settings.requests_of_a_source.burst),
      challenges_(settings.challenges.per_second, settings.challenges.burst),
      requests_(settings.requests.per_second, settings.requests.burst) {}

std::optional<TunnelGrantor::Proved> TunnelGrantor::screen(TimeNs now, const TunnelAsk& ask,
                                                           TunnelAnswer& answer) {
  answer.size = 0;
  if (is_dropped(ask)) return std::nullopt;
  if (ask.request.cookie == kNoCookie) {
    challenge(now, ask, answer);
    return std::nullopt;
  }
  if (!cookies_.verify(now, ask.from, ask.request.group, ask.request.cookie)) {
    counters_.add(TunnelCounter::kBadCookie);
    challenge(now, ask, answer);
    return std::nullopt;
  }
  if (!source_requests_.admit(now, ask.from.address, 0, 1)) {
    counters_.add(TunnelCounter::kRequestSourceLimit);
    return std::nullopt;
  }
  if (!requests_.take(now, 1)) {
    counters_.add(TunnelCounter::kRequestLimit);
    return std::nullopt;
  }
  return Proved(ask);
}

bool TunnelGrantor::is_dropped(const TunnelAsk& ask) {
  if (ask.command != TunnellingCommand::kRequest && ask.command != TunnellingCommand::kLeave) {
    counters_.add(TunnelCounter::kNotARequest);
    return true;
  }
  counters_.add(ask.command == TunnellingCommand::kRequest ? TunnelCounter::kRequests
                                                           : TunnelCounter::kLeaves);
  if (ask.from.address == ask.to || ask.from.port == 0) {
    counters_.add(TunnelCounter::kBadSource);
    return true;
  }
  if (ask.request.endpoint != 0 && ask.request.endpoint != ask.from.address) {
    counters_.add(TunnelCounter::kThirdParty);
    return true;
  }
  return false;
}

void TunnelGrantor::challenge(TimeNs now, const TunnelAsk& ask, TunnelAnswer& answer) {
  if (!source_challenges_.admit(now, ask.from.address, 0, 1))
    return counters_.add(TunnelCounter::kChallengeSourceLimit);
  if (!challenges_.take(now, 1)) return counters_.add(TunnelCounter::kChallengeLimit);
  counters_.add(TunnelCounter::kChallenges);
  const TunnelRequest challenge{.group = ask.request.group,
                                .endpoint = ask.from.address,
                                .cookie = cookies_.make(now, ask.from, ask.request.group)};
  answer.size = encode(TunnellingCommand::kChallenge, challenge, answer.bytes);
}

void TunnelGrantor::refuse(const Proved& proved, TunnelReason reason, TunnelAnswer& answer) {
  answer.size = 0;
  counters_.add(reason == TunnelReason::kNotCarried ? TunnelCounter::kNotCarried
                                                    : TunnelCounter::kNotAllowed);
  if (proved.ask().command == TunnellingCommand::kRequest) write_grant(proved.ask(), reason, answer);
}

void TunnelGrantor::decide(TimeNs now, const Proved& proved, const Standing& standing, TunnelAnswer& answer) {
  answer.size = 0;
  const TunnelAsk& ask = proved.ask();
  const LeaseKey key{ask.from, standing.channel};
  if (ask.command == TunnellingCommand::kLeave) {
    leases_.leave(key, standing.holder);
    return;
  }
  if (standing.hops > kMaxHops) {
    // A loop goes on for as long as its tunnels do, so one that stands ends here.
    leases_.end(key);
    counters_.add(TunnelCounter::kTooManyHops);
    return write_grant(ask, TunnelReason::kTooManyHops, answer);
  }
  write_grant(ask, reason_of(leases_.grant(now, key, ask.way, standing.holder)), answer);
}

void TunnelGrantor::write_grant(const TunnelAsk& ask, TunnelReason reason, TunnelAnswer& answer) {
  const TunnelGrant grant{.group = ask.request.group,
                          .endpoint = ask.from.address,
                          .lease_s = reason == TunnelReason::kGranted ? kLeaseSeconds : uint16_t{0},
                          .reason = static_cast<uint16_t>(reason),
                          .cookie = ask.request.cookie};
  answer.size = encode(grant, answer.bytes);
}

}  // namespace linecast::smart
