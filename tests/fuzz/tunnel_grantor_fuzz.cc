// The granting side of tunnels under datagrams, clock steps (back, too), rotations and changes of channels as
// the input says. Whatever comes: no byte more goes out than came before a cookie that was sent there comes
// back, an answer goes to where its request came from and draws none itself, leases stay within every limit
// and their time, and who is told of changed channels only knows every list.
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "lib/smart/tunnel/tunnel_grantor.h"
#include "lib/smart/tunnel/tunnel_list.h"

namespace {

using namespace linecast;
using namespace linecast::smart;

void require(bool good) {
  if (!good) std::abort();
}

constexpr Ipv4 kOurs = 0x0a000001, kFirstGroup = 0xef000000;
constexpr uint16_t kChannels = 3, kInterfaces = 3, kPorts = 2;

LeaseTable::Settings settings() {
  return {.tunnels = 6,
          .tunnels_of_a_peer = 3,
          .ports = {{.tunnels = 4, .rate_bps = 25}, {.tunnels = 4, .rate_bps = 17}},
          .port_of_interface = {0, 0, 1},
          .channel_rates_bps = {3, 5, 11},
          .seed = 99};
}

class Run {
 public:
  Run(crypto::Manager& manager, ByteReader in)
      : in_(in),
        limits_(settings()),
        rates_(limits_.channel_rates_bps),
        cookies_(manager, 0, {1}),
        leases_(limits_, counters_),
        grantor_({.challenges_of_a_source = {10, 6},
                  .challenges = {20, 12},
                  .requests_of_a_source = {10, 6},
                  .requests = {20, 12}},
                 cookies_, leases_, counters_) {}

  void go() {
    while (in_.ok() && in_.remaining() > 0) {
      switch (in_.u8() % 16) {
        case 0:
          now_ += in_.u16() * kNsPerMs * 4;
          break;
        case 1:
          now_ = std::max<TimeNs>(0, now_ - in_.u16() * kNsPerMs);
          break;
        case 2:
          cookies_.rotate(now_, in_.array<16>());
          break;
        case 3:
          leases_.end_channel(in_.u8() % kChannels);
          break;
        case 4:
          expire();
          break;
        case 5:
          raw_message();
          break;
        case 6:
          set_rate();
          break;
        case 7:
        case 8:
        case 9:
          message();
          break;
        default:
          ask_and_echo();
          break;
      }
      latest_ = std::max(latest_, now_);
      check();
    }
  }

 private:
  using Issued = std::tuple<TunnelPeer, Ipv4, TunnelCookie>;

  TunnelPeer peer() {
    const uint8_t who = in_.u8();
    return {kOurs + who % 5, static_cast<uint16_t>(who / 5 % 4)};  // ourselves and port 0 among them
  }

  // As somebody sends it who has heard some cookies, or makes them up.
  void message() {
    const TunnelPeer from = peer();
    TunnelRequest request;
    const uint8_t how = in_.u8();
    request.group = kFirstGroup + how % 4;
    request.endpoint = how % 16 < 4 ? from.address + how % 3 : 0;
    if (how >= 64) {
      const auto heard = heard_.find({how % 32 == 0 ? peer() : from, request.group});
      if (heard != heard_.end()) request.cookie = heard->second;
    } else if (how >= 32) {
      request.cookie = in_.array<16>();
    }
    std::array<uint8_t, 64> datagram{};
    const size_t size =
        encode(how % 8 == 0 ? TunnellingCommand::kLeave : TunnellingCommand::kRequest, request, datagram);
    deliver(Bytes(datagram).first(size), from);
  }

  // As a receiver does it that wants a tunnel.
  void ask_and_echo() {
    const TunnelPeer from = peer();
    TunnelRequest request{.group = kFirstGroup + in_.u8() % kChannels};
    std::array<uint8_t, 64> datagram{};
    for (int step = 0; step < 2; ++step) {
      const auto heard = heard_.find({from, request.group});
      if (heard != heard_.end()) request.cookie = heard->second;
      deliver(Bytes(datagram).first(encode(TunnellingCommand::kRequest, request, datagram)), from);
    }
  }

  void set_rate() {
    const uint16_t channel = in_.u8() % kChannels;
    const uint64_t rate = in_.u8();
    raised_ |= rate > rates_[channel];
    rates_[channel] = rate;
    leases_.set_rate(channel, rate);
  }

  void raw_message() {
    const Bytes datagram = in_.bytes(in_.u8() % 70);
    deliver(datagram, peer());
  }

