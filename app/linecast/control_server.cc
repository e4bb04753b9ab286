#include "app/linecast/control_server.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/process.h"

namespace linecast::app {
namespace {

constexpr size_t kMaxClients = 16;
constexpr size_t kMaxRequest = 4096;  // bytes
constexpr int kClientTimeoutS = 5;    // for a whole exchange

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw Error(fmt::format("control socket path is too long ({} bytes, at most {}): {}", path.size(),
                            sizeof address.sun_path - 1, path));
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

int connect_to(const std::string& path) {
  const sockaddr_un address = address_of(path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  const int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return -1;
}

}  // namespace

ControlServer::ControlServer(std::string path, Handler handler)
    : path_(std::move(path)), handler_(std::move(handler)) {
  const sockaddr_un address = address_of(path_);
  if (const int other = connect_to(path_); other >= 0) {
    ucred peer{};
    socklen_t size = sizeof peer;
    getsockopt(other, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    close(other);
    throw Error(
        fmt::format("control socket {} is {}", path_,
                    in_use_by(peer.pid, "Give this headend its own (headend.control), or stop that one")));
  }
  struct stat existing {};
  if (lstat(path_.c_str(), &existing) == 0) {
    if (!S_ISSOCK(existing.st_mode))
      throw Error(fmt::format("{} is there and is no socket: move it, or change headend.control", path_));
    unlink(path_.c_str());
  }
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const mode_t mask = umask(0177);
  const bool listening = listener_ >= 0 &&
                         bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                         listen(listener_, 8) == 0;
  const int error = errno;
  umask(mask);
  if (!listening) {
    if (listener_ >= 0) close(listener_);
    throw Error(fmt::format("control socket {}: can't listen there: {}{}", path_, std::strerror(error),
                            advice_to_write(error, path_)));
  }
}

ControlServer::~ControlServer() {
  for (const Client& client : clients_) close(client.fd);
  close(listener_);
  unlink(path_.c_str());
}

void ControlServer::accept_client(TimeNs now) {
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  if (clients_.size() >= kMaxClients) {
    constexpr std::string_view kRefused = "{\"error\":\"too many clients at once: try again\"}\n";
    send(fd, kRefused.data(), kRefused.size(), MSG_NOSIGNAL);
    close(fd);
    return;
  }
  clients_.push_back({fd, {}, {}, 0, now + kClientTimeoutS * kNsPerSecond});
}

bool ControlServer::advance(Client& client) {
  if (client.answer.empty()) {
    char buffer[1024];
    const ssize_t n = read(client.fd, buffer, sizeof buffer);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n == 0) return false;
    client.request.append(buffer, static_cast<size_t>(n));
    const size_t end = client.request.find('\n');
    if (end == std::string::npos) return client.request.size() < kMaxRequest;
    client.answer = handler_(client.request.substr(0, end)) + "\n";
  }
  const ssize_t n =
      send(client.fd, client.answer.data() + client.sent, client.answer.size() - client.sent, MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  client.sent += static_cast<size_t>(n);
  return client.sent < client.answer.size();
}

bool ControlServer::serve(TimeNs now, int wake_fd, int timeout_ms) {
  std::vector<pollfd> fds{{wake_fd, POLLIN, 0}, {listener_, POLLIN, 0}};
  for (const Client& client : clients_)
    fds.push_back({client.fd, static_cast<short>(client.answer.empty() ? POLLIN : POLLOUT), 0});
  if (poll(fds.data(), fds.size(), timeout_ms) < 0) return false;
  for (size_t i = 0; i < clients_.size(); ++i) {
    Client& client = clients_[i];
    const bool keep = now < client.deadline_ns && (fds[i + 2].revents == 0 || advance(client));
    if (!keep) {
      close(client.fd);
      client.fd = -1;
    }
  }
  std::erase_if(clients_, [](const Client& client) { return client.fd < 0; });
  if (fds[1].revents != 0) accept_client(now);
  return fds[0].revents != 0;
}

std::string ask_control(const std::string& path, const std::string& request) {
  const int fd = connect_to(path);
  if (fd < 0 && errno == EACCES)
    throw Error(fmt::format(
        "{} is open to the headend's own user only: run this as that user, or as root (sudo)", path));
  if (fd < 0)
    throw Error(fmt::format("no headend answers on {}: {}. Is it running, and is this its headend.control?",
                            path, std::strerror(errno)));
  const timeval timeout{kClientTimeoutS, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  const std::string line = request + "\n";
  std::string answer;
  ssize_t n = send(fd, line.data(), line.size(), MSG_NOSIGNAL);
  char buffer[65536];
  while (n > 0 && (n = read(fd, buffer, sizeof buffer)) > 0) answer.append(buffer, static_cast<size_t>(n));
  const int why = errno;
  close(fd);
  if (n < 0 && why == EAGAIN)
    throw Error(fmt::format(
        "the headend on {} gave no answer within {} s: it is stopped (T) or overloaded: look at it "
        "with: ps -o pid,stat,pcpu,args -C linecast",
        path, kClientTimeoutS));
  if (n < 0 || answer.empty())
    throw Error(fmt::format("the headend on {} ended without an answer: is it stopping?", path));
  return answer;
}

}  // namespace linecast::app
