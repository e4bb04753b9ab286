// The files of a journal: how records stand in them.
//
// A segment is a file named after the number of its first record (20 digits, so that names sort) with
// ".usage" behind. It begins with "LCUSAGE1" | first number (8) | CRC (4) over both; then frame after frame:
// length of the record (2) | CRC (4) over length and record | record. Numbers count up by one in a segment.
// CRCs are CRC-32C, all numbers in network byte order.
#pragma once

#include <optional>
#include <string>

#include "lib/usage/usage_record.h"

namespace linecast::usage {

inline constexpr size_t kSegmentHeaderBytes = 20;
inline constexpr size_t kFrameBytes = 6;  // around a record

std::string segment_name(uint64_t first_number);
// The number in a segment's name; none where it is another file's.
std::optional<uint64_t> segment_number(std::string_view file_name);

void append_segment_header(uint64_t first_number, std::string& out);
void append_frame(const UsageRecord& record, std::string& out);

bool is_segment_header(Bytes in, uint64_t first_number);  // of kSegmentHeaderBytes at least

enum class FrameFault : uint8_t { kNone, kCut, kDamaged };
// The frame at the beginning of `in`. kCut: `in` ends before the frame does. `size`: of the frame, where it
// is good.
FrameFault read_frame(Bytes in, UsageRecord& out, size_t& size);

// What a segment holds in good order from its beginning.
struct SegmentScan {
  bool header = false;
  uint64_t records = 0;
  uint64_t good_bytes = 0;  // header and whole, good records
  uint64_t bytes = 0;       // of the file
};
// False where the file can't be read: errno says why.
bool scan_segment(const std::string& path, uint64_t first_number, SegmentScan& out);

}  // namespace linecast::usage
