// SipHash-1-3 (Aumasson and Bernstein, 2012) of two numbers under a secret seed: who does not know the seed
// cannot choose receivers that meet in one place of a table, or that a sample prefers.
#pragma once

#include <bit>
#include <cstdint>

namespace linecast::usage {

class SipState {
 public:
  explicit SipState(uint64_t key0, uint64_t key1)
      : v0_(key0 ^ 0x736f6d6570736575),
        v1_(key1 ^ 0x646f72616e646f6d),
        v2_(key0 ^ 0x6c7967656e657261),
        v3_(key1 ^ 0x7465646279746573) {}

  void take(uint64_t word) {
    v3_ ^= word;
    round();
    v0_ ^= word;
  }
  uint64_t finish() {
    v2_ ^= 0xff;
    for (int i = 0; i < 3; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void round() {
    v0_ += v1_, v1_ = std::rotl(v1_, 13) ^ v0_, v0_ = std::rotl(v0_, 32);
    v2_ += v3_, v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_, v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_, v1_ = std::rotl(v1_, 17) ^ v2_, v2_ = std::rotl(v2_, 32);
  }

  uint64_t v0_, v1_, v2_, v3_;
};

inline uint64_t keyed_hash(uint64_t seed, uint64_t a, uint64_t b) {
  SipState state(seed, ~seed);
  state.take(a);
  state.take(b);
  state.take(uint64_t{16} << 56);  // the length in bytes
  return state.finish();
}

}  // namespace linecast::usage
