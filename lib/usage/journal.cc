#include "lib/usage/journal.h"

#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/base/process.h"
#include "lib/usage/durable_number.h"

namespace linecast::usage {
namespace {

constexpr mode_t kMode = 0600;

[[noreturn]] void fail(const std::string& path, std::string_view what) {
  const int why = errno;
  throw Error(fmt::format("{}: {}: {}{}", path, what, std::strerror(why), advice_to_write(why, path)));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

Journal::Journal(const JournalConfig& config)
    : config_(config),
      segment_bytes_(std::max<uint64_t>(std::min(config.segment_bytes, config.most_bytes / 4), 1)),
      next_number_(config.start_number),
      cursors_(config.sinks.size()) {
  lock_directory();
  find_segments();
  find_cursors();
}

Journal::~Journal() = default;

void Journal::lock_directory() {
  const std::string path = config_.directory + "/lock";
  lock_ = std::make_unique<FileDescriptor>(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode));
  if (!lock_->ok()) fail(path, "cannot be opened");
  if (::flock(lock_->get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno != EWOULDBLOCK) fail(path, "cannot be locked");
  throw Error(fmt::format("usage journal {} is {}", config_.directory,
                          in_use_by(holder_of(path), "Give this one its own, or stop that one")));
}

void Journal::find_segments() {
  std::vector<uint64_t> firsts;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(config_.directory, error), end; !error && entry != end;
       entry.increment(error))
    if (const auto first = segment_number(entry->path().filename().native())) firsts.push_back(*first);
  if (error) throw Error(fmt::format("{}: cannot be read: {}", config_.directory, error.message()));
  std::sort(firsts.begin(), firsts.end());
  for (size_t i = 0; i < firsts.size(); ++i) {
    SegmentScan scan;
    const std::string path = path_of({.first = firsts[i]});
    if (!scan_segment(path, firsts[i], scan)) fail(path, "cannot be read");
    const bool last = i + 1 == firsts.size();
    // What an append that failed may have left behind was written again to the next segment.
    if (!last) scan.records = std::min(scan.records, firsts[i + 1] - firsts[i]);
    if (take_up(scan, firsts[i], last))
      segments_.push_back({.first = firsts[i], .records = scan.records, .bytes = scan.good_bytes});
  }
  if (!segments_.empty()) next_number_ = std::max(next_number_, segments_.back().end());
}

// Sets right, and notes, what is wrong with a segment; false where nothing in it is of use.
bool Journal::take_up(const SegmentScan& scan, uint64_t first, bool last) {
  const std::string path = path_of({.first = first});
  const uint64_t bad = scan.bytes - scan.good_bytes;
  if (bad > 0 && !last) {
    const std::string aside = path + ".damaged";
    if (::link(path.c_str(), aside.c_str()) != 0 && errno != EEXIST) fail(aside, "cannot be made");
    notes_.push_back(
        fmt::format("{}: {} bytes from byte {} on are damaged, and their records not delivered; "
                    "the file is kept as {}",
                    path, bad, scan.good_bytes, aside));
  } else if (bad > 0) {
    notes_.push_back(fmt::format("{}: the last {} bytes were half written, and are cut off", path, bad));
    if (scan.records > 0 && ::truncate(path.c_str(), static_cast<off_t>(scan.good_bytes)) != 0)
      fail(path, "cannot be cut");
  }
  if (scan.records > 0) return true;
  if (::unlink(path.c_str()) != 0) fail(path, "cannot be removed");
  return false;
}

std::string Journal::cursor_path(size_t sink) const {
  return config_.directory + "/cursor-" + config_.sinks[sink];
}

void Journal::find_cursors() {
  for (size_t sink = 0; sink < cursors_.size(); ++sink) {
    const std::string path = cursor_path(sink);
    const auto number = read_number(path);
    if (number) cursors_[sink] = *number;
    if (!number && errno != ENOENT)
      notes_.push_back(
          fmt::format("{}: cannot be read: all records that the journal has are delivered again", path));
  }
}

void Journal::append(std::span<const UsageRecord> records) {
  if (records.empty()) return;
  frames_.clear();
  for (const UsageRecord& record : records) append_frame(record, frames_);
  if (current_ && segments_.back().bytes + frames_.size() > segment_bytes_) current_.reset();
  make_room(kSegmentHeaderBytes + frames_.size());
  if (!current_) open_segment();
  if (!write_all(current_->get(), frames_) || ::fdatasync(current_->get()) != 0) {
    const int why = errno;
    const std::string path = path_of(segments_.back());
    give_up_segment();
    errno = why;
    fail(path, "cannot be written");
  }
  next_number_ += records.size();
  const std::lock_guard hold(mutex_);
  segments_.back().records += records.size();
  segments_.back().bytes += frames_.size();
}

void Journal::make_room(uint64_t bytes) {
  uint64_t used = this->bytes();
  const std::vector<uint64_t> cursors = [this] {
    const std::lock_guard hold(mutex_);
    return cursors_;
  }();
  const auto slowest = std::min_element(cursors.begin(), cursors.end());
  while (used + bytes > config_.most_bytes) {
    const bool removable = segments_.size() > (current_ ? 1 : 0);
    if (!removable)
      throw Error(fmt::format("{}: {} bytes of records do not fit into a journal of {}: allow it more",
                              config_.directory, bytes, config_.most_bytes));
    const Segment& oldest = segments_.front();
    if (slowest != cursors.end() && *slowest < oldest.end())
      throw Error(
          fmt::format("{}: full: its {} bytes are taken by records that wait for {}: mend that, or allow "
                      "the journal more",
                      config_.directory, config_.most_bytes,
                      config_.sinks[static_cast<size_t>(slowest - cursors.begin())]));
    const std::string path = path_of(oldest);
    if (::unlink(path.c_str()) != 0) fail(path, "cannot be removed");
    used -= oldest.bytes;
    const std::lock_guard hold(mutex_);
    segments_.pop_front();
  }
}

void Journal::open_segment() {
  const std::string path = path_of({.first = next_number_});
  auto file = std::make_unique<FileDescriptor>(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, kMode));
  if (!file->ok()) fail(path, "cannot be made");
  std::string header;
  append_segment_header(next_number_, header);
  if (!write_all(file->get(), header) || !sync_directory(config_.directory)) {
    const int why = errno;
    ::unlink(path.c_str());
    errno = why;
    fail(path, "cannot be written");
  }
  current_ = std::move(file);
  const std::lock_guard hold(mutex_);
  segments_.push_back({.first = next_number_, .bytes = header.size()});
}

// Behind a failed write nobody knows what the disk has: the next batch begins a new segment. Where cutting
// fails too, that one's first number says where this one ends.
void Journal::give_up_segment() {
  const std::string path = path_of(segments_.back());
  if (segments_.back().records == 0) {
    ::unlink(path.c_str());
    const std::lock_guard hold(mutex_);
    segments_.pop_back();
  } else if (::ftruncate(current_->get(), static_cast<off_t>(segments_.back().bytes)) == 0) {
    ::fdatasync(current_->get());
  }
  current_.reset();
}

std::optional<Segment> Journal::segment_at(uint64_t number) const {
  const std::lock_guard hold(mutex_);
  for (const Segment& segment : segments_)
    if (segment.records > 0 && segment.end() > number) return segment;
  return std::nullopt;
}

std::string Journal::path_of(const Segment& segment) const {
  return config_.directory + '/' + segment_name(segment.first);
}

uint64_t Journal::cursor(size_t sink) const {
  const std::lock_guard hold(mutex_);
  return cursors_[sink];
}

void Journal::delivered(size_t sink, uint64_t next) {
  const std::string path = cursor_path(sink);
  if (!store_number(path, next)) fail(path, "cannot be written");
  const std::lock_guard hold(mutex_);
  cursors_[sink] = next;
}

uint64_t Journal::waiting(size_t sink) const {
  const std::lock_guard hold(mutex_);
  uint64_t sum = 0;
  for (const Segment& segment : segments_)
    sum += segment.end() - std::clamp(cursors_[sink], segment.first, segment.end());
  return sum;
}

uint64_t Journal::bytes() const {
  const std::lock_guard hold(mutex_);
  uint64_t sum = 0;
  for (const Segment& segment : segments_) sum += segment.bytes;
  return sum;
}

}  // namespace linecast::usage
