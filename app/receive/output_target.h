// Where a channel is played to, as people write it: a path, -, udp:// or rtp://.
#pragma once

#include <string>

#include "app/receive/interface.h"

namespace linecast::app {

struct OutputTarget {
  enum class Kind : uint8_t { kStandardOutput, kFile, kUdp, kRtp };
  Kind kind = Kind::kStandardOutput;
  std::string path;  // of a file
  Ipv4 address = 0;  // of udp and rtp: a host or a group
  uint16_t port = 0;
  uint8_t ttl = 1;  // of groups
  Interface interface;

  bool is_stream() const { return kind == Kind::kStandardOutput || kind == Kind::kFile; }
};

// "-", "PATH", "file:PATH", "udp://ADDRESS:PORT" or "rtp://ADDRESS:PORT", these two with "?ttl=N" and
// "&interface=NAME|ADDRESS".
lineup::Parsed<OutputTarget> parse_output(std::string_view text);

}  // namespace linecast::app
