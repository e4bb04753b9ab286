#include "lib/net/udp_template.h"

#include "lib/net/checksum.h"

namespace linecast::net {
namespace {

// Before the payload.
constexpr size_t kUdpBehind = kUdpSize;
constexpr size_t kIpBehind = kUdpSize + kIpv4Size;

}  // namespace

UdpTemplate::UdpTemplate(const UdpFlow& flow) : card_ip_checksum_(flow.card_ip_checksum) {
  ByteWriter w(bytes_);
  w.bytes(flow.destination_mac);
  w.bytes(flow.source_mac);
  if (flow.vlan_control != 0) {
    w.u16(kEtherTypeVlan);
    w.u16(flow.vlan_control);
  }
  w.u16(kEtherTypeIpv4);
  w.u8(0x45);  // version 4, no options
  w.u8(static_cast<uint8_t>(flow.dscp << 2));
  w.zeros(6);  // length and id (patched), flags and fragment offset
  w.u8(flow.ttl);
  w.u8(kProtocolUdp);
  w.zeros(2);  // checksum, patched
  w.u32(flow.source);
  w.u32(flow.destination);
  w.u16(flow.source_port);
  w.u16(flow.destination_port);
  w.zeros(4);  // length and checksum, patched
  size_ = static_cast<uint8_t>(flow.vlan_control != 0 ? bytes_.size() : kUdpFrameOverhead);
  ip_sum_ = static_cast<uint32_t>(checksum_add(Bytes(bytes_).subspan(size_ - kIpBehind, kIpv4Size)));
  pseudo_sum_ = static_cast<uint32_t>(udp_pseudo_sum(flow.source, flow.destination, 0));
}

void UdpTemplate::write(uint8_t* payload, uint16_t payload_size, uint16_t ip_id) const {
  // Sizes that the compiler knows: moves of a few registers.
  if (size_ == kUdpFrameOverhead) [[likely]]
    std::memcpy(payload - kUdpFrameOverhead, bytes_.data(), kUdpFrameOverhead);
  else
    std::memcpy(payload - bytes_.size(), bytes_.data(), bytes_.size());
  uint8_t* ip = payload - kIpBehind;
  uint8_t* udp = payload - kUdpBehind;
  const auto udp_size = static_cast<uint16_t>(kUdpSize + payload_size);
  const auto total_size = static_cast<uint16_t>(kIpv4Size + udp_size);
  store_be16(ip + 2, total_size);
  store_be16(ip + 4, ip_id);
  if (!card_ip_checksum_) store_be16(ip + 10, checksum_finish(uint64_t{ip_sum_} + total_size + ip_id));
  store_be16(udp + 4, udp_size);
  store_be16(udp + 6, static_cast<uint16_t>(~checksum_finish(uint64_t{pseudo_sum_} + udp_size)));
}

void UdpTemplate::finish_udp_checksum(uint8_t* payload, uint16_t payload_size) {
  uint8_t* udp = payload - kUdpBehind;
  // The pseudo-header's sum stands in the checksum field already, so it is counted with the rest.
  const uint16_t checksum = checksum_finish(checksum_add(Bytes(udp, size_t{kUdpSize} + payload_size)));
  store_be16(udp + 6, checksum == 0 ? 0xffff : checksum);  // 0 would mean "none" (RFC 768)
}

void UdpTemplate::derive_udp_checksum(uint8_t* payload, const uint8_t* other_payload, size_t differing) {
  // Addresses and ports stand side by side.
  constexpr size_t kFlowSize = 12, kFlowBehind = kUdpBehind + 8;
  uint64_t sum =
      checksum_add(Bytes(payload, differing), static_cast<uint16_t>(~load_be16(other_payload - 2)));
  sum = checksum_add(Bytes(payload - kFlowBehind, kFlowSize), sum);
  for (size_t i = 0; i < differing; i += 2) sum += static_cast<uint16_t>(~load_be16(other_payload + i));
  for (size_t i = 0; i < kFlowSize; i += 2)
    sum += static_cast<uint16_t>(~load_be16(other_payload - kFlowBehind + i));
  const uint16_t checksum = checksum_finish(sum);
  store_be16(payload - 2, checksum == 0 ? 0xffff : checksum);
}

void UdpTemplate::readdress(uint8_t* payload, const UdpEndpoint& to, bool card_udp_checksum) const {
  uint8_t* ip = payload - kIpBehind;
  uint8_t* udp = payload - kUdpBehind;
  const auto inverse = [](uint16_t word) -> uint64_t { return static_cast<uint16_t>(~word); };
  // What the new words add to a sum, and the old ones take away.
  const uint64_t address_change =
      (to.address >> 16) + (to.address & 0xffff) + inverse(load_be16(ip + 16)) + inverse(load_be16(ip + 18));
  const uint64_t port_change = to.port + inverse(load_be16(udp + 2));
  if (!card_ip_checksum_) store_be16(ip + 10, checksum_finish(inverse(load_be16(ip + 10)) + address_change));
  if (card_udp_checksum) {  // the pseudo-header's sum
    store_be16(udp + 6, static_cast<uint16_t>(~checksum_finish(load_be16(udp + 6) + address_change)));
  } else {
    const uint16_t checksum = checksum_finish(inverse(load_be16(udp + 6)) + address_change + port_change);
    store_be16(udp + 6, checksum == 0 ? 0xffff : checksum);
  }
  store_be32(ip + 16, to.address);
  store_be16(udp + 2, to.port);
  std::memcpy(payload - size_, to.mac.data(), to.mac.size());
}

}  // namespace linecast::net
