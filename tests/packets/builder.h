// Frames for tests, put together field by field; each can be printed as the Scapy expression that builds the
// same bytes, so that somebody else's code can check them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/net/frame.h"

namespace linecast::packets {

// What is not set is what a correct frame holds: lengths, checksums and types follow from the rest. Whatever
// is set stands, right or wrong. Layers are written in the order Ethernet, VLAN tags, IPv4, UDP, payload,
// padding, whichever order they are called in.
class PacketBuilder {
 public:
  PacketBuilder& ether(std::string_view source, std::string_view destination);  // "02:00:00:00:00:01"
  PacketBuilder& ether_type(uint16_t type);
  PacketBuilder& vlan(uint16_t id);          // 802.1Q, 0x8100
  PacketBuilder& service_vlan(uint16_t id);  // 802.1ad, 0x88a8

  PacketBuilder& ipv4(std::string_view source, std::string_view destination);
  PacketBuilder& tos(uint8_t v);
  PacketBuilder& id(uint16_t v);
  PacketBuilder& dont_fragment();
  PacketBuilder& more_fragments();
  PacketBuilder& fragment_offset(uint16_t units);  // of 8 bytes
  PacketBuilder& ttl(uint8_t v);
  PacketBuilder& protocol(uint8_t v);
  PacketBuilder& router_alert();  // the option, RFC 2113
  PacketBuilder& version(uint8_t v);
  PacketBuilder& header_words(uint8_t v);
  PacketBuilder& total_length(uint16_t v);
  PacketBuilder& ip_checksum(uint16_t v);

  PacketBuilder& udp(uint16_t source_port, uint16_t destination_port);
  PacketBuilder& udp_length(uint16_t v);
  PacketBuilder& udp_checksum(uint16_t v);

  PacketBuilder& payload(std::string_view hex);  // behind the last header
  PacketBuilder& padding(size_t bytes);          // of zeros, outside of all lengths
  PacketBuilder& cut(size_t size);               // the frame ends after so many bytes

  std::vector<uint8_t> build() const;
  std::string scapy() const;  // a Python expression of type bytes, given `from scapy.all import *`

 private:
  struct Tag {
    uint16_t type;
    uint16_t id;
  };
  struct Ip {
    std::string source, destination;
    uint8_t version = 4, tos = 0, ttl = 64;
    uint16_t id = 1;
    bool dont_fragment = false, more_fragments = false, router_alert = false;
    uint16_t fragment_offset = 0;
    std::optional<uint8_t> protocol, header_words;
    std::optional<uint16_t> total_length, checksum;
  };
  struct Udp {
    uint16_t source_port, destination_port;
    std::optional<uint16_t> length, checksum;
  };

  uint16_t inner_type() const;
  std::vector<uint8_t> udp_bytes() const;
  std::vector<uint8_t> ip_bytes(Bytes payload) const;

  std::string source_mac_ = "02:00:00:00:00:01";
  std::string destination_mac_ = "02:00:00:00:00:02";
  std::optional<uint16_t> ether_type_;
  std::vector<Tag> tags_;
  std::optional<Ip> ip_;
  std::optional<Udp> udp_;
  std::vector<uint8_t> payload_;
  size_t padding_ = 0;
  std::optional<size_t> cut_;
};

}  // namespace linecast::packets
