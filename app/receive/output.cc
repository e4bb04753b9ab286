#include "app/receive/output.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "app/receive/sockets.h"
#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/crypto/derive.h"
#include "lib/media/payload.h"

namespace linecast::app {
namespace {

using smart::PacketFormat;
using smart::PlayedPacket;

constexpr int kFinishSeconds = 5;

// What is in the packet without RTP; empty where it is no sound RTP.
Bytes without_rtp(const PlayedPacket& packet) {
  return packet.format == PacketFormat::kRtp ? media::rtp_payload(packet.payload) : packet.payload;
}

class StreamOutput : public Output {
 public:
  StreamOutput(int fd, const std::string& name, OutputCounters& counters)
      : Output(counters), writer_(fd, name) {}

  void play(const PlayedPacket& packet) override {
    const Bytes bytes = without_rtp(packet);
    if (bytes.empty())
      counters_.add(OutputCounter::kUnfit);
    else if (!writer_.write(bytes))
      counters_.add(OutputCounter::kDropped);
  }
  void finish() override { writer_.finish(kFinishSeconds); }
  StreamWriter::State state() const override { return writer_.state(); }
  std::string failure() const override { return writer_.failure(); }

 private:
  StreamWriter writer_;
};

class DatagramOutput : public Output {
 public:
  DatagramOutput(const OutputTarget& target, OutputCounters& counters)
      : Output(counters), target_(target), socket_(open_output_socket(target)) {}

 protected:
  void send(Bytes datagram) {
    if (datagram.empty())
      counters_.add(OutputCounter::kUnfit);
    else if (!send_datagram(socket_.get(), target_.address, target_.port, datagram))
      counters_.add(OutputCounter::kDropped);
  }

 private:
  const OutputTarget target_;
  const FileDescriptor socket_;
};

class UdpOutput : public DatagramOutput {
 public:
  using DatagramOutput::DatagramOutput;
  void play(const PlayedPacket& packet) override { send(without_rtp(packet)); }
};

// RTP passes through as it came; MPEG-TS gets a header (RFC 3550, RFC 2250).
class RtpOutput : public DatagramOutput {
 public:
  RtpOutput(const OutputTarget& target, OutputCounters& counters) : DatagramOutput(target, counters) {
    std::array<uint8_t, 10> random;
    crypto::random_bytes(random);
    sequence_ = load_be16(random.data());
    timestamp_base_ = load_be32(&random[2]);
    ssrc_ = load_be32(&random[6]);
  }

  void play(const PlayedPacket& packet) override {
    if (packet.format == PacketFormat::kRtp) return send(packet.payload);
    if (packet.format != PacketFormat::kMpegTs || packet.payload.size() > kMostPayload)
      return counters_.add(OutputCounter::kUnfit);
    datagram_.resize(kHeaderSize + packet.payload.size());
    ByteWriter out(datagram_);
    out.u8(2 << 6);
    out.u8(kMpegTsPayloadType);
    out.u16(sequence_++);
    out.u32(timestamp_base_ + static_cast<uint32_t>(packet.due_ns / 1000 * 9 / 100));  // 90 kHz
    out.u32(ssrc_);
    out.bytes(packet.payload);
    send(datagram_);
  }

 private:
  static constexpr size_t kHeaderSize = 12;
  static constexpr size_t kMostPayload = 65507 - kHeaderSize;
  static constexpr uint8_t kMpegTsPayloadType = 33;  // RFC 3551

  std::vector<uint8_t> datagram_;
  uint16_t sequence_;
  uint32_t timestamp_base_;
  uint32_t ssrc_;
};

int open_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 && errno == ENOENT)
    throw Error(fmt::format("cannot write to {}: its directory does not exist: run: mkdir -p {}", path,
                            shell_quoted(directory_of(path))));
  if (fd < 0) throw Error(fmt::format("cannot write to {}: {}", path, std::strerror(errno)));
  return fd;
}

int copy_of_stdout() {
  const int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (fd < 0) throw Error(fmt::format("standard output is not open: {}", std::strerror(errno)));
  return fd;
}

}  // namespace

std::unique_ptr<Output> open_output(const OutputTarget& target, OutputCounters& counters) {
  switch (target.kind) {
    case OutputTarget::Kind::kUdp:
      return std::make_unique<UdpOutput>(target, counters);
    case OutputTarget::Kind::kRtp:
      return std::make_unique<RtpOutput>(target, counters);
    case OutputTarget::Kind::kFile:
      return std::make_unique<StreamOutput>(open_file(target.path), target.path, counters);
    case OutputTarget::Kind::kStandardOutput:
      break;
  }
  return std::make_unique<StreamOutput>(copy_of_stdout(), "standard output", counters);
}

}  // namespace linecast::app
