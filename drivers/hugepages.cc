#include "drivers/hugepages.h"

#include <fmt/core.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "lib/base/error.h"

namespace linecast::drivers {
namespace {

constexpr uint64_t kDefaultPage = 2 << 20;

uint64_t read_number(const std::filesystem::path& path) {
  uint64_t number = 0;
  std::ifstream(path) >> number;
  return number;
}

bool writable_hugetlbfs() {
  std::ifstream mounts("/proc/mounts");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string device, directory, type;
    if (fields >> device >> directory >> type && type == "hugetlbfs" && access(directory.c_str(), W_OK) == 0)
      return true;
  }
  return false;
}

}  // namespace

Hugepages find_hugepages() {
  Hugepages found;
  found.mounted = writable_hugetlbfs();
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", none)) {
    const std::string name = entry.path().filename();  // hugepages-2048kB
    const uint64_t size = std::stoull(name.substr(name.find('-') + 1)) * 1024;
    const uint64_t free = read_number(entry.path() / "free_hugepages");
    found.free_bytes += free * size;
    if (free > 0 && size > found.page_size_bytes) found.page_size_bytes = size;
  }
  if (found.page_size_bytes == 0) found.page_size_bytes = kDefaultPage;
  return found;
}

void require_hugepages(uint64_t needed_bytes) {
  const Hugepages found = find_hugepages();
  const uint64_t pages = (needed_bytes + kDefaultPage - 1) / kDefaultPage;
  if (!found.mounted)
    throw Error(
        "no hugetlbfs is mounted where this user may write. Mount one: mkdir -p /dev/hugepages && mount -t "
        "hugetlbfs "
        "nodev /dev/hugepages (or run as root)");
  if (found.free_bytes < needed_bytes) {
    const uint64_t total = read_number("/proc/sys/vm/nr_hugepages");
    const uint64_t missing = (needed_bytes - found.free_bytes + kDefaultPage - 1) / kDefaultPage;
    throw Error(
        fmt::format("too few hugepages: this lineup needs {} MiB ({} pages of 2 MiB), {} MiB are free. "
                    "Reserve them: sysctl -w "
                    "vm.nr_hugepages={}",
                    needed_bytes >> 20, pages, found.free_bytes >> 20, total + missing));
  }
}

}  // namespace linecast::drivers
