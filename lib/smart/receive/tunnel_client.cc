#include "lib/smart/receive/tunnel_client.h"

#include <algorithm>
#include <utility>

#include "lib/net/frame.h"
#include "lib/smart/tunnel/tunnel_terms.h"

namespace linecast::smart {
namespace {

constexpr std::array<uint8_t, 16> kNoCookie{};

}  // namespace

void TunnelClient::open(TimeNs now) {
  if (state_ == State::kAsking || state_ == State::kGranted) return;
  state_ = State::kAsking;
  outstanding_ = false;
  echoes_ = false;
  retry_ns_ = kFirstRetryNs;
  due_ns_ = std::max(now, refused_until_);
}

void TunnelClient::close(TimeNs now) {
  if (state_ == State::kClosed || state_ == State::kLeft) return;
  // Without a cookie nothing can have been granted.
  const bool may_be_leased = state_ == State::kGranted || (outstanding_ && cookie_ != kNoCookie);
  if (state_ != State::kGranted) lease_end_ns_ = INT64_MIN;
  state_ = may_be_leased ? State::kLeft : State::kClosed;
  outstanding_ = false;
  echoes_ = false;
  retry_ns_ = kFirstRetryNs;
  due_ns_ = may_be_leased ? now : kNever;
}

void TunnelClient::follow(TimeNs now, const GroupPlace& to) {
  if (to == place_) return;
  may_go_back_ = may_go_home_ = true;
  ask_for(now, to);
}

// What place_ may be instead; each is asked for once, and again after a refusal that stands.
bool TunnelClient::ask_elsewhere(TimeNs now) {
  if (std::exchange(may_go_back_, false) && before_ != place_) {
    ask_for(now, before_);
    return true;
  }
  if (std::exchange(may_go_home_, false) && configured_ != place_) {
    ask_for(now, configured_);
    return true;
  }
  may_go_back_ = may_go_home_ = true;
  return false;
}

// Another group needs another cookie.
void TunnelClient::ask_for(TimeNs now, const GroupPlace& place) {
  before_ = std::exchange(place_, place);
  if (state_ != State::kAsking && state_ != State::kGranted) return;
  cookie_ = kNoCookie;
  outstanding_ = false;
  echoes_ = false;
  retry_ns_ = kFirstRetryNs;
  due_ns_ = std::max(now, refused_until_);
}

TimeNs TunnelClient::next_due() const {
  return state_ == State::kGranted ? std::min(due_ns_, lease_end_ns_) : due_ns_;
}

std::optional<TunnelClient::Message> TunnelClient::take_due(TimeNs now) {
  if (state_ == State::kGranted && now >= lease_end_ns_) {
    counters_.add(TunnelClientCounter::kExpired);
    state_ = State::kAsking;
  }
  if (due_ns_ > now) return std::nullopt;
  if (state_ == State::kLeft) {
    const Message leave = message(now, TunnellingCommand::kLeave);
    leave_again_from_ns_ = std::exchange(due_ns_, kNever);
    return leave;
  }
  return message(now, TunnellingCommand::kRequest);
}

TunnelClient::Message TunnelClient::message(TimeNs now, TunnellingCommand command) {
  counters_.add(command == TunnellingCommand::kLeave ? TunnelClientCounter::kLeaves
                                                     : TunnelClientCounter::kRequests);
  outstanding_ = true;
  due_ns_ = now + retry_ns_;
  if (!echoes_) {
    echoes_left_ = kMaxEchoes;
    retry_ns_ = std::min(2 * retry_ns_, kLongestRetryNs);
  }
  echoes_ = false;
  return {command, {place_.group, 0, cookie_}};
}

// Whether an answer about this group is awaited; else counted.
bool TunnelClient::is_answer(Ipv4 group) {
  if (group != place_.group)
    counters_.add(TunnelClientCounter::kWrongGroup);
  else if (!outstanding_)
    counters_.add(TunnelClientCounter::kUnexpected);
  return group == place_.group && outstanding_;
}

void TunnelClient::take_challenge(TimeNs now, const TunnelRequest& challenge) {
  if (!is_answer(challenge.group)) return;
  if (echoes_left_ == 0 || challenge.cookie == kNoCookie)
    return counters_.add(TunnelClientCounter::kUnexpected);
  counters_.add(TunnelClientCounter::kChallenges);
  --echoes_left_;
  echoes_ = true;
  outstanding_ = false;
  cookie_ = challenge.cookie;
  due_ns_ = now;
}

TunnelClient::Answer TunnelClient::take_grant(TimeNs now, const TunnelGrant& grant) {
  if (!is_answer(grant.group)) return Answer::kIgnored;
  if (state_ == State::kLeft) {
    counters_.add(TunnelClientCounter::kUnexpected);
    return Answer::kIgnored;
  }
  // Who has not seen the cookie that was sent is not the far end.
  if (cookie_ == kNoCookie || grant.cookie != cookie_) {
    counters_.add(TunnelClientCounter::kWrongCookie);
    return Answer::kIgnored;
  }
  outstanding_ = false;
  retry_ns_ = kFirstRetryNs;
  if (grant.lease_s == 0 && grant.reason == static_cast<uint16_t>(TunnelReason::kNotCarried) &&
      ask_elsewhere(now))
    return Answer::kIgnored;
  if (grant.lease_s == 0) {
    counters_.add(TunnelClientCounter::kRefused);
    state_ = State::kAsking;
    refused_until_ = now + kLeastRefusedNs +
                     static_cast<TimeNs>(random_.unit() * double{kMostRefusedNs - kLeastRefusedNs});
    due_ns_ = refused_until_;
    return Answer::kRefused;
  }
  counters_.add(TunnelClientCounter::kGrants);
  may_go_back_ = false;
  may_go_home_ = true;
  const TimeNs lease = grant.lease_s * kNsPerSecond;
  state_ = State::kGranted;
  lease_end_ns_ = now + lease;
  due_ns_ = now + std::min(kRenewNs, lease / 4);
  return Answer::kGranted;
}

std::optional<Bytes> TunnelClient::take_data(TimeNs now, Bytes body) {
  if ((state_ != State::kGranted && state_ != State::kLeft) || now >= lease_end_ns_) {
    counters_.add(TunnelClientCounter::kNotGranted);
    leave_again(now);
    return std::nullopt;
  }
  Bytes payload;
  if (const auto fault = fault_of(body, payload)) {
    counters_.add(*fault);
    return std::nullopt;
  }
  if (state_ == State::kLeft) {
    counters_.add(TunnelClientCounter::kAfterLeave);
    leave_again(now);
  } else {
    counters_.add(TunnelClientCounter::kData);
  }
  return payload;
}

// Something came; if it cannot have been on its way already, LEAVE_TUNNEL was lost.
void TunnelClient::leave_again(TimeNs now) {
  if (state_ == State::kLeft && due_ns_ == kNever && now >= leave_again_from_ns_) due_ns_ = now;
}

std::optional<TunnelClientCounter> TunnelClient::fault_of(Bytes packet, Bytes& payload) const {
  const net::ParsedFrame inner = net::parse_packet(packet, {});
  switch (inner.fault) {
    case net::FrameFault::kNone:
      break;
    case net::FrameFault::kIpFragment:
      return TunnelClientCounter::kInnerFragment;
    case net::FrameFault::kIpOptions:
      return TunnelClientCounter::kInnerOptions;
    case net::FrameFault::kIpProtocol:
      return TunnelClientCounter::kInnerNotUdp;
    default:
      return TunnelClientCounter::kInnerMalformed;
  }
  if (inner.kind != net::FrameKind::kUdp) return TunnelClientCounter::kInnerNotUdp;
  if (net::kIpv4Size + net::kUdpSize + inner.payload.size() != packet.size())
    return TunnelClientCounter::kInnerMalformed;  // something stands behind it
  const GroupPlace place{inner.destination, inner.destination_port};
  if (place != place_ && place != before_) return TunnelClientCounter::kInnerElsewhere;
  if (inner.payload.size() > 1 && static_cast<PacketType>(inner.payload[1] >> 6) == PacketType::kTunnelling)
    return TunnelClientCounter::kInnerNested;
  payload = inner.payload;
  return std::nullopt;
}

}  // namespace linecast::smart
