// A host or a querier under test, and its frames in words: "239.1.2.3: REPORT 239.1.2.3",
// "224.0.0.22: TO_EX 239.1.2.3, ALLOW 239.1.2.4 {10.9.0.1}" or "239.1.2.3: QUERY 239.1.2.3 {10.9.0.1} S".
// Every frame is checked on the way.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/igmp/host.h"
#include "lib/net/checksum.h"
#include "tests/packets/hex.h"

namespace linecast::igmp {

inline constexpr net::Mac kMac{0x02, 0x11, 0x22, 0x33, 0x44, 0x55};
inline constexpr Ipv4 kAddress = 0x0a000001;
inline constexpr Ipv4 kRouter = 0x0a0000fe;
inline constexpr Ipv4 kGroup = 0xef010203;
inline constexpr Ipv4 kSource = 0x0a090001;

// The rest of a v3 query must be as the querier's default settings have it; see QuerierWire.
inline std::string describe_query(Bytes message) {
  std::string text = "QUERY";
  if (message.size() == 8) text = message[1] == 0 ? "QUERY1" : "QUERY2";
  if (load_be32(&message[4]) != 0) text += " " + to_string(load_be32(&message[4]));
  if (message.size() == 8) return text;
  ByteReader r(message.subspan(8));
  const bool suppress = (r.u8() & 8) != 0;
  r.u8();
  const int sources = r.u16();
  for (int i = 0; i < sources; ++i) text += (i == 0 ? " {" : " ") + to_string(r.u32());
  EXPECT_TRUE(r.done()) << "the query's length is not its sources'";
  return text + (sources > 0 ? "}" : "") + (suppress ? " S" : "");
}

inline std::string describe(Bytes message) {
  if (message[0] == 0x11) return describe_query(message);
  if (message[0] == 0x12) return "REPORT1 " + to_string(load_be32(&message[4]));
  if (message[0] == 0x16) return "REPORT " + to_string(load_be32(&message[4]));
  if (message[0] == 0x17) return "LEAVE " + to_string(load_be32(&message[4]));
  EXPECT_EQ(message[0], 0x22);
  static const char* const kTypes[] = {"?", "IS_IN ", "IS_EX ", "TO_IN ", "TO_EX ", "ALLOW ", "BLOCK "};
  ByteReader r(message.subspan(6));
  std::string text;
  for (int records = r.u16(); records > 0; --records) {
    text += kTypes[r.u8() % 7];
    EXPECT_EQ(r.u8(), 0);
    const int sources = r.u16();
    text += to_string(r.u32());
    for (int i = 0; i < sources; ++i) text += (i == 0 ? " {" : " ") + to_string(r.u32());
    text += sources > 0 ? "}" : "";
    text += records > 1 ? ", " : "";
  }
  EXPECT_TRUE(r.done()) << "the report's length is not its records'";
  return text;
}

// What RFC 2236 and RFC 3376 demand of every frame.
inline std::string describe_frame(Bytes frame, uint16_t mtu) {
  EXPECT_LE(frame.size(), net::kEthernetSize + mtu);
  const Bytes ip = frame.subspan(net::kEthernetSize);
  EXPECT_EQ(packets::to_hex(frame.subspan(6, 8)), "0211223344550800");
  EXPECT_EQ(ip[0], 0x46);
  EXPECT_EQ(ip[1], 0xc0);
  EXPECT_EQ(load_be16(&ip[2]), ip.size());
  EXPECT_EQ(ip[8], 1) << "TTL";
  EXPECT_EQ(packets::to_hex(ip.subspan(20, 4)), "94040000") << "Router Alert";
  const net::ParsedFrame parsed = net::parse_frame(frame, {});
  EXPECT_EQ(parsed.kind, net::FrameKind::kIgmp);
  EXPECT_EQ(parsed.source, kAddress);
  const net::Mac mac = net::multicast_mac(parsed.destination);
  EXPECT_TRUE(std::equal(mac.begin(), mac.end(), frame.begin()));
  EXPECT_EQ(net::checksum_finish(net::checksum_add(parsed.payload)), 0);
  return to_string(parsed.destination) + ": " + describe(parsed.payload);
}

// A message with its checksum put right.
inline std::vector<uint8_t> message(std::string_view hex) {
  std::vector<uint8_t> out = packets::from_hex(hex);
  store_be16(&out[2], net::checksum_finish(net::checksum_add(out)));
  return out;
}

// Where a message of this kind is sent to by its RFC.
inline Ipv4 usual_destination(Bytes message) {
  if (message.size() < 8) return kAllHosts;
  if (message[0] == 0x17) return kAllRouters;
  if (message[0] == 0x22) return kAllV3Routers;
  const Ipv4 group = load_be32(&message[4]);
  return group == 0 ? kAllHosts : group;
}

class Wire {
 public:
  explicit Wire(std::optional<Version> forced, uint16_t mtu = 1500, uint64_t seed = 1)
      : Wire(HostConfig{.mac = kMac, .address = kAddress, .mtu = mtu, .forced = forced}, seed) {}
  explicit Wire(const HostConfig& config, uint64_t seed = 1)
      : host(config, Random(seed),
             [this, mtu = config.mtu](Bytes frame) { sent_.push_back(describe_frame(frame, mtu)); }) {}

  // What was sent since the last call.
  std::vector<std::string> sent() { return std::exchange(sent_, {}); }
  std::vector<std::string> poll(TimeNs now) {
    host.poll(now);
    EXPECT_GE(host.next_due(), now);
    return sent();
  }
  // Polls whenever something is due, up to `end`.
  std::vector<std::string> run_until(TimeNs end) {
    std::vector<std::string> all;
    while (host.next_due() <= end)
      for (std::string& frame : poll(host.next_due())) all.push_back(std::move(frame));
    return all;
  }
  void hear(TimeNs now, Ipv4 source, std::string_view hex) {
    const auto bytes = message(hex);
    host.receive(now, source, usual_destination(bytes), 1, bytes);
  }
  void query(TimeNs now, std::string_view hex) { hear(now, kRouter, hex); }

 private:
  std::vector<std::string> sent_;

 public:
  Host host;
};

// Lets the reports of the joins so far go out. A time at which nothing is pending.
inline TimeNs settle(Wire& wire) {
  wire.run_until(10 * kNsPerSecond);
  EXPECT_EQ(wire.host.next_due(), kNever);
  return 10 * kNsPerSecond;
}

}  // namespace linecast::igmp
