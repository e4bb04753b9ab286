#include "app/receive/sockets.h"

#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/file.h"

namespace linecast::app {
namespace {

// Half a second at 50 Mbit/s.
constexpr int kReceiveBufferBytes = 4 << 20;

[[noreturn]] void fail(int fd, const std::string& what, const std::string& cure) {
  const std::string why = std::strerror(errno);
  if (fd >= 0) ::close(fd);
  throw Error(fmt::format("{}: {}{}{}", what, why, cure.empty() ? "" : ": ", cure));
}

sockaddr_in address_of(Ipv4 address, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(address);
  return out;
}

template <typename T>
bool set(int fd, int level, int name, const T& value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

int open_udp() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail(fd, "cannot open a UDP socket", "raise the limit of open files (ulimit -n)");
  return fd;
}

int open_receiving() {
  const int fd = open_udp();
  // The first goes beyond net.core.rmem_max and needs CAP_NET_ADMIN.
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBufferBytes))
    set(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBufferBytes);
  set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
  set(fd, SOL_UDP, UDP_GRO, 1);  // where the kernel has it
  return fd;
}

void bind_to(int fd, Ipv4 address, uint16_t port) {
  const sockaddr_in at = address_of(address, port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    fail(fd, fmt::format("cannot bind to {}:{}", to_string(address), port),
         "another program has it without SO_REUSEADDR, or the port needs root");
}

// By which multicast goes out.
void use_interface(int fd, const Interface& interface) {
  if (interface.index == 0) return;
  ip_mreqn by{};
  by.imr_ifindex = static_cast<int>(interface.index);
  set(fd, IPPROTO_IP, IP_MULTICAST_IF, by);
}

}  // namespace

int open_group_socket(const ChannelOptions& channel, const smart::GroupPlace& place, Ipv4 source) {
  const int fd = open_receiving();
  set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  bind_to(fd, place.group, place.port);
  // Without this a socket also gets what others on this machine joined, by any interface.
  set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);

  const sockaddr_in group = address_of(place.group, 0);
  bool joined = false;
  if (source != 0) {
    const sockaddr_in from = address_of(source, 0);
    group_source_req join{};
    join.gsr_interface = channel.interface.index;
    std::memcpy(&join.gsr_group, &group, sizeof group);
    std::memcpy(&join.gsr_source, &from, sizeof from);
    joined = set(fd, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, join);
  } else {
    group_req join{};
    join.gr_interface = channel.interface.index;
    std::memcpy(&join.gr_group, &group, sizeof group);
    joined = set(fd, IPPROTO_IP, MCAST_JOIN_GROUP, join);
  }
  if (!joined) {
    const bool no_route = errno == ENODEV || errno == ENOENT;
    fail(fd, fmt::format("cannot join {}", to_string(place.group)),
         no_route ? "no route says by which interface: name it (--interface eth0)" : "");
  }
  return fd;
}

int open_request_socket(const ChannelOptions& channel) {
  const int fd = open_receiving();
  use_interface(fd, channel.interface);
  bind_to(fd, 0, 0);
  return fd;
}

Ipv4 own_address(const ChannelOptions& channel) {
  const FileDescriptor socket(open_udp());
  use_interface(socket.get(), channel.interface);
  const sockaddr_in group = address_of(channel.group, channel.port);
  sockaddr_in own{};
  socklen_t size = sizeof own;
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&group), sizeof group) != 0 ||
      getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0)
    return 0;
  return ntohl(own.sin_addr.s_addr);
}

int open_output_socket(const OutputTarget& target) {
  const int fd = open_udp();
  set(fd, SOL_SOCKET, SO_SNDBUF, 1 << 20);
  if (!is_multicast(target.address)) return fd;
  set(fd, IPPROTO_IP, IP_MULTICAST_TTL, static_cast<int>(target.ttl));
  if (target.interface.index != 0) {
    ip_mreqn by{};
    by.imr_ifindex = static_cast<int>(target.interface.index);
    if (!set(fd, IPPROTO_IP, IP_MULTICAST_IF, by))
      fail(fd, fmt::format("cannot send to {} by this interface", to_string(target.address)), "");
  }
  return fd;
}

