#include "lib/igmp/packet.h"

#include <algorithm>
#include <utility>

#include "lib/net/checksum.h"

namespace linecast::igmp {
namespace {

constexpr size_t kRecordHeaderSize = 8;
constexpr TimeNs kResponseUnitNs = 100 * kNsPerMs;
constexpr uint8_t kSuppressBit = 0x08;

// RFC 3376, section 4.1.1: from 128 on a floating-point number, 1 | mantissa (4) shifted by exponent + 3.
constexpr TimeNs from_code(uint8_t code) {
  if (code < 128) return code;
  return ((code & 0x0f) | TimeNs{0x10}) << ((code >> 4 & 7) + 3);
}

constexpr uint8_t to_code(TimeNs value) {
  if (value < 128) return static_cast<uint8_t>(value);
  for (int exponent = 0; exponent < 8; ++exponent) {
    const TimeNs mantissa = value >> (exponent + 3);
    if (mantissa < 0x20) return static_cast<uint8_t>(0x80 | exponent << 4 | (mantissa & 0x0f));
  }
  return 0xff;
}

}  // namespace

MessageFault check_message(uint8_t ttl, Bytes message) {
  if (message.size() < kMessageSize) return MessageFault::kLength;
  if (ttl != 1) return MessageFault::kTtl;
  if (net::checksum_finish(net::checksum_add(message)) != 0) return MessageFault::kChecksum;
  return MessageFault::kNone;
}

std::optional<Query> decode_query(Bytes message) {
  if (message.size() < kMessageSize) return std::nullopt;
  Query query;
  const uint8_t code = message[1];
  if (message.size() == kMessageSize) {
    query.version = code == 0 ? Version::kV1 : Version::kV2;
    query.max_response_ns = code == 0 ? kV1MaxResponseNs : code * kResponseUnitNs;
    query.group = code == 0 ? 0 : load_be32(&message[4]);
    return query;
  }
  if (message.size() < kV3QuerySize) return std::nullopt;
  query.group = load_be32(&message[4]);
  query.max_response_ns = from_code(code) * kResponseUnitNs;
  query.suppress = (message[8] & kSuppressBit) != 0;
  query.robustness = message[8] & kMaxRobustness;
  query.query_interval_ns = from_code(message[9]) * kNsPerSecond;
  const size_t sources_size = kSourceSize * load_be16(&message[10]);
  if (sources_size > message.size() - kV3QuerySize) return std::nullopt;
  query.sources = message.subspan(kV3QuerySize, sources_size);  // what follows is ignored, section 4.1.10
  return query;
}

MessageFault take_query(Bytes message, Ipv4 destination, Ipv4 own, Query& query) {
  const std::optional<Query> decoded = decode_query(message);
  if (!decoded) return MessageFault::kLength;
  query = *decoded;
  const bool general = query.group == 0;
  if (general ? !query.sources.empty() : !is_multicast(query.group)) return MessageFault::kGroup;
  if (destination != kAllHosts && destination != own && (general || destination != query.group))
    return MessageFault::kDestination;
  return MessageFault::kNone;
}

size_t encode_query(const Query& query, MutableBytes message) {
  const TimeNs response = query.max_response_ns / kResponseUnitNs;
  ByteWriter w(message);
  w.u8(static_cast<uint8_t>(MessageType::kQuery));
  w.u8(query.version == Version::kV3 ? to_code(response)
                                     : static_cast<uint8_t>(std::min<TimeNs>(response, UINT8_MAX)));
  w.u16(0);  // checksum, written last
  w.u32(query.group);
  if (query.version != Version::kV3) return w.size();
  w.u8(static_cast<uint8_t>((query.suppress ? kSuppressBit : 0) | query.robustness));
  w.u8(to_code(query.query_interval_ns / kNsPerSecond));
  w.u16(static_cast<uint16_t>(query.sources.size() / kSourceSize));
  w.bytes(query.sources);
  return w.size();
}

std::optional<GroupRecord> RecordReader::next() {
  if (left_ == 0) return std::nullopt;
  --left_;
  GroupRecord record;
  record.type = static_cast<RecordType>(reader_.u8());
  const size_t auxiliary_words = reader_.u8();
  const size_t sources = reader_.u16();
  record.group = reader_.u32();
  record.sources = reader_.bytes(kSourceSize * sources);
  reader_.skip(4 * auxiliary_words);
  if (!reader_.ok()) return std::nullopt;
  return record;
}

Bytes finish_frame(MutableBytes buffer, size_t message_size, const net::Mac& mac, Ipv4 source,
                   Ipv4 destination) {
  const MutableBytes message = buffer.subspan(net::kEthernetSize + kIpHeaderSize, message_size);
  store_be16(&message[2], 0);
  store_be16(&message[2], net::checksum_finish(net::checksum_add(message)));

  ByteWriter w(buffer);
  w.bytes(net::multicast_mac(destination));
  w.bytes(mac);
  w.u16(net::kEtherTypeIpv4);
  w.u8(0x46);  // version 4, header of six words
  w.u8(0xc0);  // DSCP CS6, network control
  w.u16(static_cast<uint16_t>(kIpHeaderSize + message_size));
  w.u16(0);       // id: of no use to what is never fragmented (RFC 6864, section 4.1)
  w.u16(0x4000);  // don't fragment
  w.u8(1);        // TTL
  w.u8(2);        // IGMP
  w.u16(0);
  w.u32(source);
  w.u32(destination);
  w.u32(0x94040000);  // Router Alert
  const MutableBytes ip = buffer.subspan(net::kEthernetSize, kIpHeaderSize);
  store_be16(&ip[10], net::checksum_finish(net::checksum_add(ip)));
  return buffer.first(net::kEthernetSize + kIpHeaderSize + message_size);
}

bool ReportPacker::fits(std::span<const Ipv4> sources) const {
  return size_ + kRecordHeaderSize + (sources.empty() ? 0 : kSourceSize) <= message_.size();
}

std::span<const Ipv4> ReportPacker::add(RecordType type, Ipv4 group, std::span<const Ipv4> sources) {
  const size_t room = (message_.size() - size_ - kRecordHeaderSize) / kSourceSize;
  const std::span<const Ipv4> taken = sources.first(std::min(room, sources.size()));
  ByteWriter w(message_.subspan(size_));
  w.u8(static_cast<uint8_t>(type));
  w.u8(0);  // no auxiliary data
  w.u16(static_cast<uint16_t>(taken.size()));
  w.u32(group);
  for (const Ipv4 source : taken) w.u32(source);
  size_ += w.size();
  ++records_;
  return sources.subspan(taken.size());
}

size_t ReportPacker::finish() {
  ByteWriter w(message_);
  w.u8(static_cast<uint8_t>(MessageType::kV3Report));
  w.zeros(5);  // reserved, checksum (written last), reserved
  w.u16(records_);
  records_ = 0;
  return std::exchange(size_, kMessageSize);
}

}  // namespace linecast::igmp
