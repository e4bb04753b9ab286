// What is to be received and where it is played to, from the command line or a file.
#pragma once

#include <string>
#include <vector>

#include "app/receive/output_target.h"
#include "lib/base/time.h"
#include "lib/crypto/derive.h"
#include "lib/crypto/signature.h"
#include "lib/lineup/scalars.h"
#include "lib/smart/receive/simple.h"
#include "lib/smart/receive/tunnel_client.h"
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
  bool follow_moves = false;               // of clear channels; encrypted ones are always followed
  std::vector<crypto::GroupKey> keys;      // of encrypted channels: at least one
  std::vector<crypto::PublicKey> trusted;  // likewise
  uint64_t buffer_ms = 1000;
  OutputTarget out;
  std::vector<smart::FarEnd> tunnels;  // to ask where native multicast fails, in this order
};

// "ADDRESS" or "ADDRESS:PORT", worded as lib/lineup/scalars.h has it.
lineup::Parsed<smart::FarEnd> parse_far_end(std::string_view text);
// Adds one to the tunnels. Why it cannot be added, in words that follow its text; empty where it was.
std::string add_tunnel(const smart::FarEnd& far_end, std::vector<smart::FarEnd>& tunnels);
// "203.0.113.5:47100"
std::string text_of(const smart::FarEnd& far_end);

// The port in "ADDRESS:PORT"; the default where none is given.
lineup::Parsed<uint16_t> parse_port_behind(std::string_view text);

// Two channels that cannot be received in one process, in words; empty where they can.
std::string conflict(const ChannelOptions& a, const ChannelOptions& b);

}  // namespace linecast::app
