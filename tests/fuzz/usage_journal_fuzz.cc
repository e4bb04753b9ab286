// A journal's segment of any bytes, or of good frames that were spoiled: frames are read within it, what is
// read goes back to the same bytes, and reading goes on in order until the first that is not good.
#include <cstdlib>
#include <string>

#include "lib/usage/journal_segment.h"
#include "lib/usage/record_text.h"

namespace linecast::usage {
namespace {

void require(bool good) {
  if (!good) std::abort();
}

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

size_t read_frames(Bytes in) {
  size_t frames = 0, size = 0;
  UsageRecord record;
  while (read_frame(in, record, size) == FrameFault::kNone) {
    require(size <= in.size() && size <= kFrameBytes + kMostRecordBytes);
    std::string again;
    append_frame(record, again);
    require(again.size() == size && std::equal(again.begin(), again.end(), in.begin(), [](char a, uint8_t b) {
              return static_cast<uint8_t>(a) == b;
            }));
    const std::string line = json_line({1, record});
    require(line.find('\n') == line.size() - 1);
    in = in.subspan(size);
    ++frames;
  }
  return frames;
}

}  // namespace
}  // namespace linecast::usage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace linecast::usage;
  const linecast::Bytes in(data, size);
  read_frames(in);
  is_segment_header(in, 1);
  segment_number({reinterpret_cast<const char*>(data), size});
  // Records of the input's making, and a byte of theirs changed.
  linecast::ByteReader r(in);
  const uint16_t at = r.u16();
  const uint8_t change = r.u8();
  std::string frames;
  size_t made = 0;
  while (r.ok() && r.remaining() >= kFixedRecordBytes) {
    UsageRecord record;
    const size_t length = kFixedRecordBytes + in[in.size() - r.remaining() + kFixedRecordBytes - 1];
    if (!decode(r.bytes(std::min(length, r.remaining())), record)) continue;
    append_frame(record, frames);
    ++made;
  }
  require(read_frames(bytes_of(frames)) == made);
  if (frames.empty() || change == 0) return 0;
  frames[at % frames.size()] = static_cast<char>(frames[at % frames.size()] ^ change);
  require(read_frames(bytes_of(frames)) < made);
  return 0;
}
