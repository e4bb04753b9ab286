// Bounded big-endian reading and writing of byte spans. A reader or writer that runs over its end does
// nothing more and says so in ok(): callers check once, at the end.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace linecast {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

// Unchecked loads and stores in network byte order, for callers that have checked the length already.
inline uint16_t load_be16(const uint8_t* p) { return static_cast<uint16_t>((p[0] << 8) | p[1]); }
inline uint32_t load_be32(const uint8_t* p) {
  uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_bswap32(v);
}
inline uint64_t load_be64(const uint8_t* p) {
  uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_bswap64(v);
}
inline void store_be16(uint8_t* p, uint16_t v) {
  v = __builtin_bswap16(v);
  std::memcpy(p, &v, sizeof v);
}
inline void store_be32(uint8_t* p, uint32_t v) {
  v = __builtin_bswap32(v);
  std::memcpy(p, &v, sizeof v);
}
inline void store_be64(uint8_t* p, uint64_t v) {
  v = __builtin_bswap64(v);
  std::memcpy(p, &v, sizeof v);
}

class ByteReader {
 public:
  explicit ByteReader(Bytes data) : data_(data) {}

  bool ok() const { return ok_; }
  size_t remaining() const { return data_.size() - at_; }
  bool done() const { return ok_ && remaining() == 0; }

  uint8_t u8() { return take(1) ? data_[at_ - 1] : 0; }
  uint16_t u16() { return take(2) ? load_be16(&data_[at_ - 2]) : 0; }
  uint32_t u32() { return take(4) ? load_be32(&data_[at_ - 4]) : 0; }
  uint64_t u48() {
    const uint64_t high = u16();
    return high << 32 | u32();
  }
  uint64_t u64() { return take(8) ? load_be64(&data_[at_ - 8]) : 0; }
  void skip(size_t n) { take(n); }
  Bytes bytes(size_t n) { return take(n) ? data_.subspan(at_ - n, n) : Bytes(); }
  template <size_t N>
  std::array<uint8_t, N> array() {
    std::array<uint8_t, N> out{};
    if (take(N)) std::memcpy(out.data(), &data_[at_ - N], N);
    return out;
  }

 private:
  bool take(size_t n) {
    if (!ok_ || n > remaining()) return ok_ = false;
    at_ += n;
    return true;
  }

  Bytes data_;
  size_t at_ = 0;
  bool ok_ = true;
};

class ByteWriter {
 public:
  explicit ByteWriter(MutableBytes out) : out_(out) {}

  bool ok() const { return ok_; }
  size_t size() const { return at_; }
  MutableBytes written() const { return out_.first(at_); }

  void u8(uint8_t v) {
    if (take(1)) out_[at_ - 1] = v;
  }
  void u16(uint16_t v) {
    if (take(2)) store_be16(&out_[at_ - 2], v);
  }
  void u32(uint32_t v) {
    if (take(4)) store_be32(&out_[at_ - 4], v);
  }
  void u48(uint64_t v) {
    u16(static_cast<uint16_t>(v >> 32));
    u32(static_cast<uint32_t>(v));
  }
  void u64(uint64_t v) {
    if (take(8)) store_be64(&out_[at_ - 8], v);
  }
  void zeros(size_t n) {
    if (take(n)) std::fill_n(&out_[at_ - n], n, uint8_t{0});
  }
  void bytes(Bytes v) {
    if (v.empty()) return;
    if (take(v.size())) std::memcpy(&out_[at_ - v.size()], v.data(), v.size());
  }

 private:
  bool take(size_t n) {
    if (!ok_ || n > out_.size() - at_) return ok_ = false;
    at_ += n;
    return true;
  }

  MutableBytes out_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace linecast
