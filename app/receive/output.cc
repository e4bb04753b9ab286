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

// Datagrams of one size that are played together leave by one call.
class DatagramOutput : public Output {
 public:
  DatagramOutput(const OutputTarget& target, OutputCounters& counters)
      : Output(counters), target_(target), socket_(open_output_socket(target)) {}

  void flush() override {
    const Bytes gathered = Bytes(gathered_).first(size_);
    if (count_ > 1 && segments_ &&
        send_segments(socket_.get(), target_.address, target_.port, gathered, segment_)) {
      count_ = 0;
    } else if (count_ > 1 && errno != EAGAIN && errno != ENOBUFS) {
      segments_ = false;  // the kernel, the interface or the MTU forbids it
    }
    for (size_t i = 0; i < count_; ++i) {
      const Bytes rest = gathered.subspan(i * segment_);
      if (!send_datagram(socket_.get(), target_.address, target_.port,
                         rest.first(std::min(segment_, rest.size()))))
        counters_.add(OutputCounter::kDropped);
    }
    count_ = size_ = 0;
  }

 protected:
  void send(Bytes header, Bytes payload) {
    const size_t size = header.size() + payload.size();
    if (size == 0 || size > gathered_.size()) return counters_.add(OutputCounter::kUnfit);
    const bool fits = size <= segment_ && size_ == count_ * segment_ && count_ < kMostSegments &&
                      size <= gathered_.size() - size_;
    if (!fits) flush();
    if (count_ == 0) segment_ = size;
    std::copy(header.begin(), header.end(), gathered_.begin() + static_cast<ptrdiff_t>(size_));
    std::copy(payload.begin(), payload.end(),
              gathered_.begin() + static_cast<ptrdiff_t>(size_ + header.size()));
    size_ += size;
    ++count_;
  }

 private:
  const OutputTarget target_;
  const FileDescriptor socket_;
  std::array<uint8_t, 65507> gathered_;  // the most that a datagram holds
  size_t size_ = 0;                      // bytes in it
  size_t count_ = 0;                     // datagrams, all of them of segment_ bytes but the last
  size_t segment_ = 0;
  bool segments_ = true;
};

class UdpOutput : public DatagramOutput {
 public:
  using DatagramOutput::DatagramOutput;
  void play(const PlayedPacket& packet) override { send({}, without_rtp(packet)); }
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
    if (packet.format == PacketFormat::kRtp) return send({}, packet.payload);
    if (packet.format != PacketFormat::kMpegTs || packet.payload.size() > kMostPayload)
      return counters_.add(OutputCounter::kUnfit);
    std::array<uint8_t, kHeaderSize> header;
    ByteWriter out(header);
    out.u8(2 << 6);
    out.u8(kMpegTsPayloadType);
    out.u16(sequence_++);
    out.u32(timestamp_base_ + static_cast<uint32_t>(packet.due_ns / 1000 * 9 / 100));  // 90 kHz
    out.u32(ssrc_);
    send(header, packet.payload);
  }

 private:
  static constexpr size_t kHeaderSize = 12;
  static constexpr size_t kMostPayload = 65507 - kHeaderSize;
  static constexpr uint8_t kMpegTsPayloadType = 33;  // RFC 3551

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
