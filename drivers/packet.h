// Packets as the lanes handle them: DPDK's mbufs behind inline functions, so that no other folder names rte_
// anything.
#pragma once

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "lib/base/bytes.h"
#include "lib/net/frame.h"

namespace linecast::drivers {

using Packet = rte_mbuf;

// Where the UDP payload of a frame stands in its buffer: the ciphertext, behind SMART and IV headers (16
// bytes), then falls on a cache line of its own, which the sealing stores like best. Headers stand right
// before it, a VLAN tag among them or not.
inline constexpr uint16_t kPayloadOffset = 48;
static_assert(kPayloadOffset >= net::kUdpFrameOverhead + net::kVlanTagSize);
// What a frame's buffer takes beyond the MTU.
inline constexpr uint16_t kFrameExtra = kPayloadOffset - net::kIpv4Size - net::kUdpSize;

// Buffer sizes: of a pool of kept frames, of a lane's control packets, and of a port's receive pool (headroom
// included, and at least the 2 KB that every card takes as one whole buffer).
constexpr uint16_t frame_room(uint16_t mtu) {
  return static_cast<uint16_t>((kFrameExtra + mtu + 63) / 64 * 64);
}
// Of packets that also carry what interfaces answer for themselves: whole IPv4 packets of up to the MTU, from
// kPayloadOffset on.
constexpr uint16_t control_room(uint16_t mtu) {
  return static_cast<uint16_t>((kPayloadOffset + mtu + 63) / 64 * 64);
}
constexpr uint16_t receive_room(uint16_t mtu) {
  // e1000, igb and ixgbe cards take whole KiB only, and would spread longer frames over several buffers.
  constexpr uint16_t kStep = 1024;
  return static_cast<uint16_t>(std::max<uint16_t>(2048, (mtu + 64 + kStep - 1) / kStep * kStep) +
                               RTE_PKTMBUF_HEADROOM);
}
// Of a net_af_xdp port, whose pool's objects are the kernel's chunks: it keeps 256 bytes of each
// (XDP_PACKET_HEADROOM), and none may be larger than a page. So 3310 is the largest MTU: with its headers an
// object is 61 cache lines then, a prime, which the pool pads no further.
constexpr uint16_t xdp_receive_room(uint16_t mtu) {
  constexpr uint16_t kKernelKeeps = 256;
  const int needed = net::kEthernetSize + net::kVlanTagSize + mtu + kKernelKeeps + RTE_PKTMBUF_HEADROOM;
  return std::max<uint16_t>(receive_room(0), static_cast<uint16_t>((needed + 63) / 64 * 64));
}

inline uint8_t* data(Packet* packet) { return rte_pktmbuf_mtod(packet, uint8_t*); }
inline Bytes view(const Packet* packet) {
  return {rte_pktmbuf_mtod(packet, const uint8_t*), rte_pktmbuf_data_len(packet)};
}
// That an Ethernet frame came from.
inline net::Mac source_mac(const Packet* packet) {
  net::Mac mac;
  std::memcpy(mac.data(), view(packet).data() + mac.size(), mac.size());
  return mac;
}
inline bool is_whole(const Packet* packet) { return packet->nb_segs == 1; }
inline uint16_t input_port(const Packet* packet) { return packet->port; }
inline void set_input_port(Packet* packet, uint16_t port) { packet->port = port; }

inline net::CardFindings card_findings(const Packet* packet) {
  return {.ip_good = (packet->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD,
          .udp_good = (packet->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD,
          .vlan_stripped = (packet->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0,
          .vlan_control = packet->vlan_tci};
}
// As a card with checksum offload marks what it receives: for benchmarks.
inline void mark_checksums_good(Packet* packet) {
  packet->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
}

inline void prefetch_headers_of_data(const Packet* packet) {
  rte_prefetch0(rte_pktmbuf_mtod(packet, const void*));
}
// The transmit fields share the first cache line with the reference count; the second holds tx_offload.
inline void prefetch_frame(Packet* packet) {
  __builtin_prefetch(packet, 1);
  __builtin_prefetch(&packet->tx_offload, 1);
}

// With all its segments.
inline void release(Packet* packet) { rte_pktmbuf_free(packet); }
inline void release_bulk(Packet** packets, unsigned count) { rte_pktmbuf_free_bulk(packets, count); }
// One more holder. The packet is not reused before every holder has released it.
inline void hold(Packet* packet) { rte_mbuf_refcnt_update(packet, 1); }
inline bool held_once(const Packet* packet) { return rte_mbuf_refcnt_read(packet) == 1; }

// What a card does to frames on their way out; software does the rest, with the same bytes on the wire.
struct TransmitOffloads {
  bool ip_checksum = false;
  bool udp_checksum = false;
  bool vlan_insert = false;
  bool segments = false;  // frames of more than one segment
};

// What a card is told of every frame of one kind.
struct FrameMarks {
  uint64_t flags = 0;
  uint16_t vlan_control = 0;  // of the tag that the card inserts
  uint8_t ethernet_size = net::kEthernetSize;
};
// vlan_control: of the tag that the frames need, 0 for none. udp: of datagrams, whose checksums the card
// completes where it can.
constexpr FrameMarks frame_marks(const TransmitOffloads& offloads, uint16_t vlan_control, bool udp) {
  FrameMarks marks;
  if (vlan_control != 0 && offloads.vlan_insert) {
    marks.flags |= RTE_MBUF_F_TX_VLAN;
    marks.vlan_control = vlan_control;
  } else if (vlan_control != 0) {
    marks.ethernet_size += net::kVlanTagSize;
  }
  if (udp && (offloads.ip_checksum || offloads.udp_checksum)) marks.flags |= RTE_MBUF_F_TX_IPV4;
  if (udp && offloads.ip_checksum) marks.flags |= RTE_MBUF_F_TX_IP_CKSUM;
  if (udp && offloads.udp_checksum) marks.flags |= RTE_MBUF_F_TX_UDP_CKSUM;
  return marks;
}

// Makes `packet` a frame to be sent: `headers` bytes before kPayloadOffset, `payload` bytes from there.
inline void prepare_frame(Packet* packet, const FrameMarks& marks, size_t headers, size_t payload) {
  packet->data_off = static_cast<uint16_t>(kPayloadOffset - headers);
  packet->data_len = static_cast<uint16_t>(headers + payload);
  packet->pkt_len = packet->data_len;
  packet->nb_segs = 1;
  packet->next = nullptr;
  packet->ol_flags = marks.flags;
  packet->vlan_tci = marks.vlan_control;
  packet->l2_len = marks.ethernet_size;
  packet->l3_len = net::kIpv4Size;
}
// Where the payload of a prepared frame stands, or will stand.
inline uint8_t* payload_bytes(Packet* packet) {
  return static_cast<uint8_t*>(packet->buf_addr) + kPayloadOffset;
}
inline const uint8_t* payload_bytes(const Packet* packet) {
  return static_cast<const uint8_t*>(packet->buf_addr) + kPayloadOffset;
}
// Its size, of a prepared frame.
inline size_t payload_size(const Packet* packet) {
  return packet->data_len - static_cast<size_t>(kPayloadOffset - packet->data_off);
}

// Appends the payload of a kept frame to a prepared one, from byte `from` on: not copied but held, by `tail`,
// until the card has sent it.
inline void append_kept(Packet* packet, Packet* tail, Packet* kept, size_t from) {
  const size_t size = payload_size(kept) - from;
  rte_pktmbuf_attach(tail, kept);
  tail->data_off = static_cast<uint16_t>(kPayloadOffset + from);
  tail->data_len = static_cast<uint16_t>(size);
  packet->next = tail;
  packet->nb_segs = 2;
  packet->pkt_len += static_cast<uint32_t>(size);
}

// A pool of packets in hugepage memory on one NUMA node, for the life of the process.
class Pool {
 public:
  // room_bytes: of one packet's buffer. Throws Error where memory is short.
  Pool(const std::string& name, unsigned packets, uint16_t room_bytes, int numa_node);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Null where the pool is empty.
  Packet* take() { return rte_pktmbuf_alloc(pool_); }
  std::string name() const { return pool_->name; }
  unsigned packets() const { return pool_->size; }
  // Any thread. While others take and give back, a figure of about now.
  unsigned available() const { return rte_mempool_avail_count(pool_); }
  bool is_full() const { return rte_mempool_full(pool_) == 1; }
  // Bytes of memory behind one packet: object header, mbuf, buffer and the pool's own padding.
  size_t bytes_per_packet() const;
  rte_mempool* get() const { return pool_; }

 private:
  rte_mempool* pool_;
};

}  // namespace linecast::drivers
