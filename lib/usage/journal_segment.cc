#include "lib/usage/journal_segment.h"

#include <fmt/format.h>

#include <charconv>

#include "lib/base/file.h"
#include "lib/usage/crc32c.h"

namespace linecast::usage {
namespace {

constexpr std::string_view kMagic = "LCUSAGE1";
constexpr std::string_view kSuffix = ".usage";
constexpr size_t kDigits = 20;
constexpr size_t kReadBytes = 1 << 18;

void append(std::string& out, Bytes bytes) {
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// Over the length's two bytes and the record, which stand on both sides of it.
uint32_t frame_crc(Bytes record) {
  std::array<uint8_t, 2 + kMostRecordBytes> covered;
  ByteWriter w(covered);
  w.u16(static_cast<uint16_t>(record.size()));
  w.bytes(record);
  return crc32c(w.written());
}

}  // namespace

std::string segment_name(uint64_t first_number) { return fmt::format("{:020}{}", first_number, kSuffix); }

std::optional<uint64_t> segment_number(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || name.substr(kDigits) != kSuffix) return std::nullopt;
  uint64_t number = 0;
  const auto [stop, fault] = std::from_chars(name.data(), name.data() + kDigits, number);
  if (fault != std::errc() || stop != name.data() + kDigits) return std::nullopt;
  return number;
}

void append_segment_header(uint64_t first_number, std::string& out) {
  std::array<uint8_t, kSegmentHeaderBytes> header;
  ByteWriter w(header);
  w.bytes({reinterpret_cast<const uint8_t*>(kMagic.data()), kMagic.size()});
  w.u64(first_number);
  w.u32(crc32c(w.written()));
  append(out, header);
}

bool is_segment_header(Bytes in, uint64_t first_number) {
  std::string expected;
  append_segment_header(first_number, expected);
  return in.size() >= expected.size() &&
         std::equal(expected.begin(), expected.end(), in.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

void append_frame(const UsageRecord& record, std::string& out) {
  std::array<uint8_t, kFrameBytes + kMostRecordBytes> frame;
  const size_t size = encode(record, MutableBytes(frame).subspan(kFrameBytes));
  store_be16(frame.data(), static_cast<uint16_t>(size));
  store_be32(frame.data() + 2, frame_crc(Bytes(frame).subspan(kFrameBytes, size)));
  append(out, Bytes(frame).first(kFrameBytes + size));
}

FrameFault read_frame(Bytes in, UsageRecord& out, size_t& size) {
  ByteReader r(in);
  const size_t length = r.u16();
  const uint32_t crc = r.u32();
  if (!r.ok()) return FrameFault::kCut;
  if (length < kFixedRecordBytes || length > kMostRecordBytes) return FrameFault::kDamaged;
  const Bytes record = r.bytes(length);
  if (!r.ok()) return FrameFault::kCut;
  if (crc != frame_crc(record) || !decode(record, out)) return FrameFault::kDamaged;
  size = kFrameBytes + length;
  return FrameFault::kNone;
}

bool scan_segment(const std::string& path, uint64_t first_number, SegmentScan& out) {
  out = {};
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return false;
  const off_t end = ::lseek(file.get(), 0, SEEK_END);
  if (end < 0 || ::lseek(file.get(), 0, SEEK_SET) < 0) return false;
  out.bytes = static_cast<uint64_t>(end);
  std::string kept, more;
  bool sound = true;
  while (sound) {
    more.resize(kReadBytes);
    if (!read_bounded(file, more)) return false;
    const bool last = more.empty();
    kept += more;
    Bytes rest(reinterpret_cast<const uint8_t*>(kept.data()), kept.size());
    if (!out.header) {
      if (!is_segment_header(rest, first_number)) return true;
      out.header = true;
      out.good_bytes = kSegmentHeaderBytes;
      rest = rest.subspan(kSegmentHeaderBytes);
    }
    UsageRecord record;
    size_t size = 0;
    FrameFault fault = FrameFault::kNone;
    while (!rest.empty() && (fault = read_frame(rest, record, size)) == FrameFault::kNone) {
      ++out.records;
      out.good_bytes += size;
      rest = rest.subspan(size);
    }
    kept.erase(0, kept.size() - rest.size());
    sound = !last && fault != FrameFault::kDamaged;
  }
  return true;
}

}  // namespace linecast::usage
