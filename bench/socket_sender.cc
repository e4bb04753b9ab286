// Seals and sends as a headend's lane does, but by the kernel's sockets, 32 datagrams a call (sendmmsg) or
// one group's datagrams as a single super-packet (UDP GSO): what a lane is compared with. Prints JSON.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/udp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "lib/base/random.h"
#include "lib/smart/stream_sealer.h"

namespace {

using namespace linecast;  // NOLINT(google-build-using-namespace)

constexpr size_t kPayloadSize = 7 * 188;
constexpr size_t kPacketSize = smart::kDataHeaderSize + smart::kSealOverhead + kPayloadSize;
constexpr size_t kChannels = 500;
constexpr size_t kSegments = 48;           // as many as a super-packet holds
constexpr size_t kWindow = 3 * kSegments;  // packets kept a channel: 72,000 of all channels
constexpr size_t kBurst = 32;
constexpr size_t kIngestPackets = 2000;
constexpr Ipv4 kFirstGroup = 0xef140000;  // 239.20.0.0

static_assert(kSegments * kPacketSize <= 65507);

struct Channel {
  Channel(crypto::Manager& manager, const crypto::GroupKey& key, size_t index)
      : epoch(manager, key, {}, {static_cast<uint8_t>(index), static_cast<uint8_t>(index >> 8)}, 1, 1),
        sealer(1, 1, &epoch),
        kept(kWindow * kPacketSize) {
    to.sin_family = AF_INET;
    to.sin_port = htons(smart::kDefaultPort);
    to.sin_addr.s_addr = htonl(kFirstGroup + static_cast<Ipv4>(index));
  }

  smart::EpochKey epoch;
  smart::StreamSealer sealer;
  std::vector<uint8_t> kept;
  size_t next = 0;  // slot
  sockaddr_in to{};
};

class Sender {
 public:
  explicit Sender(const std::string& from) : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    in_addr interface {};
    const int buffer = 4 << 20;
    if (socket_ < 0 || inet_pton(AF_INET, from.c_str(), &interface) != 1 ||
        setsockopt(socket_, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface) != 0)
      throw std::runtime_error(from + ": " + std::strerror(errno));
    setsockopt(socket_, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    crypto::GroupKey key;
    key.cipher = crypto::Cipher::kAes128Gcm;
    for (size_t i = 0; i < kChannels; ++i) channels_.push_back(std::make_unique<Channel>(manager_, key, i));
    ingest_.resize(kIngestPackets * kPayloadSize);
    for (uint8_t& byte : ingest_) byte = static_cast<uint8_t>(random_.next());
  }
  ~Sender() { close(socket_); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // 32 datagrams of channels in random order.
  size_t send_many() {
    std::array<mmsghdr, kBurst> messages{};
    std::array<iovec, kBurst> vectors;
    for (size_t i = 0; i < kBurst; ++i) {
      Channel& channel = any_channel();
      vectors[i] = {seal(channel), kPacketSize};
      messages[i].msg_hdr.msg_name = &channel.to;
      messages[i].msg_hdr.msg_namelen = sizeof channel.to;
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = sendmmsg(socket_, messages.data(), kBurst, 0);
    if (sent < 0) throw std::runtime_error(std::string("sendmmsg: ") + std::strerror(errno));
    return static_cast<size_t>(sent);
  }

  // As many of one channel as a super-packet holds.
  size_t send_segments() {
    Channel& channel = any_channel();
    iovec vector{seal(channel), kSegments * kPacketSize};
    for (size_t i = 1; i < kSegments; ++i) seal(channel);
    alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(uint16_t))> control{};
    msghdr header{};
    header.msg_name = &channel.to;
    header.msg_namelen = sizeof channel.to;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* segment = CMSG_FIRSTHDR(&header);
    segment->cmsg_level = SOL_UDP;
    segment->cmsg_type = UDP_SEGMENT;
    segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    const uint16_t size = kPacketSize;
    std::memcpy(CMSG_DATA(segment), &size, sizeof size);
    if (sendmsg(socket_, &header, 0) < 0)
      throw std::runtime_error(std::string("sendmsg with UDP_SEGMENT: ") + std::strerror(errno));
    return kSegments;
  }

 private:
  Channel& any_channel() { return *channels_[random_.below(kChannels)]; }
  // Into the channel's next place, as a lane does it.
  uint8_t* seal(Channel& channel) {
    at_ = at_ + 1 == kIngestPackets ? 0 : at_ + 1;
    uint8_t* out = channel.kept.data() + channel.next * kPacketSize;
    channel.next = channel.next + 1 == kWindow ? 0 : channel.next + 1;
    channel.sealer.seal_data(manager_, smart::PacketFormat::kMpegTs, 0,
                             Bytes(ingest_).subspan(at_ * kPayloadSize, kPayloadSize), out);
    return out;
  }

  const int socket_;
  crypto::Manager manager_;
  Random random_{1};
  std::vector<std::unique_ptr<Channel>> channels_;
  std::vector<uint8_t> ingest_;
  size_t at_ = 0;
};

// Of this process, user and system.
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Seals and sends packets of 500 channels by the kernel; prints JSON."};
  std::string how, from;
  double seconds = 1;
  app.add_option("how", how)->required()->check(CLI::IsMember({"sendmmsg", "gso"}));
  app.add_option("--from", from, "own address, of the interface to send by")->required();
  app.add_option("--seconds", seconds, "of processor time")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    Sender sender(from);
    const auto send = [&] { return how == "gso" ? sender.send_segments() : sender.send_many(); };
    for (size_t sent = 0; sent < kChannels * kWindow;) sent += send();  // every place once
    size_t packets = 0;
    const double begin = cpu_seconds();
    double spent = 0;
    while (spent < seconds) {
      for (int i = 0; i < 100; ++i) packets += send();
      spent = cpu_seconds() - begin;
    }
    fmt::print("{{\"packets\": {}, \"cpu_seconds\": {}}}\n", packets, spent);
  } catch (const std::exception& error) {
    fmt::print(stderr, "socket_sender: {}\n", error.what());
    return 1;
  }
  return 0;
}
