// What is to be received and where it is played to, from the command line or a file.
#pragma once

#include <string>
#include <vector>

#include "app/receive/output_target.h"
#include "lib/base/time.h"
#include "lib/crypto/derive.h"
#include "lib/crypto/signature.h"
#include "lib/smart/wire.h"

namespace linecast::app {

inline constexpr uint64_t kLeastBufferMs = 10;
inline constexpr uint64_t kMostBufferMs = 60'000;

struct ChannelOptions {
  std::string name;
  crypto::ChannelId id{};
  Ipv4 group = 0;
  uint16_t port = smart::kDefaultPort;
  Ipv4 source = 0;  // 0: any; else a source-specific join
  Interface interface;
  bool clear = false;
  std::vector<crypto::GroupKey> keys;      // of encrypted channels: at least one
  std::vector<crypto::PublicKey> trusted;  // likewise
  uint64_t buffer_ms = 1000;
  OutputTarget out;
};

// Two channels that cannot be received in one process, in words; empty where they can.
std::string conflict(const ChannelOptions& a, const ChannelOptions& b);

}  // namespace linecast::app