  void deliver(Bytes datagram, const TunnelPeer& from) {
    Split split;
    TunnelAsk ask{.from = from, .to = kOurs};
    if (split_message(datagram, split) != WireFault::kNone || split.header.type != PacketType::kTunnelling ||
        !decode(split.body, ask.request))
      return;
    ask.command = static_cast<TunnellingCommand>(split.header.command);
    ask.way.interface = in_.u8() % kInterfaces;
    TunnelAnswer answer;
    const std::optional<TunnelGrantor::Proved> proved = grantor_.screen(now_, ask, answer);
    if (!proved) {
      require(answer.size <= datagram.size());
      take_challenge(ask, answer);
      return;
    }
    require(answer.size == 0);
    require(issued_.contains({from, ask.request.group, ask.request.cookie}));
    require(from.port != 0 && from.address != kOurs);
    const size_t before = leases_.size();
    const uint32_t channel = ask.request.group - kFirstGroup;
    const uint8_t who = in_.u8();
    if (channel >= kChannels)
      grantor_.refuse(*proved, TunnelReason::kNotCarried, answer);
    else
      grantor_.decide(now_, *proved,
                      {.channel = static_cast<uint16_t>(channel),
                       .hops = static_cast<uint8_t>(who / 8 % 10),
                       .holder = {uint64_t{who} % 2, who % 4 == 3}},
                      answer);
    if (ask.command == TunnellingCommand::kLeave) {
      require(answer.size == 0 && leases_.size() <= before);
      return;
    }
    Split sent;
    TunnelGrant grant;
    require(split_message(answer.view(), sent) == WireFault::kNone && decode(sent.body, grant));
    require(grant.group == ask.request.group && grant.endpoint == from.address &&
            grant.cookie == ask.request.cookie);
    require((grant.lease_s == 0) == (grant.reason != 0));
    const LeaseKey key{from, static_cast<uint16_t>(channel)};
    if (grant.lease_s != 0) require(leases_.holds(key));
    if (grant.reason == static_cast<uint16_t>(TunnelReason::kTooManyHops)) require(!leases_.holds(key));
    draws_nothing(answer, from);
  }

  void take_challenge(const TunnelAsk& ask, const TunnelAnswer& answer) {
    if (answer.size == 0) return;
    Split sent;
    TunnelRequest challenge;
    require(split_message(answer.view(), sent) == WireFault::kNone && decode(sent.body, challenge));
    require(sent.header.command == static_cast<uint8_t>(TunnellingCommand::kChallenge));
    require(challenge.group == ask.request.group && challenge.endpoint == ask.from.address);
    issued_.insert({ask.from, challenge.group, challenge.cookie});
    heard_[{ask.from, challenge.group}] = challenge.cookie;
    draws_nothing(answer, ask.from);
  }

  void draws_nothing(const TunnelAnswer& answer, const TunnelPeer& from) {
    Split split;
    TunnelAsk ask{.from = from, .to = kOurs};
    TunnelAnswer second;
    if (split_message(answer.view(), split) != WireFault::kNone || !decode(split.body, ask.request)) return;
    ask.command = static_cast<TunnellingCommand>(split.header.command);
    require(!grantor_.screen(now_, ask, second) && second.size == 0);
  }

  void expire() {
    const size_t before = leases_.size(), most = in_.u8() % 8;
    latest_ = std::max(latest_, now_);
    const size_t ended = leases_.expire(now_, most);
    require(ended <= most && leases_.size() == before - ended);
    if (ended == most) return;
    for (uint16_t channel = 0; channel < kChannels; ++channel)
      leases_.for_each(channel, [&](const LeaseTable::Lease& lease) { require(lease.until_ns > now_); });
  }

  void check() {
    std::map<Ipv4, uint32_t> peers;
    std::array<uint32_t, kPorts> tunnels{};
    std::array<uint64_t, kPorts> rates{};
    size_t leases = 0;
    for (uint16_t channel; leases_.next_changed(channel);) lists_[channel] = TunnelList(leases_, channel);
    for (uint16_t channel = 0; channel < kChannels; ++channel) {
      std::set<TunnelPeer> here;
      leases_.for_each(channel, [&](const LeaseTable::Lease& lease) {
        const size_t port = limits_.port_of_interface[lease.way.interface];
        ++leases;
        ++peers[lease.key.peer.address];
        ++tunnels[port];
        rates[port] += rates_[channel];
        require(lease.key.channel == channel && here.insert(lease.key.peer).second);
        require(lease.until_ns <= latest_ + LeaseTable::kLeaseNs && lists_[channel].holds(lease.key.peer));
      });
      require(lists_[channel].view().size() == here.size() && leases_.tunnels_of(channel) == here.size());
    }
    require(leases == leases_.size() && leases <= limits_.tunnels);
    for (const auto& [address, number] : peers) require(number <= limits_.tunnels_of_a_peer);
    for (uint16_t port = 0; port < kPorts; ++port) {
      require(tunnels[port] <= limits_.ports[port].tunnels && tunnels[port] == leases_.tunnels_on(port));
      require((raised_ || rates[port] <= limits_.ports[port].rate_bps) &&
              rates[port] == leases_.rate_on(port));
    }
  }

  ByteReader in_;
  TimeNs now_ = 0, latest_ = 0;
  LeaseTable::Settings limits_;
  std::vector<uint64_t> rates_;  // of channels, as they are now
  bool raised_ = false;          // one of them, so that ports may be beyond their limit
  TunnelCounters counters_;
  TunnelCookies cookies_;
  LeaseTable leases_;
  TunnelGrantor grantor_;
  std::set<Issued> issued_;
  std::map<std::pair<TunnelPeer, Ipv4>, TunnelCookie> heard_;
  std::array<TunnelList, kChannels> lists_;  // as lanes have them
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static crypto::Manager manager;
  Run(manager, ByteReader(Bytes(data, size))).go();
  return 0;
}
