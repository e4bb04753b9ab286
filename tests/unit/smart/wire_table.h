// What the protocol says of each message, written down once more and independently of the code.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <ostream>
#include <vector>

#include "lib/smart/wire.h"

namespace linecast::smart {

struct MessageKind {
  const char* name;
  uint8_t type, command;
  std::vector<size_t> body_sizes;
  size_t trailer_size;  // with a code that is not 0; 0: none is allowed
  bool code_zero_allowed;
  std::function<bool(Bytes)> decodes;
};

template <typename Message>
bool decodes_as(Bytes body) {
  Message m;
  return decode(body, m);
}

inline std::vector<size_t> sizes_between(size_t first, size_t last, size_t step) {
  std::vector<size_t> sizes;
  for (size_t size = first; size <= last; size += step) sizes.push_back(size);
  return sizes;
}

// TUNNEL_DATA's sizes stop at 1500 here; its upper end has a test of its own.
inline const std::vector<MessageKind>& message_kinds() {
  static const std::vector<MessageKind> kinds = {
      {"ADDR_RANGE_CHANGE", 1, 0x01, {8, 20}, 80, true, decodes_as<AddrRangeChange>},
      {"USAGE_REPORT_JOIN", 1, 0x02, {8, 24}, 32, true, decodes_as<UsageReport>},
      {"USAGE_REPORT_LEAVE", 1, 0x03, {8, 24}, 32, true, decodes_as<UsageReport>},
      {"ERROR_REPORT", 1, 0x0b, {20}, 32, true, decodes_as<FaultReport>},
      {"PROBLEM_REPORT", 1, 0x10, {20}, 32, true, decodes_as<FaultReport>},
      {"KEY_ANNOUNCE", 1, 0x20, {60}, 80, false, decodes_as<KeyAnnounce>},
      {"SENDER_STATUS", 1, 0x21, {24}, 32, true, decodes_as<SenderStatus>},
      {"REPLACEMENT", 2, 0x01, sizes_between(8, 260, 4), 32, true, decodes_as<Replacement>},
      {"QUIET", 2, 0x02, sizes_between(8, 264, 4), 32, true, decodes_as<Quiet>},
      {"REQUEST_TUNNEL", 3, 0x01, {24}, 32, true, decodes_as<TunnelRequest>},
      {"LEAVE_TUNNEL", 3, 0x02, {24}, 32, true, decodes_as<TunnelRequest>},
      {"TUNNEL_CHALLENGE", 3, 0x03, {24}, 0, true, decodes_as<TunnelRequest>},
      {"TUNNEL_GRANT", 3, 0x04, {28}, 0, true, decodes_as<TunnelGrant>},
      {"TUNNEL_DATA", 3, 0x05, sizes_between(28, 1500, 1), 0, true,
       [](Bytes body) { return body.size() >= 28; }},
  };
  return kinds;
}

inline std::vector<uint8_t> datagram_of(uint8_t code, uint8_t type, uint8_t command, size_t size) {
  std::vector<uint8_t> d(std::max<size_t>(size, 4), 0);
  d[0] = code;
  d[1] = static_cast<uint8_t>(type << 6 | command);
  store_be16(&d[2], static_cast<uint16_t>(size));
  d.resize(size);
  return d;
}

inline void PrintTo(WireFault fault, std::ostream* os) {
  *os << kWireFaultTexts[static_cast<size_t>(fault)].name;
}

}  // namespace linecast::smart