ReceiveBuffer receive_buffer(int socket) {
  int got = 0;
  socklen_t size = sizeof got;
  getsockopt(socket, SOL_SOCKET, SO_RCVBUF, &got, &size);
  // The kernel doubles what it was asked for, to have room for its own.
  return {kReceiveBufferBytes, static_cast<size_t>(got) / 2};
}

bool send_datagram(int socket, Ipv4 to, uint16_t port, Bytes datagram) {
  const sockaddr_in at = address_of(to, port);
  return sendto(socket, datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                reinterpret_cast<const sockaddr*>(&at), sizeof at) == static_cast<ssize_t>(datagram.size());
}

bool send_segments(int socket, Ipv4 to, uint16_t port, Bytes datagrams, size_t size) {
  sockaddr_in at = address_of(to, port);
  iovec vector{const_cast<uint8_t*>(datagrams.data()), datagrams.size()};
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(uint16_t))> control{};
  msghdr header{};
  header.msg_name = &at;
  header.msg_namelen = sizeof at;
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* segment = CMSG_FIRSTHDR(&header);
  segment->cmsg_level = SOL_UDP;
  segment->cmsg_type = UDP_SEGMENT;
  segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const auto bytes = static_cast<uint16_t>(size);
  std::memcpy(CMSG_DATA(segment), &bytes, sizeof bytes);
  return sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(datagrams.size());
}

DatagramBatch::DatagramBatch() : storage_(std::make_unique_for_overwrite<uint8_t[]>(kSize * kDatagramSize)) {}

std::span<const DatagramBatch::Datagram> DatagramBatch::read(int socket, TimeNs now, TimeNs realtime_offset,
                                                             uint32_t& drops) {
  for (unsigned i = 0; i < kSize; ++i) {
    vectors_[i] = {storage_.get() + i * kDatagramSize, kDatagramSize};
    headers_[i] = {};
    msghdr& header = headers_[i].msg_hdr;
    header.msg_name = &sources_[i];
    header.msg_namelen = sizeof sources_[i];
    header.msg_iov = &vectors_[i];
    header.msg_iovlen = 1;
    header.msg_control = control_[i].data();
    header.msg_controllen = kControlSize;
  }
  const int got = recvmmsg(socket, headers_.data(), kSize, MSG_DONTWAIT, nullptr);
  // Errors here are those of sends that went before (ICMP): the next read finds the rest.
  for (int i = 0; i < got; ++i) {
    msghdr& header = headers_[i].msg_hdr;
    Datagram& out = datagrams_[i];
    out.bytes = Bytes(storage_.get() + static_cast<size_t>(i) * kDatagramSize, headers_[i].msg_len);
    out.segment = std::max<size_t>(out.bytes.size(), 1);
    sockaddr_in source{};
    std::memcpy(&source, &sources_[i], sizeof source);
    out.source = ntohl(source.sin_addr.s_addr);
    out.source_port = ntohs(source.sin_port);
    out.arrived_ns = now;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
        int segment = 0;
        std::memcpy(&segment, CMSG_DATA(c), sizeof segment);
        if (segment > 0) out.segment = static_cast<size_t>(segment);
      }
      if (c->cmsg_level != SOL_SOCKET) continue;
      if (c->cmsg_type == SCM_TIMESTAMPNS) {
        timespec stamp{};
        std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
        // Where the wall clock was set meanwhile the stamp is useless: bounded, it does no harm.
        const TimeNs at = stamp.tv_sec * kNsPerSecond + stamp.tv_nsec + realtime_offset;
        out.arrived_ns = std::clamp(at, now - kNsPerSecond, now);
      } else if (c->cmsg_type == SO_RXQ_OVFL) {
        std::memcpy(&drops, CMSG_DATA(c), sizeof drops);
      }
    }
  }
  return std::span(datagrams_).first(static_cast<size_t>(std::max(got, 0)));
}

}  // namespace linecast::app
