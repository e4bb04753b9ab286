// The table of frames and what parse_frame makes of them.
#pragma once

#include "tests/packets/builder.h"

namespace linecast::packets {

struct FrameRow {
  std::string name;
  PacketBuilder packet;
  net::FrameFault fault = net::FrameFault::kNone;
  net::FrameKind kind = net::FrameKind::kNone;
  std::string payload;          // hex, where it is taken
  net::CardFindings card = {};  // what the card says
};

// Every rule that refuses a frame or takes one, at least once.
std::vector<FrameRow> frame_rows();

}  // namespace linecast::packets
