#include "lib/smart/tunnel/tunnel_cookies.h"

namespace linecast::smart {

TunnelCookies::TunnelCookies(crypto::Manager& manager, TimeNs now, const Secret& secret)
    : manager_(manager),
      rotated_ns_(now),
      secret_from_(now / kCoarseNs),
      secret_(manager, secret),
      previous_(secret_) {}

void TunnelCookies::rotate(TimeNs now, const Secret& secret) {
  previous_ = secret_;
  secret_ = crypto::CmacKey(manager_, secret);
  secret_from_ = now / kCoarseNs + 1;
  rotated_ns_ = now;
}

TunnelCookie TunnelCookies::make(TimeNs now, const TunnelPeer& peer, Ipv4 group) const {
  return mac(now / kCoarseNs, peer, group);
}

bool TunnelCookies::verify(TimeNs now, const TunnelPeer& peer, Ipv4 group, const TunnelCookie& cookie) const {
  const int64_t coarse = now / kCoarseNs;
  return crypto::tags_equal(mac(coarse, peer, group).data(), cookie.data()) ||
         crypto::tags_equal(mac(coarse - 1, peer, group).data(), cookie.data());
}

TunnelCookie TunnelCookies::mac(int64_t coarse, const TunnelPeer& peer, Ipv4 group) const {
  std::array<uint8_t, 16> message{};  // one block
  store_be32(&message[0], peer.address);
  store_be32(&message[4], group);
  store_be16(&message[8], peer.port);
  store_be32(&message[12], static_cast<uint32_t>(coarse));
  return (coarse >= secret_from_ ? secret_ : previous_).mac(manager_, message);
}

}  // namespace linecast::smart
