#include "drivers/vfio_group.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/base/process.h"

namespace linecast::drivers {

namespace fs = std::filesystem;

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
      throw Error(
          fmt::format("port {}: card {} is {}", port, address, in_use_by(holder_of(file), "Stop it")));
    throw Error(fmt::format("port {}: card {}: can't open {}: {}. Run as root, or: chown $USER {}", port,
                            address, file, std::strerror(errno), file));
  }
  throw Error(
      fmt::format("port {}: card {}: there is no /dev/vfio/{} here. In a container, start it with: --device "
                  "/dev/vfio/vfio --device /dev/vfio/{}",
                  port, address, number, number));
}

}  // namespace linecast::drivers
