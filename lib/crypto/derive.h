// Key derivation (HKDF-SHA256, RFC 5869, by OpenSSL). Control path only.
#pragma once

#include <string_view>

#include "lib/crypto/manager.h"

namespace linecast::crypto {

using ChannelId = std::array<uint8_t, 8>;
using StartSalt = std::array<uint8_t, 16>;

// A group key as a key file holds it.
struct GroupKey {
  uint16_t id = 0;
  Cipher cipher = Cipher::kAes128Gcm;
  std::array<uint8_t, 32> bytes{};  // the first key_size(cipher) count
  ~GroupKey() { wipe(bytes); }
  Bytes key() const { return Bytes(bytes).first(key_size(cipher)); }
  bool operator==(const GroupKey&) const = default;
};

struct TrafficKey {
  std::array<uint8_t, 32> key{};  // the first key_size(cipher) count
  std::array<uint8_t, 4> nonce_salt{};
  ~TrafficKey() { wipe(key); }
};

// RFC 5869, section 2: extract and expand. An empty salt stands for 32 zeros. Throws Error where OpenSSL
// fails or `out` is longer than 255 * 32 bytes.
void hkdf_sha256(Bytes ikm, Bytes salt, Bytes info, MutableBytes out);
std::array<uint8_t, 32> sha256(Bytes message);

// HKDF-SHA256(IKM group key, salt start salt, info "SMART traffic v1" | channel id | sender id (2) | epoch
// (4) | cipher (1)).
TrafficKey derive_traffic_key(const GroupKey& group, const StartSalt& salt, const ChannelId& channel,
                              uint16_t sender_id, uint32_t epoch);
// HKDF(group key, no salt, "SMART down v1" | channel id | key id (2)); likewise "SMART up v1".
std::array<uint8_t, 16> derive_down_key(const GroupKey& group, const ChannelId& channel);
std::array<uint8_t, 16> derive_up_key(const GroupKey& group, const ChannelId& channel);

// What a hop needs to pass a channel on without being able to open it or to make packets: the keys of its
// messages.
struct HopKey {
  uint16_t id = 0;  // of the group key
  ChannelId channel{};
  std::array<uint8_t, 16> down{}, up{};
  ~HopKey() {
    wipe(down);
    wipe(up);
  }
  bool operator==(const HopKey&) const = default;
};
HopKey derive_hop_key(const GroupKey& group, const ChannelId& channel);

// The first 8 bytes of SHA-256 of the channel's name: its default id.
ChannelId channel_id_from_name(std::string_view name);

// Fills with the operating system's randomness; throws Error where there is none.
void random_bytes(MutableBytes out);

}  // namespace linecast::crypto
