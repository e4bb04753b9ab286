#include "drivers/interface_claim.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/process.h"

namespace linecast::drivers {
namespace {

void require_raw_sockets(const std::string& port, const std::string& interface) {
  const FileDescriptor raw(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (raw.ok() || errno != EPERM) return;
  std::error_code error;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", error);
  throw Error(
      fmt::format("port {}: this user may not open network interface {}. Run linecast as root, or as root "
                  "let it do this as "
                  "any user: setcap cap_net_raw,cap_net_admin=ep {}",
                  port, interface, shell_quoted(program)));
}

// Who asks is never accepted, only told. 0 where the claimer is not seen from here.
pid_t listener_of(const sockaddr_un& address, socklen_t size) {
  const FileDescriptor asking(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::connect(asking.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return 0;
  return ::getsockopt(asking.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : 0;
}

}  // namespace

InterfaceClaim::InterfaceClaim(const std::string& port, const std::string& interface) {
  require_raw_sockets(port, interface);
  // unix(7), "abstract": such a name belongs to the network namespace, as the interface does, and leaves
  // nothing behind whatever becomes of its process.
  const std::string name = "linecast-interface-" + interface;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = std::min(name.size(), sizeof address.sun_path - 1);
  std::memcpy(address.sun_path + 1, name.data(), length);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ >= 0 && ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
      ::listen(socket_, SOMAXCONN) == 0)
    return;
  const int why = errno;
  if (socket_ >= 0) ::close(socket_);
  if (why != EADDRINUSE)
    throw Error(fmt::format("port {}: network interface {} can't be claimed: {}", port, interface,
                            std::strerror(why)));
  throw Error(fmt::format("port {}: network interface {} is {}", port, interface,
                          in_use_by(listener_of(address, size), "Give the port another, or stop that one")));
}

InterfaceClaim::~InterfaceClaim() { ::close(socket_); }

}  // namespace linecast::drivers
