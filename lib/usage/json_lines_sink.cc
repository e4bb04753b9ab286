#include "lib/usage/json_lines_sink.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "lib/base/error.h"
#include "lib/usage/record_text.h"

namespace linecast::usage {
namespace {

constexpr mode_t kMode = 0640;
constexpr size_t kTailBytes = 4096;  // more than two of the longest lines
constexpr std::string_view kLineBegin = R"({"record":")";

[[noreturn]] void fail(const std::string& path, std::string_view what) {
  const int why = errno;
  throw Error(fmt::format("{}: {}: {}{}", path, what, std::strerror(why), advice_to_write(why, path)));
}

}  // namespace

void JsonLinesSink::deliver(std::span<const NumberedRecord> records) {
  if (file_ && moved_away()) file_.reset();
  if (!file_) open();
  std::string text;
  uint64_t last = last_;
  for (const NumberedRecord& record : records) {
    if (record.number <= last_) continue;
    text += json_line(record);
    last = record.number;
  }
  if (text.empty()) return;
  if (size_ > 0 && size_ + text.size() > config_.most_bytes) rotate();
  write(text);
  last_ = last;
}

void JsonLinesSink::open() {
  auto file = std::make_unique<FileDescriptor>(
      ::open(config_.path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, kMode));
  if (!file->ok()) fail(config_.path, "cannot be opened");
  struct stat about {};
  if (::fstat(file->get(), &about) != 0) fail(config_.path, "cannot be looked at");
  if (!S_ISREG(about.st_mode))
    throw Error(config_.path + ": is no file that can be appended to: name another");
  uint64_t good = 0;
  last_ = std::max(last_, last_number_in(config_.path, file->get(), good));
  if (good < static_cast<uint64_t>(about.st_size) && ::ftruncate(file->get(), static_cast<off_t>(good)) != 0)
    fail(config_.path, "its last, half written line cannot be cut off");
  if (good == 0) {
    const FileDescriptor former(::open(rotated(1).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    uint64_t ignored = 0;
    if (former.ok()) last_ = std::max(last_, last_number_in(rotated(1), former.get(), ignored));
    if (!sync_directory(directory_of(config_.path))) fail(config_.path, "cannot be made durable");
  }
  file_ = std::move(file);
  size_ = good;
}

bool JsonLinesSink::moved_away() const {
  struct stat there {
  }, ours{};
  return ::stat(config_.path.c_str(), &there) != 0 || ::fstat(file_->get(), &ours) != 0 ||
         there.st_ino != ours.st_ino || there.st_dev != ours.st_dev;
}

// Of the last whole line; 0 where there is none. good_bytes: the file's up to the end of that line.
uint64_t JsonLinesSink::last_number_in(const std::string& path, int fd, uint64_t& good_bytes) const {
  const off_t end = ::lseek(fd, 0, SEEK_END);
  if (end < 0) fail(path, "cannot be read");
  const size_t length = std::min<size_t>(kTailBytes, static_cast<size_t>(end));
  std::string tail(length, '\0');
  const ssize_t got = ::pread(fd, tail.data(), length, end - static_cast<off_t>(length));
  if (got != static_cast<ssize_t>(length)) fail(path, "cannot be read");
  const size_t newline = tail.rfind('\n');
  good_bytes = newline == std::string::npos ? 0 : static_cast<uint64_t>(end) - length + newline + 1;
  const size_t before =
      newline == std::string::npos || newline == 0 ? std::string::npos : tail.rfind('\n', newline - 1);
  const size_t begin = before == std::string::npos ? 0 : before + 1;
  uint64_t number = 0;
  const std::string_view line = std::string_view(tail).substr(begin);
  const bool ours = line.starts_with(kLineBegin.substr(0, std::min(line.size(), kLineBegin.size())));
  if (ours && good_bytes > 0 && line.size() > kLineBegin.size())
    std::from_chars(line.data() + kLineBegin.size(), line.data() + line.size(), number);
  if (length == 0 || (ours && (number > 0 || (good_bytes == 0 && length < kTailBytes)))) return number;
  throw Error(path + ": holds something else than usage records: move it away, or name another file");
}

void JsonLinesSink::write(std::string_view text) {
  const uint64_t before = size_;
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t n = ::write(file_->get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int why = errno;
      // No half lines for those who read the file; where this fails, the next open() does it.
      if (::ftruncate(file_->get(), static_cast<off_t>(before)) != 0) file_.reset();
      errno = why;
      fail(config_.path, "cannot be written");
    }
    rest.remove_prefix(static_cast<size_t>(n));
  }
  size_ = before + text.size();
  if (::fdatasync(file_->get()) == 0) return;
  const int why = errno;
  if (::ftruncate(file_->get(), static_cast<off_t>(before)) == 0) size_ = before;
  file_.reset();
  errno = why;
  fail(config_.path, "cannot be written to the disk");
}

void JsonLinesSink::rotate() {
  file_.reset();
  const unsigned oldest = std::max(config_.files, 1u) - 1;
  if (oldest == 0 && ::unlink(config_.path.c_str()) != 0) fail(config_.path, "cannot be removed");
  for (unsigned n = oldest; n > 0; --n) {
    const std::string from = n == 1 ? config_.path : rotated(n - 1);
    if (std::rename(from.c_str(), rotated(n).c_str()) != 0 && errno != ENOENT)
      fail(from, "cannot be renamed");
  }
  open();
}

}  // namespace linecast::usage
