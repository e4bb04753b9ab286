// UDP sockets as the receiver needs them, and reading many datagrams at once with the kernel's time for each.
#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>

#include "app/receive/channel_options.h"
#include "lib/base/bytes.h"
#include "lib/smart/group_place.h"

namespace linecast::app {

// A socket that gets one group's datagrams and no other's: it is bound to group and port, and joined by
// itself (so the kernel's bound of 20 memberships a socket does not matter). Throws Error with what to do.
// place, source: what to join; a source of 0 is any.
int open_group_socket(const ChannelOptions& channel, const smart::GroupPlace& place, Ipv4 source);
// Where requests are sent from, and repairs by unicast come to: any free port.
int open_request_socket(const ChannelOptions& channel);
// This machine's address as the route to the group has it; 0 where there is none.
Ipv4 own_address(const ChannelOptions& channel);
// For playing out. Never blocks.
int open_output_socket(const OutputTarget& target);

// What the kernel gave, in bytes; less than what was asked for loses packets in bursts.
struct ReceiveBuffer {
  size_t wanted = 0;
  size_t got = 0;
  bool short_of() const { return got < wanted; }
};
ReceiveBuffer receive_buffer(int socket);

// Sends without blocking. False where the kernel did not take it.
bool send_datagram(int socket, Ipv4 to, uint16_t port, Bytes datagram);
// Sends `datagrams`, each of `size` bytes but for the last, which may be shorter, in one call (UDP GSO): all
// or none. At most kMostSegments. False as above; errno says why.
inline constexpr size_t kMostSegments = 64;
bool send_segments(int socket, Ipv4 to, uint16_t port, Bytes datagrams, size_t size);

// One for all sockets: about 2 MB.
class DatagramBatch {
 public:
  static constexpr unsigned kSize = 32;

  // One datagram, or several of one sender that came together (UDP GRO).
  struct Datagram {
    Bytes bytes;         // until the next read
    size_t segment = 0;  // bytes of each but the last; at least 1
    Ipv4 source = 0;
    uint16_t source_port = 0;
    TimeNs arrived_ns = 0;  // monotonic, by the kernel's time stamp
  };

  DatagramBatch();

  // Reads what waits, kSize at most. `now` is monotonic, `realtime_offset` what to add to the wall clock's
  // time to get it. `drops`: how many the kernel has dropped on this socket so far, where it says so.
  std::span<const Datagram> read(int socket, TimeNs now, TimeNs realtime_offset, uint32_t& drops);

 private:
  static constexpr size_t kDatagramSize = 65536;
  static constexpr size_t kControlSize = 128;

  std::unique_ptr<uint8_t[]> storage_;
  std::array<std::array<uint8_t, kControlSize>, kSize> control_;
  std::array<sockaddr_storage, kSize> sources_;
  std::array<iovec, kSize> vectors_;
  std::array<mmsghdr, kSize> headers_;
  std::array<Datagram, kSize> datagrams_;
};

}  // namespace linecast::app
