#include "lib/usage/usage_record.h"

namespace linecast::usage {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kRepeater = 1;  // of the flags

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

}  // namespace

size_t encode(const UsageRecord& record, MutableBytes out) {
  if (out.size() < kMostRecordBytes) return 0;
  ByteWriter w(out);
  w.u8(kVersion);
  w.u64(record.start);
  w.u64(record.session);
  w.u32(record.part);
  w.bytes(record.channel_id);
  w.u64(record.receiver);
  w.u32(record.address);
  w.u32(record.reported);
  w.u8(record.repeater ? kRepeater : 0);
  w.u8(static_cast<uint8_t>(record.reach));
  w.u8(static_cast<uint8_t>(record.end));
  w.u64(static_cast<uint64_t>(record.from_ns));
  w.u64(static_cast<uint64_t>(record.to_ns));
  w.u32(record.receivers);
  w.u64(record.watched_ms);
  w.u32(record.claimed_s);
  const std::string_view name = record.channel.view();
  w.u8(static_cast<uint8_t>(name.size()));
  w.bytes(bytes_of(name));
  return w.size();
}

bool decode(Bytes in, UsageRecord& out) {
  ByteReader r(in);
  if (r.u8() != kVersion) return false;
  out.start = r.u64();
  out.session = r.u64();
  out.part = r.u32();
  out.channel_id = r.array<8>();
  out.receiver = r.u64();
  out.address = r.u32();
  out.reported = r.u32();
  const uint8_t flags = r.u8(), reach = r.u8(), end = r.u8();
  out.repeater = (flags & kRepeater) != 0;
  out.from_ns = static_cast<int64_t>(r.u64());
  out.to_ns = static_cast<int64_t>(r.u64());
  out.receivers = r.u32();
  out.watched_ms = r.u64();
  out.claimed_s = r.u32();
  const Bytes name = r.bytes(r.u8());
  if (!r.done() || flags > kRepeater || reach >= kReachCount || end >= kEndCount ||
      name.size() > kMostNameBytes)
    return false;
  out.reach = static_cast<Reach>(reach);
  out.end = static_cast<End>(end);
  out.channel = ChannelName({reinterpret_cast<const char*>(name.data()), name.size()});
  return true;
}

}  // namespace linecast::usage
