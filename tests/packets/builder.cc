#include "tests/packets/builder.h"

#include <fmt/format.h>

#include "tests/packets/hex.h"

namespace linecast::packets {
namespace {

void put16(std::vector<uint8_t>& out, uint16_t v) {
  out.push_back(static_cast<uint8_t>(v >> 8));
  out.push_back(static_cast<uint8_t>(v));
}

void put_bytes(std::vector<uint8_t>& out, Bytes bytes) {
  for (const uint8_t b : bytes) out.push_back(b);
}

void put_mac(std::vector<uint8_t>& out, std::string_view text) {
  for (size_t i = 0; i < 6; ++i) put_bytes(out, from_hex(text.substr(3 * i, 2)));
}

void put_ipv4(std::vector<uint8_t>& out, std::string_view text) {
  const Ipv4 address = parse_ipv4(text).value();
  put16(out, static_cast<uint16_t>(address >> 16));
  put16(out, static_cast<uint16_t>(address));
}

// Word by word, apart from lib/net's: the tests of parse_frame must not check it against itself.
uint16_t checksum(Bytes data) {
  uint32_t sum = 0;
  for (size_t i = 0; i < data.size(); ++i) sum += i % 2 == 0 ? uint32_t{data[i]} << 8 : uint32_t{data[i]};
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

void set16(std::vector<uint8_t>& out, size_t at, uint16_t v) {
  out[at] = static_cast<uint8_t>(v >> 8);
  out[at + 1] = static_cast<uint8_t>(v);
}

}  // namespace

PacketBuilder& PacketBuilder::ether(std::string_view source, std::string_view destination) {
  source_mac_ = source;
  destination_mac_ = destination;
  return *this;
}
PacketBuilder& PacketBuilder::ether_type(uint16_t type) {
  ether_type_ = type;
  return *this;
}
PacketBuilder& PacketBuilder::vlan(uint16_t id) {
  tags_.push_back({0x8100, id});
  return *this;
}
PacketBuilder& PacketBuilder::service_vlan(uint16_t id) {
  tags_.push_back({0x88a8, id});
  return *this;
}

PacketBuilder& PacketBuilder::ipv4(std::string_view source, std::string_view destination) {
  ip_ = Ip{};
  ip_->source = source;
  ip_->destination = destination;
  return *this;
}
PacketBuilder& PacketBuilder::tos(uint8_t v) {
  ip_.value().tos = v;
  return *this;
}
PacketBuilder& PacketBuilder::id(uint16_t v) {
  ip_.value().id = v;
  return *this;
}
PacketBuilder& PacketBuilder::dont_fragment() {
  ip_.value().dont_fragment = true;
  return *this;
}
PacketBuilder& PacketBuilder::more_fragments() {
  ip_.value().more_fragments = true;
  return *this;
}
PacketBuilder& PacketBuilder::fragment_offset(uint16_t units) {
  ip_.value().fragment_offset = units;
  return *this;
}
PacketBuilder& PacketBuilder::ttl(uint8_t v) {
  ip_.value().ttl = v;
  return *this;
}
PacketBuilder& PacketBuilder::protocol(uint8_t v) {
  ip_.value().protocol = v;
  return *this;
}
PacketBuilder& PacketBuilder::router_alert() {
  ip_.value().router_alert = true;
  return *this;
}
PacketBuilder& PacketBuilder::version(uint8_t v) {
  ip_.value().version = v;
  return *this;
}
PacketBuilder& PacketBuilder::header_words(uint8_t v) {
  ip_.value().header_words = v;
  return *this;
}
PacketBuilder& PacketBuilder::total_length(uint16_t v) {
  ip_.value().total_length = v;
  return *this;
}
PacketBuilder& PacketBuilder::ip_checksum(uint16_t v) {
  ip_.value().checksum = v;
  return *this;
}

PacketBuilder& PacketBuilder::udp(uint16_t source_port, uint16_t destination_port) {
  udp_ = Udp{source_port, destination_port, {}, {}};
  return *this;
}
PacketBuilder& PacketBuilder::udp_length(uint16_t v) {
  udp_.value().length = v;
  return *this;
}
PacketBuilder& PacketBuilder::udp_checksum(uint16_t v) {
  udp_.value().checksum = v;
  return *this;
}

PacketBuilder& PacketBuilder::payload(std::string_view hex) {
  payload_ = from_hex(hex);
  return *this;
}
PacketBuilder& PacketBuilder::padding(size_t bytes) {
  padding_ = bytes;
  return *this;
}
PacketBuilder& PacketBuilder::cut(size_t size) {
  cut_ = size;
  return *this;
}

uint16_t PacketBuilder::inner_type() const { return ether_type_.value_or(0x0800); }

std::vector<uint8_t> PacketBuilder::udp_bytes() const {
  std::vector<uint8_t> out;
  const auto size = static_cast<uint16_t>(8 + payload_.size());
  put16(out, udp_->source_port);
  put16(out, udp_->destination_port);
  put16(out, udp_->length.value_or(size));
  put16(out, udp_->checksum.value_or(0));
  put_bytes(out, payload_);
  if (udp_->checksum || !ip_) return out;
  std::vector<uint8_t> covered;
  put_ipv4(covered, ip_->source);
  put_ipv4(covered, ip_->destination);
  put16(covered, 17);
  put16(covered, size);
  put_bytes(covered, out);
  const uint16_t sum = checksum(covered);
  set16(out, 6, sum == 0 ? 0xffff : sum);
  return out;
}

std::vector<uint8_t> PacketBuilder::ip_bytes(Bytes inner) const {
  std::vector<uint8_t> out;
  const size_t header_size = ip_->router_alert ? 24 : 20;
  const auto words = ip_->header_words.value_or(static_cast<uint8_t>(header_size / 4));
  out.push_back(static_cast<uint8_t>(ip_->version << 4 | words));
  out.push_back(ip_->tos);
  put16(out, ip_->total_length.value_or(static_cast<uint16_t>(header_size + inner.size())));
  put16(out, ip_->id);
  put16(out, static_cast<uint16_t>((ip_->dont_fragment ? 0x4000 : 0) | (ip_->more_fragments ? 0x2000 : 0) |
                                   ip_->fragment_offset));
  out.push_back(ip_->ttl);
  out.push_back(ip_->protocol.value_or(udp_ ? 17 : 0));
  put16(out, ip_->checksum.value_or(0));
  put_ipv4(out, ip_->source);
  put_ipv4(out, ip_->destination);
  if (ip_->router_alert) put_bytes(out, from_hex("94040000"));
  if (!ip_->checksum) set16(out, 10, checksum(out));
  put_bytes(out, inner);
  return out;
}

std::vector<uint8_t> PacketBuilder::build() const {
  std::vector<uint8_t> out;
  put_mac(out, destination_mac_);
  put_mac(out, source_mac_);
  for (const Tag& tag : tags_) {
    put16(out, tag.type);
    put16(out, tag.id);
  }
  put16(out, inner_type());
  const std::vector<uint8_t> inner = udp_ ? udp_bytes() : payload_;
  put_bytes(out, ip_ ? ip_bytes(inner) : inner);
  out.resize(out.size() + padding_);
  if (cut_) out.resize(*cut_);
  return out;
}

std::string PacketBuilder::scapy() const {
  const auto given = [](std::string_view name, const auto& value) {
    return value ? fmt::format(",{}={}", name, *value) : std::string();
  };
  std::string out = fmt::format("bytes(Ether(src='{}',dst='{}',type={:#x})", source_mac_, destination_mac_,
                                tags_.empty() ? inner_type() : tags_.front().type);
  for (size_t i = 0; i < tags_.size(); ++i)
    out += fmt::format("/Dot1Q(vlan={},type={:#x})", tags_[i].id,
                       i + 1 < tags_.size() ? tags_[i + 1].type : inner_type());
  if (ip_) {
    out += fmt::format("/IP(src='{}',dst='{}',version={},tos={},id={},flags='{}{}',frag={},ttl={},proto={}",
                       ip_->source, ip_->destination, ip_->version, ip_->tos, ip_->id,
                       ip_->more_fragments ? "MF" : "", ip_->dont_fragment ? "DF" : "", ip_->fragment_offset,
                       ip_->ttl, ip_->protocol.value_or(udp_ ? 17 : 0));
    out += given("ihl", ip_->header_words) + given("len", ip_->total_length) + given("chksum", ip_->checksum);
    out += ip_->router_alert ? ",options=[IPOption_Router_Alert()])" : ")";
  }
  if (udp_)
    out += fmt::format("/UDP(sport={},dport={}{}{})", udp_->source_port, udp_->destination_port,
                       given("len", udp_->length), given("chksum", udp_->checksum));
  if (!payload_.empty()) out += fmt::format("/Raw(bytes.fromhex('{}'))", to_hex(payload_));
  if (padding_ > 0) out += fmt::format("/Padding(bytes({}))", padding_);
  out += ')';
  if (cut_) out += fmt::format("[:{}]", *cut_);
  return out;
}

}  // namespace linecast::packets
