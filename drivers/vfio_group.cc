#include "drivers/vfio_group.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "lib/base/error.h"

namespace linecast::drivers {
namespace {

namespace fs = std::filesystem;

bool has_open(const fs::path& process, const std::string& file) {
  std::error_code error;
  for (fs::directory_iterator entry(process / "fd", error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code gone;
    if (fs::read_symlink(entry->path(), gone) == file) return true;
  }
  return false;
}

std::string command_line(const fs::path& process) {
  std::ifstream file(process / "cmdline");
  std::string line{std::istreambuf_iterator<char>(file), {}};
  while (!line.empty() && line.back() == '\0') line.pop_back();
  std::ranges::replace(line, '\0', ' ');
  return line;
}

// "process 812 (linecast headend ...). Stop it: kill 812", as far as /proc lets this user see.
std::string holder_of(const std::string& file) {
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {  // processes end meanwhile
    const std::string id = entry->path().filename();
    if (id.find_first_not_of("0123456789") == std::string::npos && has_open(entry->path(), file))
      return fmt::format("process {} ({}). Stop it: kill {}", id, command_line(entry->path()), id);
  }
  return fmt::format("another process. This names it: fuser -v {}", file);
}

}  // namespace

void require_free_card(const std::string& port, const std::string& address) {
  const fs::path device = fs::path("/sys/bus/pci/devices") / address;
  std::error_code error;
  if (fs::read_symlink(device / "driver", error).filename() != "vfio-pci") return;
  const std::string number = fs::read_symlink(device / "iommu_group", error).filename();
  // The kernel lets one process at a time open a group. Without an IOMMU the file has another name.
  for (const std::string& file : {"/dev/vfio/" + number, "/dev/vfio/noiommu-" + number}) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
      ::close(fd);
      return;
    }
    if (errno == ENOENT) continue;
    if (errno == EBUSY)
      throw Error(fmt::format("port {}: card {} is in use by {}", port, address, holder_of(file)));
    throw Error(fmt::format("port {}: card {}: can't open {}: {}. Run as root, or: chown $USER {}", port,
                            address, file, std::strerror(errno), file));
  }
  throw Error(
      fmt::format("port {}: card {}: there is no /dev/vfio/{} here. In a container, start it with: --device "
                  "/dev/vfio/vfio --device /dev/vfio/{}",
                  port, address, number, number));
}

}  // namespace linecast::drivers
