#include "drivers/hugepages.h"

#include <fmt/core.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "lib/base/error.h"
#include "lib/base/file.h"

namespace linecast::drivers {
namespace {

constexpr const char* kReserved = "/proc/sys/vm/nr_hugepages";  // of the default size

uint64_t read_number(const std::filesystem::path& path) {
  uint64_t number = 0;
  std::ifstream(path) >> number;
  return number;
}

// Of /proc/meminfo, where it is in kB.
uint64_t meminfo_bytes(const std::string& wanted) {
  std::ifstream file("/proc/meminfo");
  std::string name;
  uint64_t number = 0;
  for (std::string line; std::getline(file, line);)
    if (std::istringstream(line) >> name >> number && name == wanted + ":") return number * 1024;
  return 0;
}

uint64_t free_bytes() {
  uint64_t bytes = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", none)) {
    const std::string name = entry.path().filename();  // hugepages-2048kB
    const uint64_t size = std::stoull(name.substr(name.find('-') + 1)) * 1024;
    const uint64_t free = read_number(entry.path() / "free_hugepages");
    const uint64_t promised = read_number(entry.path() / "resv_hugepages");  // mapped, and not yet touched
    bytes += (free - std::min(free, promised)) * size;
  }
  return bytes;
}

std::string user_name() {
  const passwd* user = getpwuid(geteuid());
  return user != nullptr ? user->pw_name : std::to_string(geteuid());
}

void require_hugetlbfs() {
  std::string fault =
      "no hugetlbfs is mounted. As root, mount one: mkdir -p /dev/hugepages && mount -t hugetlbfs nodev "
      "/dev/hugepages";
  std::ifstream mounts("/proc/mounts");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string device, directory, type;
    if (!(fields >> device >> directory >> type) || type != "hugetlbfs") continue;
    if (access(directory.c_str(), W_OK) == 0) return;
    const std::string quoted = shell_quoted(directory);
    if (errno == EROFS)
      fault = fmt::format(
          "hugetlbfs on {0} is mounted read-only. As root, change that: mount -o remount,rw {0}", quoted);
    else
      fault = fmt::format(
          "hugetlbfs on {0} may not be written by this user. Run linecast as root, or as root give it to "
          "this "
          "user: chown {1} {0}",
          quoted, user_name());
  }
  throw Error(fault);
}

}  // namespace

void require_hugepages(uint64_t needed_bytes) {
  require_hugetlbfs();
  const uint64_t free = free_bytes();
  if (free >= needed_bytes) return;
  const uint64_t page = std::max<uint64_t>(meminfo_bytes("Hugepagesize"), 4096);  // what nr_hugepages counts
  const uint64_t missing = (needed_bytes - free + page - 1) / page;
  const std::string fault = fmt::format("too few hugepages: this lineup needs {} MiB, and {} MiB are free",
                                        needed_bytes >> 20, free >> 20);
  // Asked for more than there is, the kernel gives all it has, and the machine is left without memory.
  if (const uint64_t available = meminfo_bytes("MemAvailable"); missing * page > available)
    throw Error(fmt::format(
        "{}. Of this machine's memory only {} MiB are left to reserve: lower the channels' bitrate_cap or "
        "window_ms, or add memory. What they take shows: linecast check",
        fault, available >> 20));
  throw Error(
      fmt::format("{}. As root, reserve {} more pages of {} MiB (if the kernel gives fewer, its memory is in "
                  "pieces: reboot first): echo {} > {}",
                  fault, missing, page >> 20, read_number(kReserved) + missing, kReserved));
}

}  // namespace linecast::drivers
