#include "lib/net/checksum.h"

#include "lib/net/frame.h"

namespace linecast::net {

uint64_t checksum_add(Bytes data, uint64_t sum) {
  // The sum is the same in either byte order but for a swap at the end (RFC 1071, section 2(B)), so words are
  // added as the machine loads them: the halves of 64-bit words, in two accumulators that cannot overflow and
  // that the compiler turns into vectors.
  const uint8_t* p = data.data();
  const size_t words = data.size() / 8;
  uint64_t low = 0;
  uint64_t high = 0;
  for (size_t i = 0; i < words; ++i) {
    uint64_t word;
    std::memcpy(&word, p + 8 * i, sizeof word);
    low += word & UINT32_MAX;
    high += word >> 32;
  }
  p += 8 * words;
  if ((data.size() & 4) != 0) {
    uint32_t word;
    std::memcpy(&word, p, sizeof word);
    low += word;
    p += sizeof word;
  }
  if ((data.size() & 2) != 0) {
    uint16_t word;
    std::memcpy(&word, p, sizeof word);
    low += word;
    p += sizeof word;
  }
  if ((data.size() & 1) != 0) low += *p;  // the padding byte lies in the word's upper half: little-endian
  // Each is below 2^32 times the number of words, so neither has overflowed. Folded to 16 bits:
  low = (low & UINT32_MAX) + (low >> 32) + (high & UINT32_MAX) + (high >> 32);
  low = (low & 0xffff) + (low >> 16 & 0xffff) + (low >> 32);
  low = (low & 0xffff) + (low >> 16);
  low = (low & 0xffff) + (low >> 16);
  const uint64_t part = __builtin_bswap16(static_cast<uint16_t>(low));
  sum += part;
  return sum + (sum < part ? 1 : 0);
}

uint16_t checksum_finish(uint64_t sum) {
  sum = (sum & UINT32_MAX) + (sum >> 32);
  sum = (sum & UINT32_MAX) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

uint64_t udp_pseudo_sum(Ipv4 source, Ipv4 destination, uint16_t udp_size) {
  return uint64_t{source >> 16} + (source & 0xffff) + (destination >> 16) + (destination & 0xffff) +
         kProtocolUdp + udp_size;
}

}  // namespace linecast::net
