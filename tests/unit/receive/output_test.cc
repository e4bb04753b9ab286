#include "app/receive/output.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>

#include "app/receive/clock.h"
#include "app/receive/sockets.h"
#include "lib/base/error.h"
#include "tests/unit/receive/key_directory.h"

namespace linecast::app {
namespace {

using smart::PacketFormat;

// A socket on loopback to send to.
struct Listener {
  Listener() : fd(socket(AF_INET, SOCK_DGRAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (bind(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) throw Error("cannot bind");
    getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size);
    port = ntohs(at.sin_port);
  }
  std::vector<uint8_t> next() {
    std::vector<uint8_t> datagram(65536);
    datagram.resize(
        static_cast<size_t>(std::max<ssize_t>(recv(fd.get(), datagram.data(), datagram.size(), 0), 0)));
    return datagram;
  }
  OutputTarget target(OutputTarget::Kind kind) const {
    OutputTarget out;
    out.kind = kind;
    out.address = INADDR_LOOPBACK;
    out.port = port;
    return out;
  }
  FileDescriptor fd;
  uint16_t port;
};

std::vector<uint8_t> ts_packets(size_t count) {
  std::vector<uint8_t> ts(188 * count, 0xab);
  for (size_t i = 0; i < count; ++i) ts[188 * i] = 0x47;
  return ts;
}

std::vector<uint8_t> rtp_of(const std::vector<uint8_t>& ts) {
  const std::array<uint8_t, 12> header{0x80, 33, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  std::vector<uint8_t> rtp(header.size() + ts.size());
  std::ranges::copy(header, rtp.begin());
  std::ranges::copy(ts, rtp.begin() + header.size());
  return rtp;
}

void play(Output& output, PacketFormat format, Bytes payload, TimeNs due = 0) {
  output.play({.payload = payload, .format = format, .sequence = 1, .due_ns = due});
  output.flush();
}

class OutputTest : public testing::Test {
 protected:
  Listener listener;
  OutputCounters counters;
  const std::vector<uint8_t> ts = ts_packets(7);
  const std::vector<uint8_t> opaque{1, 2, 3};
};

TEST_F(OutputTest, UdpGetsMpegTsWithoutRtpAndOpaqueAsItIs) {
  const auto output = open_output(listener.target(OutputTarget::Kind::kUdp), counters);
  play(*output, PacketFormat::kMpegTs, ts);
  EXPECT_EQ(listener.next(), ts);
  play(*output, PacketFormat::kRtp, rtp_of(ts));
  EXPECT_EQ(listener.next(), ts);
  play(*output, PacketFormat::kOpaque, opaque);
  EXPECT_EQ(listener.next(), opaque);
  play(*output, PacketFormat::kRtp, opaque);
  EXPECT_EQ(counters.get(OutputCounter::kUnfit), 1u);
  EXPECT_EQ(counters.get(OutputCounter::kDropped), 0u);
}

TEST_F(OutputTest, RtpPassesRtpAndWrapsMpegTs) {
  const auto output = open_output(listener.target(OutputTarget::Kind::kRtp), counters);
  play(*output, PacketFormat::kRtp, rtp_of(ts));
  EXPECT_EQ(listener.next(), rtp_of(ts));
  play(*output, PacketFormat::kMpegTs, ts, 1'000'000'000'000);
  play(*output, PacketFormat::kMpegTs, ts, 1'000'100'000'000);  // 100 ms later
  const auto one = listener.next(), two = listener.next();
  ASSERT_EQ(one.size(), 12 + ts.size());
  EXPECT_EQ(one[0], 0x80);
  EXPECT_EQ(one[1], 33);
  EXPECT_TRUE(std::equal(ts.begin(), ts.end(), one.begin() + 12));
  EXPECT_EQ(static_cast<uint16_t>(load_be16(&two[2]) - load_be16(&one[2])), 1);
  EXPECT_EQ(load_be32(&two[4]) - load_be32(&one[4]), 9000u);
  EXPECT_EQ(load_be32(&two[8]), load_be32(&one[8]));
  play(*output, PacketFormat::kOpaque, opaque);
  EXPECT_EQ(counters.get(OutputCounter::kUnfit), 1u);
}

TEST_F(OutputTest, WhatIsPlayedTogetherLeavesInOrderAndWhole) {
  const auto output = open_output(listener.target(OutputTarget::Kind::kUdp), counters);
  const int room = 8 << 20;
  setsockopt(listener.fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  std::vector<std::vector<uint8_t>> wanted;
  for (const size_t size : {1316, 1316, 1316, 188, 1316, 564, 564, 1316, 60'000, 1, 1, 40'000, 40'000})
    wanted.emplace_back(size, static_cast<uint8_t>(wanted.size()));
  for (size_t i = 0; i < 150; ++i)
    wanted.emplace_back(1316, static_cast<uint8_t>(i));  // more than one call takes
  for (const auto& datagram : wanted)
    output->play({.payload = datagram, .format = PacketFormat::kOpaque, .sequence = 1, .due_ns = 0});
  output->flush();
  for (const auto& datagram : wanted) ASSERT_EQ(listener.next(), datagram);
  EXPECT_EQ(counters.get(OutputCounter::kDropped), 0u);
  EXPECT_EQ(counters.get(OutputCounter::kUnfit), 0u);
  const timeval at_once{0, 1};
  setsockopt(listener.fd.get(), SOL_SOCKET, SO_RCVTIMEO, &at_once, sizeof at_once);
  output->flush();
  EXPECT_TRUE(listener.next().empty()) << "something was sent twice";
}

TEST_F(OutputTest, FilesGetTheBytesInARow) {
  const KeyDirectory directory;
  OutputTarget target;
  target.kind = OutputTarget::Kind::kFile;
  target.path = directory / "out.ts";
  const auto output = open_output(target, counters);
  play(*output, PacketFormat::kMpegTs, ts);
  play(*output, PacketFormat::kRtp, rtp_of(ts));
  play(*output, PacketFormat::kOpaque, opaque);
  output->finish();
  std::ifstream file(target.path, std::ios::binary);
  const std::vector<uint8_t> got{std::istreambuf_iterator<char>(file), {}};
  std::vector<uint8_t> wanted = ts;
  wanted.insert(wanted.end(), ts.begin(), ts.end());
  wanted.insert(wanted.end(), opaque.begin(), opaque.end());
  EXPECT_EQ(got, wanted);
  target.path = directory / "missing/out.ts";
  EXPECT_THROW(open_output(target, counters), Error);
}

TEST(DatagramBatch, ReadsManyAtOnceWithSourceAndTime) {
  Listener listener;
  const int on = 1;
  setsockopt(listener.fd.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  const FileDescriptor from(socket(AF_INET, SOCK_DGRAM, 0));
  for (uint8_t i = 0; i < 40; ++i)
    EXPECT_TRUE(send_datagram(from.get(), INADDR_LOOPBACK, listener.port, std::vector<uint8_t>(i, i)));
  EXPECT_TRUE(send_datagram(from.get(), INADDR_LOOPBACK, listener.port, std::vector<uint8_t>(60'000, 7)));
  DatagramBatch batch;
  uint32_t drops = 0;
  size_t seen = 0;
  for (;;) {
    const TimeNs now = monotonic_now();
    const auto datagrams = batch.read(listener.fd.get(), now, now - realtime_now(), drops);
    for (const auto& d : datagrams) {
      EXPECT_EQ(d.bytes.size(), seen < 40 ? seen : 60'000);
      EXPECT_EQ(d.source, uint32_t{INADDR_LOOPBACK});
      EXPECT_LE(d.arrived_ns, now);
      EXPECT_GE(d.arrived_ns, now - kNsPerSecond);
      ++seen;
    }
    if (datagrams.size() < DatagramBatch::kSize) break;
  }
  EXPECT_EQ(seen, 41u);
  EXPECT_EQ(drops, 0u);
}

TEST(DatagramBatch, TellsApartWhatTheKernelPutTogether) {
  Listener listener;
  const int on = 1;
  setsockopt(listener.fd.get(), SOL_UDP, UDP_GRO, &on, sizeof on);
  const FileDescriptor from(socket(AF_INET, SOCK_DGRAM, 0));
  std::vector<uint8_t> datagrams(3 * 1000 + 300);
  ASSERT_TRUE(send_segments(from.get(), INADDR_LOOPBACK, listener.port, datagrams, 1000));
  ASSERT_TRUE(send_datagram(from.get(), INADDR_LOOPBACK, listener.port, {}));
  DatagramBatch batch;
  uint32_t drops = 0;
  std::vector<size_t> sizes;
  for (const auto& d : batch.read(listener.fd.get(), monotonic_now(), 0, drops))
    for (size_t at = 0; at == 0 || at < d.bytes.size(); at += d.segment)
      sizes.push_back(std::min(d.segment, d.bytes.size() - at));
  EXPECT_EQ(sizes, (std::vector<size_t>{1000, 1000, 1000, 300, 0}));
}

}  // namespace
}  // namespace linecast::app
