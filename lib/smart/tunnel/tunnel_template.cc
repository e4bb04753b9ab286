#include "lib/smart/tunnel/tunnel_template.h"

#include "lib/net/checksum.h"

namespace linecast::smart {
namespace {

constexpr uint16_t kDontFragment = 0x4000;
// Where fields stand, from the front of the IPv4 and UDP headers.
constexpr size_t kTotalLength = 2, kFragment = 6, kIpChecksum = 10, kIpSource = 12, kIpDestination = 16;
constexpr size_t kUdpDestination = 2, kUdpLength = 4, kUdpChecksum = 6;
constexpr size_t kIpAndUdp = net::kIpv4Size + net::kUdpSize;

// All header bytes of a flow but lengths and checksums. Returns how many.
size_t write_headers(net::UdpFlow flow, uint8_t* out) {
  flow.card_ip_checksum = true;  // leaves 0
  const net::UdpTemplate headers(flow);
  uint8_t* payload = out + headers.size();
  headers.write(payload, 0, 0);
  store_be16(payload - net::kUdpSize + kUdpLength, 0);
  store_be16(payload - net::kUdpSize + kUdpChecksum, 0);
  store_be16(payload - kIpAndUdp + kTotalLength, 0);
  return headers.size();
}

uint64_t words_of(Ipv4 address) { return (address >> 16) + (address & 0xffff); }

}  // namespace

TunnelTemplate::TunnelTemplate(const TunnelFlow& flow)
    : mtu_(flow.mtu),
      card_ip_checksum_(flow.outer.card_ip_checksum),
      card_udp_checksum_(flow.card_udp_checksum) {
  net::UdpFlow outer = flow.outer;
  outer.destination_mac = {};
  outer.destination = 0;
  outer.destination_port = 0;
  size_ = static_cast<uint8_t>(write_headers(outer, bytes_.data()));
  uint8_t* data = bytes_.data() + size_;
  store_be16(data - kIpAndUdp + kFragment, kDontFragment);
  outer_ip_sum_ = net::checksum_add(Bytes(data - kIpAndUdp, net::kIpv4Size));

  data[1] = static_cast<uint8_t>(static_cast<unsigned>(PacketType::kTunnelling) << 6 |
                                 static_cast<unsigned>(TunnellingCommand::kData));
  net::UdpFlow inner = flow.inner;
  inner.vlan_control = 0;
  std::array<uint8_t, net::kUdpFrameOverhead> headers;
  write_headers(inner, headers.data());
  std::memcpy(data + kCommonHeaderSize, headers.data() + net::kEthernetSize, kIpAndUdp);
  inner_ip_sum_ = net::checksum_add(Bytes(data + kCommonHeaderSize, net::kIpv4Size));
}

bool TunnelTemplate::prepare(size_t datagram_size, uint64_t payload_sum) {
  if (datagram_size > room(mtu_)) return false;
  const auto inner_udp_size = static_cast<uint16_t>(net::kUdpSize + datagram_size);
  const auto inner_size = static_cast<uint16_t>(net::kIpv4Size + inner_udp_size);
  const auto data_size = static_cast<uint16_t>(kCommonHeaderSize + inner_size);
  const auto udp_size = static_cast<uint16_t>(net::kUdpSize + data_size);
  const auto ip_size = static_cast<uint16_t>(net::kIpv4Size + udp_size);

  uint8_t* data = bytes_.data() + size_;
  uint8_t* inner_ip = data + kCommonHeaderSize;
  store_be16(data + 2, data_size);  // PACKET_SIZE
  store_be16(inner_ip + kTotalLength, inner_size);
  store_be16(inner_ip + kIpChecksum, net::checksum_finish(inner_ip_sum_ + inner_size));
  store_be16(inner_ip + net::kIpv4Size + kUdpLength, inner_udp_size);

  uint8_t* ip = data - kIpAndUdp;
  uint8_t* udp = data - net::kUdpSize;
  store_be16(ip + kTotalLength, ip_size);
  store_be16(udp + kUdpLength, udp_size);
  ip_sum_ = outer_ip_sum_ + ip_size;
  udp_sum_ = net::udp_pseudo_sum(load_be32(ip + kIpSource), 0, udp_size);
  if (!card_udp_checksum_)
    udp_sum_ = net::checksum_add(Bytes(udp, net::kUdpSize + kInnerHeaders), udp_sum_ + payload_sum);
  return true;
}

void TunnelTemplate::write(uint8_t* payload, const net::UdpEndpoint& to) const {
  // Sizes that the compiler knows: moves of a few registers.
  if (size_ == net::kUdpFrameOverhead) [[likely]]
    std::memcpy(payload - net::kUdpFrameOverhead, bytes_.data(), net::kUdpFrameOverhead + kInnerHeaders);
  else
    std::memcpy(payload - kMaxOuterHeaders, bytes_.data(), bytes_.size());
  std::memcpy(payload - size_, to.mac.data(), to.mac.size());
  uint8_t* ip = payload - kIpAndUdp;
  uint8_t* udp = payload - net::kUdpSize;
  const uint64_t address = words_of(to.address);
  store_be32(ip + kIpDestination, to.address);
  store_be16(udp + kUdpDestination, to.port);
  if (!card_ip_checksum_) store_be16(ip + kIpChecksum, net::checksum_finish(ip_sum_ + address));
  if (card_udp_checksum_) {  // the pseudo-header's sum
    store_be16(udp + kUdpChecksum, static_cast<uint16_t>(~net::checksum_finish(udp_sum_ + address)));
  } else {
    const uint16_t checksum = net::checksum_finish(udp_sum_ + address + to.port);
    store_be16(udp + kUdpChecksum, checksum == 0 ? 0xffff : checksum);
  }
}

uint64_t TunnelTemplate::sum_from_checksum(const uint8_t* payload, uint16_t payload_size, Bytes front) {
  const uint8_t* udp = payload - net::kUdpSize;
  const uint8_t* ip = payload - kIpAndUdp;
  const uint64_t pseudo = net::udp_pseudo_sum(load_be32(ip + kIpSource), load_be32(ip + kIpDestination),
                                              static_cast<uint16_t>(net::kUdpSize + payload_size));
  // All of it sums to 0, so the payload's sum is what the rest lacks.
  uint64_t sum = net::checksum_finish(net::checksum_add(Bytes(udp, net::kUdpSize), pseudo));
  for (size_t i = 0; i < front.size(); i += 2)
    sum += uint64_t{load_be16(&front[i])} + static_cast<uint16_t>(~load_be16(payload + i));
  return sum;
}

}  // namespace linecast::smart
