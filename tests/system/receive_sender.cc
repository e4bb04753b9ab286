// Sends channels as a headend would, by ordinary sockets: sealed, announced, with heartbeats, dropping some
// of what it sends, and answering requests. The peer of the receiver's system tests; each channel carries the
// same.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <fstream>

#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/crypto/key_file.h"
#include "tests/packets/smart_sender.h"

namespace {

using namespace linecast;
using packets::Datagram;
using packets::SmartSender;

struct Options {
  std::string group, source, key, signing_key, fed, format = "ts", name = "test";
  unsigned channels = 1, packets = 3000, packets_a_second = 1000;
  double loss = 0.1;
};

TimeNs monotonic_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * kNsPerSecond + t.tv_nsec;
}

sockaddr_in address_of(Ipv4 address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(smart::kDefaultPort);
  out.sin_addr.s_addr = htonl(address);
  return out;
}

class Sender {
 public:
  explicit Sender(const Options& options) : o_(options), fed_(options.fed, std::ios::binary) {
    socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    const in_addr interface { htonl(parse_ipv4(o_.source).value()) };
    const sockaddr_in at = address_of(parse_ipv4(o_.source).value());
    const int buffer = 4 << 20;
    setsockopt(socket_, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    setsockopt(socket_, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface);
    if (bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) throw CLI::RuntimeError(1);
    for (unsigned i = 0; i < o_.channels; ++i) senders_.push_back(make_sender(i));
  }
  ~Sender() { close(socket_); }

  void run() {
    const TimeNs begin = monotonic_now() + 300 * kNsPerMs;  // announcements and heartbeats come first
    const TimeNs interval = kNsPerSecond / o_.packets_a_second;
    const TimeNs end = begin + o_.packets * interval + 1500 * kNsPerMs;
    TimeNs announce_at = 0, status_at = 0, heartbeat_at = 0;
    unsigned sent = 0;
    for (TimeNs now = monotonic_now(); now < end; now = monotonic_now()) {
      for (; sent < o_.packets && now >= begin + sent * interval; ++sent) {
        send_data();
        heartbeat_at = now + 20 * kNsPerMs;
      }
      for (auto& sender : senders_) {
        if (now >= announce_at && sender->o.encrypted) transmit(*sender, sender->announce());
        if (now >= status_at) transmit(*sender, sender->status(20));
        if (now >= heartbeat_at) transmit(*sender, sender->heartbeat());
      }
      if (now >= announce_at) announce_at = now + 100 * kNsPerMs;
      if (now >= status_at) status_at = now + kNsPerSecond;
      if (now >= heartbeat_at) heartbeat_at = now + 40 * kNsPerMs;
      answer();
      usleep(500);
    }
    fmt::print("dropped {} of {} originals\n", dropped_originals_, o_.packets * o_.channels);
  }

 private:
  std::unique_ptr<SmartSender> make_sender(unsigned index) {
    SmartSender::Options options;
    options.group = parse_ipv4(o_.group).value() + index;
    options.channel_id =
        crypto::channel_id_from_name(o_.channels == 1 ? o_.name : fmt::format("{}{}", o_.name, index));
    options.encrypted = !o_.key.empty();
    options.format = o_.format == "ts"    ? smart::PacketFormat::kMpegTs
                     : o_.format == "rtp" ? smart::PacketFormat::kRtp
                                          : smart::PacketFormat::kOpaque;
    if (options.encrypted) {
      options.group_key = crypto::read_group_key(o_.key);
      std::copy_n(crypto::read_key_file(o_.signing_key).bytes.begin(), 32, options.signing_seed.begin());
    }
    return std::make_unique<SmartSender>(options);
  }

  // 1 to 7 MPEG-TS packets, or as many bytes of anything.
  void send_data() {
    Datagram bytes(188 * (1 + random_.below(7)));
    for (size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = i % 188 == 0 ? 0x47 : static_cast<uint8_t>(random_.next());
    fed_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    fed_.flush();
    if (o_.format == "rtp") {
      std::array<uint8_t, 12> header{0x80, 33};
      store_be16(&header[2], rtp_number_++);
      bytes.insert(bytes.begin(), header.begin(), header.end());
    }
    for (auto& sender : senders_) transmit(*sender, sender->data(bytes));
  }

  void transmit(const SmartSender& sender, const Datagram& packet) {
    if (random_.unit() < o_.loss) {
      dropped_originals_ += packet[1] == 0;
      return;
    }
    const sockaddr_in to = address_of(sender.o.group);
    sendto(socket_, packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }

  void answer() {
    std::array<uint8_t, 2048> request;
    for (ssize_t size; (size = recv(socket_, request.data(), request.size(), 0)) > 0;) {
      const Bytes datagram(request.data(), static_cast<size_t>(size));
      smart::Split split;
      smart::Replacement asked;
      if (smart::split_message(datagram, split) != smart::WireFault::kNone ||
          split.header.type != smart::PacketType::kReplacement || !smart::decode(split.body, asked))
        continue;
      for (auto& sender : senders_) {
        if (sender->o.group != asked.group) continue;
        bool ok = false;
        for (const Datagram& repair : sender->answer(datagram, ok)) transmit(*sender, repair);
        if (!ok) fmt::print(stderr, "refused a request\n");
      }
    }
  }

  const Options o_;
  std::ofstream fed_;
  int socket_;
  std::vector<std::unique_ptr<SmartSender>> senders_;
  Random random_{11};
  uint16_t rtp_number_ = 65'000;
  size_t dropped_originals_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app;
  app.add_option("--group", options.group, "of the first channel")->required();
  app.add_option("--from", options.source, "own address")->required();
  app.add_option("--name", options.name, "channel name; with several channels their number is appended");
  app.add_option("--channels", options.channels);
  app.add_option("--key", options.key, "none: clear");
  app.add_option("--signing-key", options.signing_key);
  app.add_option("--format", options.format);
  app.add_option("--packets", options.packets);
  app.add_option("--packets-a-second", options.packets_a_second);
  app.add_option("--loss", options.loss);
  app.add_option("--fed", options.fed, "file for what a receiver should play")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    Sender(options).run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
