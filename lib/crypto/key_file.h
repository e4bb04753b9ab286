// Key files: small text files of `name: value` lines, made by `linecast key new`. Secret ones are refused
// where others than the owner can read them.
#pragma once

#include <memory>
#include <string>

#include "lib/crypto/derive.h"
#include "lib/crypto/signature.h"

namespace linecast::crypto {

// Each throws Error naming the file, what is wrong, and the command that mends it (chmod 600 F, linecast key
// new ...).
GroupKey read_group_key(const std::string& path);
std::unique_ptr<SigningKey> read_signing_key(const std::string& path);
PublicKey read_public_key(const std::string& path);

// Writes with mode 0600 (0644 for the public half) and never over a file that exists: throws Error instead.
void write_group_key(const std::string& path, const GroupKey& key);
// Writes PATH and PATH.pub.
void write_signing_key(const std::string& path, const std::array<uint8_t, 32>& seed);

}  // namespace linecast::crypto
