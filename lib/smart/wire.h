// SMART on the wire: headers and messages, as docs/protocol.md gives them. Network byte order throughout.
#pragma once

#include <array>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/counters.h"
#include "lib/base/ipv4.h"

namespace linecast::smart {

inline constexpr uint16_t kDefaultPort = 47100;
inline constexpr size_t kCommonHeaderSize = 4;  // bytes, as all sizes here
inline constexpr size_t kDataHeaderSize = 8;
inline constexpr size_t kIvSize = 8;
inline constexpr size_t kTagSize = 16;
inline constexpr size_t kSealOverhead = kIvSize + kTagSize;
inline constexpr size_t kHeartbeatPayloadSize = 8;
inline constexpr size_t kCmacTrailerSize = 32;
inline constexpr size_t kSignedTrailerSize = 80;
inline constexpr size_t kMaxPairs = 64;
inline constexpr uint16_t kMaxSenderId = 0x7fff;
inline constexpr uint64_t kMaxCounter = (uint64_t{1} << 48) - 1;  // of an IV
inline constexpr uint64_t kMaxSequenceJump = 1 << 14;  // beyond it a sequence is not believed at once

enum class PacketType : uint8_t { kData = 0, kMessage = 1, kReplacement = 2, kTunnelling = 3 };
enum class DataCommand : uint8_t { kOriginal = 0, kRepair = 1, kParity = 2, kHeartbeat = 3 };
enum class PacketFormat : uint8_t { kOpaque = 0, kMpegTs = 1, kRtp = 2, kReserved = 3 };
enum class MessageCommand : uint8_t {
  kAddrRangeChange = 0x01,
  kUsageReportJoin = 0x02,
  kUsageReportLeave = 0x03,
  kErrorReport = 0x0b,
  kProblemReport = 0x10,
  kKeyAnnounce = 0x20,
  kSenderStatus = 0x21,
};
enum class ReplacementCommand : uint8_t { kReplacement = 0x01, kQuiet = 0x02 };
enum class TunnellingCommand : uint8_t {
  kRequest = 0x01,
  kLeave = 0x02,
  kChallenge = 0x03,
  kGrant = 0x04,
  kData = 0x05
};

// Why a packet is not SMART. One list: enum, counters, texts.
#define LINECAST_WIRE_FAULTS(_)                                                                \
  _(kNone, "none", "no fault")                                                                 \
  _(kTruncated, "truncated", "shorter than its header")                                        \
  _(kSizeMismatch, "size_mismatch", "PACKET_SIZE is not the datagram's length")                \
  _(kUnknownCommand, "unknown_command", "a command number that its packet type does not have") \
  _(kWrongType, "wrong_type", "a packet type that is not taken here")                          \
  _(kBadLength, "bad_length", "a body of a length that its command does not allow")            \
  _(kReservedFormat, "reserved_format", "PACKET_FORMAT 3")                                     \
  _(kSealMismatch, "seal_mismatch", "DECRYPT_Y_N and ACCESS_SYNCH_CODE contradict each other") \
  _(kTrailerMismatch, "trailer_mismatch", "a trailer where none may be, or none where one must be")
LINECAST_COUNTER_LIST(WireFault, LINECAST_WIRE_FAULTS)

// ACCESS_SYNCH_CODE of an epoch: ((epoch - 1) mod 255) + 1. Epochs start at 1.
constexpr uint8_t synch_code(uint32_t epoch) { return static_cast<uint8_t>((epoch - 1) % 255 + 1); }

struct CommonHeader {
  uint8_t synch_code = 0;  // 0: clear
  PacketType type = PacketType::kData;
  uint8_t command = 0;  // 2 bits of data packets, 6 of all others
  uint16_t size = 0;    // bytes from byte 0 to the end, trailers included
};

struct DataHeader {
  uint8_t synch_code = 0;
  DataCommand command = DataCommand::kOriginal;
  uint16_t size = 0;
  uint16_t number = 0;  // PACKET_NUMBER
  PacketFormat format = PacketFormat::kOpaque;
  bool sealed = false;  // DECRYPT_Y_N
  uint8_t quiet = 0;    // 0 .. 15
};

// Reads the common header and checks its size field against the datagram. `out` counts only where the answer
// is kNone; so in all decoders here.
inline WireFault decode_common(Bytes datagram, CommonHeader& out) {
  if (datagram.size() < kCommonHeaderSize) return WireFault::kTruncated;
  const uint8_t* in = datagram.data();
  out.synch_code = in[0];
  out.type = static_cast<PacketType>(in[1] >> 6);
  out.command = out.type == PacketType::kData ? in[1] >> 4 & 3 : in[1] & 0x3f;
  out.size = load_be16(in + 2);
  return out.size == datagram.size() ? WireFault::kNone : WireFault::kSizeMismatch;
}

// Reads and checks the header of a type 0 datagram: sizes (sealed payloads hold at least IV and tag,
// heartbeats exactly 8 bytes more than the seal), seal bits, format.
inline WireFault decode_data(Bytes datagram, DataHeader& out) {
  if (datagram.size() < kDataHeaderSize) return WireFault::kTruncated;
  const uint8_t* in = datagram.data();
  if (static_cast<PacketType>(in[1] >> 6) != PacketType::kData) return WireFault::kWrongType;
  out.synch_code = in[0];
  out.command = static_cast<DataCommand>(in[1] >> 4 & 3);
  out.size = load_be16(in + 2);
  out.number = load_be16(in + 4);
  out.format = static_cast<PacketFormat>(in[6] >> 6);
  out.sealed = (in[6] & 0x20) != 0;
  out.quiet = in[6] >> 1 & 15;
  if (out.size != datagram.size()) return WireFault::kSizeMismatch;
  if (out.format == PacketFormat::kReserved) return WireFault::kReservedFormat;
  if (out.sealed != (out.synch_code != 0)) return WireFault::kSealMismatch;
  const size_t least = kDataHeaderSize + (out.sealed ? kSealOverhead : 0);
  const bool length_fits = out.command == DataCommand::kHeartbeat
                               ? datagram.size() == least + kHeartbeatPayloadSize
                               : datagram.size() >= least;
  return length_fits ? WireFault::kNone : WireFault::kBadLength;
}

// Writes 8 bytes.
// As one word, so that the AAD can be read back from a register.
inline void encode_data_header(const DataHeader& header, uint8_t* out) {
  store_be64(out, uint64_t{header.synch_code} << 56 | uint64_t{static_cast<uint8_t>(header.command)} << 52 |
                      uint64_t{header.size} << 32 | uint64_t{header.number} << 16 |
                      uint64_t{static_cast<uint8_t>(header.format)} << 14 | uint64_t{header.sealed} << 13 |
                      uint64_t{header.quiet & 15u} << 9);
}

// Changes CMD of an encoded data header in place (original <-> repair) and sets QUIET: the two fields that no
// key guards.
inline void set_data_command(uint8_t* header, DataCommand command, uint8_t quiet) {
  header[1] = static_cast<uint8_t>((header[1] & 0xcf) | static_cast<unsigned>(command) << 4);
  header[6] = static_cast<uint8_t>((header[6] & 0xe1) | (quiet & 15) << 1);
}

// The 8 bytes that GCM authenticates: the header with CMD 1 written as 0, and QUIET 0. Reserved bits stand as
// they came.
inline std::array<uint8_t, kDataHeaderSize> data_aad(const uint8_t* header) {
  std::array<uint8_t, kDataHeaderSize> aad;
  std::copy_n(header, kDataHeaderSize, aad.data());
  if ((aad[1] & 0x30) == 0x10) aad[1] &= 0xcf;
  aad[6] &= 0xe1;
  return aad;
}

// IV = heartbeat bit | sender id (15) | counter (48).
struct Iv {
  bool heartbeat = false;
  uint16_t sender_id = 0;
  uint64_t counter = 0;
};
// 8 bytes
inline Iv decode_iv(const uint8_t* in) {
  const uint64_t word = load_be64(in);
  return {word >> 63 != 0, static_cast<uint16_t>(word >> 48 & kMaxSenderId), word & kMaxCounter};
}
// 8 bytes
inline void encode_iv(const Iv& iv, uint8_t* out) {
  const uint64_t sender = iv.sender_id & kMaxSenderId;
  store_be64(out, uint64_t{iv.heartbeat} << 63 | sender << 48 | (iv.counter & kMaxCounter));
}

// --- type 1, 2 and 3: bodies. Each struct is one message; `encode` writes header, body and room for nothing
// else ---

struct AddrRangeSwitch {  // the optional 12 bytes
  uint16_t port = 0;
  uint64_t first_sequence = 0;
};
struct AddrRangeChange {
  using Switch = AddrRangeSwitch;
  Ipv4 from = 0, to = 0;
  std::optional<Switch> at;
};
struct UsageDetail {  // the optional 16 bytes
  uint32_t echoed_hop_time_us = 0, held_us = 0, watched_s = 0, receivers = 0;
};
struct UsageReport {  // JOIN and LEAVE
  using Detail = UsageDetail;
  Ipv4 group = 0, receiver = 0;
  std::optional<Detail> detail;
};
struct FaultReport {  // ERROR_REPORT and PROBLEM_REPORT
  Ipv4 reporting = 0, concerning = 0;
  uint32_t code = 0, count = 0, first_sequence = 0;
};
struct KeyAnnounce {
  std::array<uint8_t, 8> channel_id{};
  uint16_t sender_id = 0;  // at most kMaxSenderId, which is for the taker to check
  uint8_t cipher = 0;
  uint64_t start_number = 0;
  uint32_t epoch = 0;
  uint16_t key_id = 0, next_key_id = 0;
  uint32_t next_epoch = 0;  // 0: none
  uint64_t next_first_sequence = 0;
  std::array<uint8_t, 16> start_salt{};
};
struct SenderStatus {
  Ipv4 group = 0;
  uint32_t hop_time_us = 0;
  uint16_t round_trip_ms = 0, report_window_s = 0;
  uint8_t log2_group_size = 0, hops = 0;
  uint64_t start_number = 0;
};
struct SequencePair {
  uint16_t sequence = 0;
  uint16_t mask = 0;  // bit 0: sequence + 1, ... bit 15: sequence + 16
};
struct PairList {  // at most kMaxPairs
  std::array<SequencePair, kMaxPairs> pairs;
  size_t count = 0;
  std::span<const SequencePair> view() const { return std::span(pairs).first(count); }
};
struct Replacement {
  Ipv4 group = 0;
  PairList list;  // at least one
};
struct Quiet {
  Ipv4 group = 0;
  uint16_t duration_ms = 0;
  PairList list;  // none: the whole group holds back
};
struct TunnelRequest {  // REQUEST_TUNNEL, LEAVE_TUNNEL, TUNNEL_CHALLENGE
  Ipv4 group = 0, endpoint = 0;
  std::array<uint8_t, 16> cookie{};
};
struct TunnelGrant {
  Ipv4 group = 0, endpoint = 0;
  uint16_t lease_s = 0, reason = 0;
  std::array<uint8_t, 16> cookie{};
};

// A non-data datagram taken apart. `trailer` is empty where the code is 0 (and for CHALLENGE, GRANT,
// TUNNEL_DATA).
struct Split {
  CommonHeader header;
  Bytes body;
  Bytes trailer;  // 32 or 80 bytes
};
// Checks header, type (not data), command and trailer, and the lengths that the command allows.
WireFault split_message(Bytes datagram, Split& out);

// Body decoders: false where the length is wrong. Call with Split::body.
bool decode(Bytes body, AddrRangeChange& out);
bool decode(Bytes body, UsageReport& out);
bool decode(Bytes body, FaultReport& out);
bool decode(Bytes body, KeyAnnounce& out);
bool decode(Bytes body, SenderStatus& out);
bool decode(Bytes body, Replacement& out);
bool decode(Bytes body, Quiet& out);
bool decode(Bytes body, TunnelRequest& out);
bool decode(Bytes body, TunnelGrant& out);

// Encoders: write common header and body with code 0 and no trailer; return the bytes written, 0 where `out`
// is too small or the message cannot be sent so (no pairs or too many, a command of another message, an inner
// packet that is none). Trailers are added behind (trailer.h), which sets the code and PACKET_SIZE.
size_t encode(const AddrRangeChange& m, MutableBytes out);
size_t encode(MessageCommand command, const UsageReport& m, MutableBytes out);
size_t encode(MessageCommand command, const FaultReport& m, MutableBytes out);
size_t encode(const KeyAnnounce& m, MutableBytes out);
size_t encode(const SenderStatus& m, MutableBytes out);
size_t encode(const Replacement& m, MutableBytes out);
size_t encode(const Quiet& m, MutableBytes out);
size_t encode(TunnellingCommand command, const TunnelRequest& m, MutableBytes out);
size_t encode(const TunnelGrant& m, MutableBytes out);
size_t encode_tunnel_data(Bytes inner_packet, MutableBytes out);

}  // namespace linecast::smart
