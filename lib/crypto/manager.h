// Intel ipsec-mb behind a small face: one Manager for each thread, AES-GCM keys made ready, AES-CMAC.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "lib/base/bytes.h"

struct IMB_MGR;

namespace linecast::crypto {

inline constexpr size_t kGcmTagSize = 16;  // bytes
inline constexpr size_t kCmacSize = 16;    // bytes

// Cipher numbers as on the wire.
enum class Cipher : uint8_t { kAes128Gcm = 1, kAes256Gcm = 2 };
constexpr size_t key_size(Cipher c) { return c == Cipher::kAes256Gcm ? 32 : 16; }

// Overwrites secrets so that the compiler cannot leave it out.
void wipe(MutableBytes secret);
// The same for one object of plain data.
template <typename T>
void wipe_object(T& secret) {
  static_assert(std::is_trivially_copyable_v<T>);
  wipe(MutableBytes(reinterpret_cast<uint8_t*>(&secret), sizeof secret));
}

// Compares 16 bytes in constant time.
inline bool tags_equal(const uint8_t* a, const uint8_t* b) {
  uint64_t x[2], y[2];
  std::memcpy(x, a, sizeof x);
  std::memcpy(y, b, sizeof y);
  return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

// Not thread safe: one for each lane or thread, made by that thread's owner before it runs.
// Throws Error where the processor is unfit or ipsec-mb's self test fails.
class Manager {
 public:
  Manager();
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  IMB_MGR* get() const { return mgr_; }

 private:
  IMB_MGR* mgr_;
};

}  // namespace linecast::crypto
