// A number in a file of its own: replaced as a whole, on the disk when the call returns. Control path only.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "lib/base/file.h"

namespace linecast::usage {

// None where it can't be read, with errno: ENOENT where there is none yet, EINVAL where it holds no number.
inline std::optional<uint64_t> read_number(const std::string& path) {
  constexpr size_t kMostText = 21;  // 20 digits and a newline
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string text(kMostText + 1, '\0');
  if (!file.ok() || !read_bounded(file, text)) return std::nullopt;
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, number);
  if (fault == std::errc() && stop + 1 == end && *stop == '\n') return number;
  errno = EINVAL;
  return std::nullopt;
}

// False, with errno, where it can't be written; then the former number stands.
inline bool store_number(const std::string& path, uint64_t number) {
  const std::string fresh = path + ".new";
  {
    const FileDescriptor file(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.ok() || !write_and_sync(file, std::to_string(number) + '\n')) return false;
  }
  return std::rename(fresh.c_str(), path.c_str()) == 0 && sync_directory(directory_of(path));
}

}  // namespace linecast::usage
