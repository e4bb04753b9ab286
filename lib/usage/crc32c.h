// CRC-32C (Castagnoli; RFC 3720, appendix B.4), by the processor's own instruction (SSE4.2).
#pragma once

#include <nmmintrin.h>

#include <cstring>

#include "lib/base/bytes.h"

namespace linecast::usage {

inline uint32_t crc32c(Bytes data) {
  uint64_t crc = UINT32_MAX;
  size_t at = 0;
  for (; at + 8 <= data.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, &data[at], sizeof word);
    crc = _mm_crc32_u64(crc, word);
  }
  for (; at < data.size(); ++at) crc = _mm_crc32_u8(static_cast<uint32_t>(crc), data[at]);
  return ~static_cast<uint32_t>(crc);
}

}  // namespace linecast::usage
