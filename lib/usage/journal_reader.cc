#include "lib/usage/journal_reader.h"

#include <fmt/format.h>

#include <cstring>

#include "lib/base/error.h"

namespace linecast::usage {
namespace {

constexpr size_t kReadBytes = 1 << 18;

}  // namespace

void JournalReader::read(uint64_t from, size_t most, std::vector<NumberedRecord>& out) {
  out.clear();
  const std::optional<Segment> segment = journal_.segment_at(from);
  if (!segment) return;
  from = std::max(from, segment->first);
  if (!file_ || first_ != segment->first || number_ > from) open(*segment);
  on_disk_ = segment->bytes;
  UsageRecord record;
  while (number_ < segment->end() && out.size() < most) {
    if (!next(record)) {
      if (!out.empty()) return;  // what is good before it
      const uint64_t at = offset_ - (buffer_.size() - at_);
      file_.reset();
      throw Error(
          fmt::format("{}: damaged at byte {}: restart linecast, which sets the file aside and goes on "
                      "behind it",
                      path_, at));
    }
    if (number_ >= from) out.push_back({number_, record});
    ++number_;
  }
}

void JournalReader::open(const Segment& segment) {
  path_ = journal_.path_of(segment);
  file_ = std::make_unique<FileDescriptor>(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file_->ok()) {
    const int why = errno;
    file_.reset();
    throw Error(fmt::format("{}: cannot be opened: {}", path_, std::strerror(why)));
  }
  first_ = number_ = segment.first;
  buffer_.clear();
  at_ = 0;
  offset_ = kSegmentHeaderBytes;
}

// Called for records only that are on the disk, so that a frame which is cut means that more is to be read.
bool JournalReader::next(UsageRecord& out) {
  for (;;) {
    const Bytes rest = Bytes(reinterpret_cast<const uint8_t*>(buffer_.data()), buffer_.size()).subspan(at_);
    size_t size = 0;
    const FrameFault fault = read_frame(rest, out, size);
    if (fault == FrameFault::kNone) {
      at_ += size;
      return true;
    }
    if (fault == FrameFault::kDamaged) return false;
    buffer_.erase(0, at_);
    at_ = 0;
    const size_t kept = buffer_.size();
    buffer_.resize(kept + kReadBytes);
    const size_t more = std::min<uint64_t>(kReadBytes, on_disk_ - std::min(on_disk_, offset_));
    const ssize_t got = ::pread(file_->get(), &buffer_[kept], more, static_cast<off_t>(offset_));
    buffer_.resize(kept + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) return false;
    offset_ += static_cast<uint64_t>(got);
  }
}

}  // namespace linecast::usage
