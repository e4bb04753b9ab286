// Stateless cookies (as in DTLS, RFC 6347, section 4.2.1): only who gets what is sent to an address can
// echo them. Cookie = AES-CMAC under a secret of this process, over source address, port, group and coarse
// time (docs/protocol.md, "Tunnels"). One thread; nothing is allocated.
#pragma once

#include <array>

#include "lib/base/time.h"
#include "lib/crypto/cmac.h"
#include "lib/smart/tunnel/tunnel_peer.h"

namespace linecast::smart {

using TunnelCookie = crypto::CmacTag;

class TunnelCookies {
 public:
  // Coarse time moves on this often, and the last two are good: a cookie lives for one to two of these. That
  // is four renewals at least, each saving the round trip of a challenge, and longer than any path takes to
  // echo one; and what was recorded of somebody who has gone is soon of no use.
  static constexpr TimeNs kCoarseNs = 60 * kNsPerSecond;
  // Between secrets. Each is good as long as a cookie that was made under it.
  static constexpr TimeNs kRotationNs = 3600 * kNsPerSecond;
  using Secret = std::array<uint8_t, 16>;

  // secret: random, of a cryptographic source. The manager must outlive this.
  TunnelCookies(crypto::Manager& manager, TimeNs now, const Secret& secret);

  bool rotation_due(TimeNs now) const { return now - rotated_ns_ >= kRotationNs; }
  // `secret` takes over with the next coarse time. Called twice within that, it makes older cookies void.
  void rotate(TimeNs now, const Secret& secret);

  TunnelCookie make(TimeNs now, const TunnelPeer& peer, Ipv4 group) const;
  // In constant time. Two MACs at most.
  bool verify(TimeNs now, const TunnelPeer& peer, Ipv4 group, const TunnelCookie& cookie) const;

 private:
  TunnelCookie mac(int64_t coarse, const TunnelPeer& peer, Ipv4 group) const;

  crypto::Manager& manager_;
  TimeNs rotated_ns_;
  int64_t secret_from_;  // coarse time from which on secret_ is used; before that, previous_
  crypto::CmacKey secret_, previous_;
};

}  // namespace linecast::smart
