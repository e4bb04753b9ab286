// Packets as the lanes handle them: DPDK's mbufs behind inline functions, so that no other folder names rte_
// anything.
#pragma once

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <cstdint>
#include <string>

#include "lib/base/bytes.h"
#include "lib/net/frame.h"

namespace linecast::drivers {

using Packet = rte_mbuf;

// Kept frames begin here in their buffer: the payload behind Ethernet, IPv4, UDP, SMART and IV headers (58
// bytes) then falls on a cache line of its own, which the sealing stores like best.
inline constexpr uint16_t kFrameOffset = 6;
// Ethernet, one VLAN tag, and up to the next cache line: what a frame takes beyond the MTU.
inline constexpr uint16_t kFrameExtra = kFrameOffset + 14 + 4;

// Buffer sizes of a pool of kept frames, and of a port's receive pool (headroom included, and at least the 2
// KB that every card takes as one whole buffer).
constexpr uint16_t frame_room(uint16_t mtu) {
  return static_cast<uint16_t>((kFrameExtra + mtu + 63) / 64 * 64);
}
constexpr uint16_t receive_room(uint16_t mtu) {
  return static_cast<uint16_t>((mtu + 64 > 2048 ? (mtu + 64 + 127) / 128 * 128 : 2048) +
                               RTE_PKTMBUF_HEADROOM);
}

inline uint8_t* data(Packet* packet) { return rte_pktmbuf_mtod(packet, uint8_t*); }
inline Bytes view(const Packet* packet) {
  return {rte_pktmbuf_mtod(packet, const uint8_t*), rte_pktmbuf_data_len(packet)};
}
inline bool is_whole(const Packet* packet) { return packet->nb_segs == 1; }
inline uint16_t input_port(const Packet* packet) { return packet->port; }
inline void set_input_port(Packet* packet, uint16_t port) { packet->port = port; }

inline net::ChecksumsKnown checksums_known(const Packet* packet) {
  return {(packet->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD,
          (packet->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD};
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

inline void release(Packet* packet) { rte_pktmbuf_free_seg(packet); }
inline void release_bulk(Packet** packets, unsigned count) { rte_pktmbuf_free_bulk(packets, count); }
// One more holder. The packet is not reused before every holder has released it.
inline void hold(Packet* packet) { rte_mbuf_refcnt_update(packet, 1); }
inline bool held_once(const Packet* packet) { return rte_mbuf_refcnt_read(packet) == 1; }

// Makes `packet` a frame of `size` bytes to be sent; udp_checksum: the card is to complete it
// (Port::udp_checksum_offload()).
inline void prepare_frame(Packet* packet, uint16_t size, bool udp_checksum) {
  packet->data_off = kFrameOffset;
  packet->data_len = size;
  packet->pkt_len = size;
  packet->nb_segs = 1;
  packet->next = nullptr;
  packet->ol_flags = udp_checksum ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM : 0;
  packet->l2_len = net::kEthernetSize;
  packet->l3_len = net::kIpv4Size;
}
// Where a frame's bytes will stand once prepared.
inline uint8_t* frame_bytes(Packet* packet) { return static_cast<uint8_t*>(packet->buf_addr) + kFrameOffset; }
inline size_t frame_room(const Packet* packet) { return packet->buf_len - kFrameOffset; }

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
  unsigned available() const { return rte_mempool_avail_count(pool_); }
  // Bytes of memory behind one packet: object header, mbuf, buffer and the pool's own padding.
  size_t bytes_per_packet() const;
  rte_mempool* get() const { return pool_; }

 private:
  rte_mempool* pool_;
};

}  // namespace linecast::drivers
