// Key files: small text files of `name: value` lines, made by `linecast key new`. Secret ones are refused
// where others than the owner can read them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/crypto/derive.h"
#include "lib/crypto/signature.h"

namespace linecast::crypto {

enum class KeyType : uint8_t { kGroup, kSigning, kPublic, kHop };

// Where a key file is used: headends make theirs, receivers get copies. Messages say what to do accordingly.
enum class KeyHolder : uint8_t { kHeadend, kReceiver };

// What any key file holds.
struct KeyFile {
  KeyType type = KeyType::kGroup;
  uint16_t id = 0;                     // of a group key, 1 .. 65535; of a hop key that of its group key
  ChannelId channel{};                 // of a hop key
  Cipher cipher = Cipher::kAes128Gcm;  // of a group key
  std::array<uint8_t, 32>
      bytes{};  // group key (the first key_size(cipher)), seed, public key, or down and up key
  ~KeyFile() { wipe(bytes); }
};

inline constexpr size_t kMaxKeyFileSize = 4096;  // bytes

// "aes-128-gcm" or "aes-256-gcm".
std::string_view cipher_name(Cipher cipher);
std::string_view key_type_name(KeyType type);

// The text of a key file, at most kMaxKeyFileSize. Throws Error naming `path` and the line; no message
// repeats what the file says, which may be a secret out of place.
KeyFile parse_key_file(std::string_view text, const std::string& path,
                       KeyHolder holder = KeyHolder::kHeadend);
// Reads a key of any type. Throws Error as below.
KeyFile read_key_file(const std::string& path);
// 32 hex digits by which people compare keys without showing them. A signing key has its public half's, whose
// first 4 digits are the hint in signed trailers.
std::string fingerprint(const KeyFile& key);

// Each throws Error naming the file, what is wrong, and what mends it (chmod 600 F; at a headend linecast key
// new ..., at a receiver a copy). Signing keys are headends', public keys receivers'.
GroupKey read_group_key(const std::string& path, KeyHolder holder = KeyHolder::kHeadend);
std::unique_ptr<SigningKey> read_signing_key(const std::string& path);
PublicKey read_public_key(const std::string& path);
HopKey read_hop_key(const std::string& path);

// Writes with mode 0600 (0644 for the public half), to the disk, and never over a file that exists: throws
// Error instead.
void write_group_key(const std::string& path, const GroupKey& key);
void write_hop_key(const std::string& path, const HopKey& key);
// Writes PATH and PATH.pub, or neither.
void write_signing_key(const std::string& path, const std::array<uint8_t, 32>& seed);

}  // namespace linecast::crypto
