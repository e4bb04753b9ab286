#include "lib/smart/wire_lengths.h"

namespace linecast::smart {
namespace {

// The common header goes in last, when the size is known. 0 where the writer ran over.
size_t finish(ByteWriter& writer, PacketType type, uint8_t command) {
  if (!writer.ok() || writer.size() > UINT16_MAX) return 0;
  const MutableBytes written = writer.written();
  written[1] = static_cast<uint8_t>(static_cast<uint8_t>(type) << 6 | command);
  store_be16(&written[2], static_cast<uint16_t>(written.size()));
  return written.size();
}
size_t finish(ByteWriter& writer, MessageCommand command) {
  return finish(writer, PacketType::kMessage, static_cast<uint8_t>(command));
}
size_t finish(ByteWriter& writer, ReplacementCommand command) {
  return finish(writer, PacketType::kReplacement, static_cast<uint8_t>(command));
}
size_t finish(ByteWriter& writer, TunnellingCommand command) {
  return finish(writer, PacketType::kTunnelling, static_cast<uint8_t>(command));
}

ByteWriter begin(MutableBytes out) {
  ByteWriter writer(out);
  writer.zeros(kCommonHeaderSize);
  return writer;
}

// `in` holds whole pairs, at most kMaxPairs: the length rules have seen to it.
void read_pairs(Bytes in, PairList& out) {
  out.count = in.size() / kPairSize;
  for (size_t i = 0; i < out.count; ++i) {
    const uint8_t* pair = in.data() + i * kPairSize;
    out.pairs[i] = {load_be16(pair), load_be16(pair + 2)};
  }
}

void write_pairs(ByteWriter& writer, const PairList& list) {
  for (const SequencePair& pair : list.view()) {
    writer.u16(pair.sequence);
    writer.u16(pair.mask);
  }
}

}  // namespace

bool decode(Bytes body, AddrRangeChange& out) {
  if (!kAddrRangeChangeBody.allows(body.size())) return false;
  ByteReader in(body);
  out.from = in.u32();
  out.to = in.u32();
  out.at.reset();
  if (in.remaining() > 0) {
    AddrRangeChange::Switch& at = out.at.emplace();
    at.port = in.u16();
    in.skip(2);
    at.first_sequence = in.u64();
  }
  return true;
}

bool decode(Bytes body, UsageReport& out) {
  if (!kUsageReportBody.allows(body.size())) return false;
  ByteReader in(body);
  out.group = in.u32();
  out.receiver = in.u32();
  out.detail.reset();
  if (in.remaining() > 0) {
    UsageReport::Detail& detail = out.detail.emplace();
    detail.echoed_hop_time_us = in.u32();
    detail.held_us = in.u32();
    detail.watched_s = in.u32();
    detail.receivers = in.u32();
  }
  return true;
}

bool decode(Bytes body, FaultReport& out) {
  if (!kFaultReportBody.allows(body.size())) return false;
  ByteReader in(body);
  out.reporting = in.u32();
  out.concerning = in.u32();
  out.code = in.u32();
  out.count = in.u32();
  out.first_sequence = in.u32();
  return true;
}

bool decode(Bytes body, KeyAnnounce& out) {
  if (!kKeyAnnounceBody.allows(body.size())) return false;
  ByteReader in(body);
  out.channel_id = in.array<8>();
  out.sender_id = in.u16();
  out.cipher = in.u8();
  in.skip(1);
  out.start_number = in.u64();
  out.epoch = in.u32();
  out.key_id = in.u16();
  out.next_key_id = in.u16();
  out.next_epoch = in.u32();
  out.next_first_sequence = in.u64();
  out.start_salt = in.array<16>();
  return true;
}

bool decode(Bytes body, SenderStatus& out) {
  if (!kSenderStatusBody.allows(body.size())) return false;
  ByteReader in(body);
  out.group = in.u32();
  out.hop_time_us = in.u32();
  out.round_trip_ms = in.u16();
  out.report_window_s = in.u16();
  out.log2_group_size = in.u8();
  out.hops = in.u8();
  in.skip(2);
  out.start_number = in.u64();
  return true;
}

bool decode(Bytes body, Replacement& out) {
  if (!kReplacementBody.allows(body.size())) return false;
  out.group = load_be32(body.data());
  read_pairs(body.subspan(4), out.list);
  return true;
}

bool decode(Bytes body, Quiet& out) {
  if (!kQuietBody.allows(body.size())) return false;
  out.group = load_be32(body.data());
  out.duration_ms = load_be16(body.data() + 4);
  read_pairs(body.subspan(8), out.list);
  return true;
}

bool decode(Bytes body, TunnelRequest& out) {
  if (!kTunnelRequestBody.allows(body.size())) return false;
  ByteReader in(body);
  out.group = in.u32();
  out.endpoint = in.u32();
  out.cookie = in.array<16>();
  return true;
}

bool decode(Bytes body, TunnelGrant& out) {
  if (!kTunnelGrantBody.allows(body.size())) return false;
  ByteReader in(body);
  out.group = in.u32();
  out.endpoint = in.u32();
  out.lease_s = in.u16();
  out.reason = in.u16();
  out.cookie = in.array<16>();
  return true;
}

size_t encode(const AddrRangeChange& m, MutableBytes out) {
  ByteWriter writer = begin(out);
  writer.u32(m.from);
  writer.u32(m.to);
  if (m.at) {
    writer.u16(m.at->port);
    writer.zeros(2);
    writer.u64(m.at->first_sequence);
  }
  return finish(writer, MessageCommand::kAddrRangeChange);
}

size_t encode(MessageCommand command, const UsageReport& m, MutableBytes out) {
  if (command != MessageCommand::kUsageReportJoin && command != MessageCommand::kUsageReportLeave) return 0;
  ByteWriter writer = begin(out);
  writer.u32(m.group);
  writer.u32(m.receiver);
  if (m.detail) {
    writer.u32(m.detail->echoed_hop_time_us);
    writer.u32(m.detail->held_us);
    writer.u32(m.detail->watched_s);
    writer.u32(m.detail->receivers);
  }
  return finish(writer, command);
}

size_t encode(MessageCommand command, const FaultReport& m, MutableBytes out) {
  if (command != MessageCommand::kErrorReport && command != MessageCommand::kProblemReport) return 0;
  ByteWriter writer = begin(out);
  writer.u32(m.reporting);
  writer.u32(m.concerning);
  writer.u32(m.code);
  writer.u32(m.count);
  writer.u32(m.first_sequence);
  return finish(writer, command);
}

size_t encode(const KeyAnnounce& m, MutableBytes out) {
  ByteWriter writer = begin(out);
  writer.bytes(m.channel_id);
  writer.u16(m.sender_id);
  writer.u8(m.cipher);
  writer.zeros(1);
  writer.u64(m.start_number);
  writer.u32(m.epoch);
  writer.u16(m.key_id);
  writer.u16(m.next_key_id);
  writer.u32(m.next_epoch);
  writer.u64(m.next_first_sequence);
  writer.bytes(m.start_salt);
  writer.zeros(4);
  return finish(writer, MessageCommand::kKeyAnnounce);
}

size_t encode(const SenderStatus& m, MutableBytes out) {
  ByteWriter writer = begin(out);
  writer.u32(m.group);
  writer.u32(m.hop_time_us);
  writer.u16(m.round_trip_ms);
  writer.u16(m.report_window_s);
  writer.u8(m.log2_group_size);
  writer.u8(m.hops);
  writer.zeros(2);
  writer.u64(m.start_number);
  return finish(writer, MessageCommand::kSenderStatus);
}

size_t encode(const Replacement& m, MutableBytes out) {
  if (m.list.count == 0 || m.list.count > kMaxPairs) return 0;
  ByteWriter writer = begin(out);
  writer.u32(m.group);
  write_pairs(writer, m.list);
  return finish(writer, ReplacementCommand::kReplacement);
}

size_t encode(const Quiet& m, MutableBytes out) {
  if (m.list.count > kMaxPairs) return 0;
  ByteWriter writer = begin(out);
  writer.u32(m.group);
  writer.u16(m.duration_ms);
  writer.zeros(2);
  write_pairs(writer, m.list);
  return finish(writer, ReplacementCommand::kQuiet);
}

size_t encode(TunnellingCommand command, const TunnelRequest& m, MutableBytes out) {
  if (command != TunnellingCommand::kRequest && command != TunnellingCommand::kLeave &&
      command != TunnellingCommand::kChallenge)
    return 0;
  ByteWriter writer = begin(out);
  writer.u32(m.group);
  writer.u32(m.endpoint);
  writer.bytes(m.cookie);
  return finish(writer, command);
}

size_t encode(const TunnelGrant& m, MutableBytes out) {
  ByteWriter writer = begin(out);
  writer.u32(m.group);
  writer.u32(m.endpoint);
  writer.u16(m.lease_s);
  writer.u16(m.reason);
  writer.bytes(m.cookie);
  return finish(writer, TunnellingCommand::kGrant);
}

size_t encode_tunnel_data(Bytes inner_packet, MutableBytes out) {
  if (!kTunnelDataBody.allows(inner_packet.size())) return 0;
  ByteWriter writer = begin(out);
  writer.bytes(inner_packet);
  return finish(writer, TunnellingCommand::kData);
}

}  // namespace linecast::smart
