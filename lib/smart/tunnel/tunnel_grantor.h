// What a hop answers to those who ask for tunnels (docs/protocol.md, "Tunnels"), in two steps, so that the
// trailer's MAC is looked at only once the cookie is good. It keeps no state for anybody, and sends no byte
// more than came, until that. No clock, no socket; one thread, the control lcore's; nothing is allocated but
// in the constructor.
#pragma once

#include <optional>

#include "lib/smart/send/source_limiter.h"
#include "lib/smart/tunnel/lease_table.h"
#include "lib/smart/tunnel/tunnel_cookies.h"
#include "lib/smart/wire.h"

namespace linecast::smart {

// A REQUEST_TUNNEL or LEAVE_TUNNEL, and how it came.
struct TunnelAsk {
  TunnellingCommand command = TunnellingCommand::kRequest;
  TunnelRequest request;
  TunnelPeer from;  // its source
  Ipv4 to = 0;      // the address of ours that it came to
  TunnelWay way;    // back to its source
};

// A UDP payload, from the address and port that the request came to, to where it came from.
struct TunnelAnswer {
  std::array<uint8_t, kCommonHeaderSize + 28> bytes{};
  size_t size = 0;  // 0: nothing is sent

  Bytes view() const { return Bytes(bytes).first(size); }
};

class TunnelGrantor {
 public:
  struct Allowance {
    uint64_t per_second = 0, burst = 0;
  };
  // Addresses share their allowances by hash (SourceLimiter). What comes without a good cookie uses up
  // nothing of what those who have one may send: their addresses could be forged.
  struct Settings {
    Allowance challenges_of_a_source{100, 1'000};
    Allowance challenges{10'000, 10'000};        // in all
    Allowance requests_of_a_source{100, 1'000};  // with a good cookie, and so are the next
    Allowance requests{10'000, 10'000};
  };
  // The others must outlive it.
  TunnelGrantor(const Settings& settings, const TunnelCookies& cookies, LeaseTable& leases,
                TunnelCounters& counters);

  // An ask whose cookie is good: only screen() makes one.
  class Proved {
   public:
    const TunnelAsk& ask() const { return ask_; }

   private:
    friend class TunnelGrantor;
    explicit Proved(const TunnelAsk& ask) : ask_(ask) {}
    TunnelAsk ask_;
  };
  // The first step: two MACs of one block at most, and one more for a challenge, which is never longer than
  // what came. Nothing where the ask is dropped (counted) or challenged.
  std::optional<Proved> screen(TimeNs now, const TunnelAsk& ask, TunnelAnswer& answer);

  // The second step, either of these.
  // Where the caller knows that it must not be: kNotCarried or kNotAllowed. LEAVE_TUNNEL is never answered.
  void refuse(const Proved& proved, TunnelReason reason, TunnelAnswer& answer);
  // Where the group is carried, and the trailer verified or the channel is clear. Otherwise the caller drops
  // the ask, and counts that.
  struct Standing {
    uint16_t channel = 0;  // index
    uint8_t hops = 0;      // as our own SENDER_STATUS of the channel says
    LeaseHolder holder;
  };
  void decide(TimeNs now, const Proved& proved, const Standing& standing, TunnelAnswer& answer);

 private:
  bool is_dropped(const TunnelAsk& ask);
  void challenge(TimeNs now, const TunnelAsk& ask, TunnelAnswer& answer);
  static void write_grant(const TunnelAsk& ask, TunnelReason reason, TunnelAnswer& answer);

  const TunnelCookies& cookies_;
  LeaseTable& leases_;
  TunnelCounters& counters_;
  SourceLimiter source_challenges_, source_requests_;
  TokenBucket challenges_, requests_;
};

}  // namespace linecast::smart
