// Feeds a numbered MPEG-TS stream at a steady rate, and checks what came out at the other end bit for bit:
// `scripts/bench reliability` puts a sender, a lossy network and a receiver in between.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "app/receive/clock.h"
#include "lib/base/bytes.h"
#include "lib/base/random.h"

namespace {

using namespace linecast;  // NOLINT(google-build-using-namespace)

constexpr size_t kTsPacket = 188;
constexpr size_t kTsHeader = 4;
constexpr size_t kTsPackets = 7;

constexpr int kBufferBytes = 4 << 20;

using Payload = std::array<uint8_t, kTsPackets * kTsPacket>;

// The datagram of that number: seven TS packets of one PID, the number (big-endian) behind the first header,
// and all other bytes random but made from the number.
void write_payload(uint64_t number, Payload& out) {
  Random random(number);
  for (size_t i = 0; i < kTsPackets; ++i) {
    uint8_t* at = out.data() + i * kTsPacket;
    const auto counter = static_cast<uint8_t>((number * kTsPackets + i) & 15);
    const std::array<uint8_t, kTsHeader> header = {0x47, 0x01, 0x00, static_cast<uint8_t>(0x10 | counter)};
    std::memcpy(at, header.data(), header.size());
    for (size_t byte = kTsHeader; byte < kTsPacket; byte += sizeof(uint64_t)) {
      const uint64_t word = random.next();
      std::memcpy(at + byte, &word, sizeof word);
    }
  }
  store_be64(out.data() + kTsHeader, number);
}

int open_udp(int buffer) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::runtime_error(std::strerror(errno));
  // Beyond net.core.rmem_max where this is allowed.
  const int size = kBufferBytes;
  if (setsockopt(fd, SOL_SOCKET, buffer == SO_RCVBUF ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, &size, sizeof size) !=
      0)
    setsockopt(fd, SOL_SOCKET, buffer, &size, sizeof size);
  return fd;
}

sockaddr_in address_of(const std::string& address, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  if (inet_pton(AF_INET, address.c_str(), &out.sin_addr) != 1)
    throw std::runtime_error(address + " is no IPv4 address");
  return out;
}

struct Options {
  std::string address = "127.0.0.1";
  uint16_t port = 0;
  uint64_t first = 0, packets = 0, packets_a_second = 0;
};

void send_stream(const Options& o) {
  prctl(PR_SET_TIMERSLACK, 1UL);  // ns; the default of 50 us is half the spacing at 10,000 packets a second
  const int fd = open_udp(SO_SNDBUF);
  const sockaddr_in to = address_of(o.address, o.port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error(o.address + ": " + std::strerror(errno));
  TimeNs latest_ns = 0;
  uint64_t refused = 0;
  Payload payload;
  const TimeNs begin = app::monotonic_now();
  for (uint64_t number = 0; number < o.packets; ++number) {
    write_payload(number, payload);
    const TimeNs at = begin + static_cast<TimeNs>(number * kNsPerSecond / o.packets_a_second);
    const timespec until = {at / kNsPerSecond, at % kNsPerSecond};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
    }
    latest_ns = std::max(latest_ns, app::monotonic_now() - at);
    if (send(fd, payload.data(), payload.size(), MSG_NOSIGNAL) < 0) ++refused;
  }
  close(fd);
  fmt::print("{{\"sent\": {}, \"refused\": {}, \"latest_ms\": {:.1f}}}\n", o.packets - refused, refused,
             static_cast<double>(latest_ns) / kNsPerMs);
}

volatile std::sig_atomic_t stopped = 0;

// Until SIGTERM. Of the numbers that count each is to come once and unaltered.
void check_stream(const Options& o) {
  const int fd = open_udp(SO_RCVBUF);
  const sockaddr_in at = address_of(o.address, o.port);
  const timeval patience = {0, 100'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    throw std::runtime_error(std::strerror(errno));
  struct sigaction action {};
  action.sa_handler = [](int) { stopped = 1; };
  sigaction(SIGTERM, &action, nullptr);

  std::vector<bool> seen(o.packets);
  uint64_t received = 0, others = 0, twice = 0, altered = 0, out_of_order = 0, first_out_of_order = 0,
           end = 0;
  std::array<uint8_t, 65536> datagram;
  Payload expected;
  while (!stopped) {
    const ssize_t size = recv(fd, datagram.data(), datagram.size(), 0);
    if (size < 0) continue;  // the time is up, or a signal
    const uint64_t number = load_be64(datagram.data() + kTsHeader);
    write_payload(number, expected);
    if (static_cast<size_t>(size) != expected.size() ||
        std::memcmp(datagram.data(), expected.data(), expected.size()) != 0) {
      ++altered;
      continue;
    }
    if (number < end && out_of_order++ == 0) first_out_of_order = number;
    end = std::max(end, number + 1);
    if (number < o.first || number - o.first >= o.packets) {
      ++others;
    } else if (seen[number - o.first]) {
      ++twice;
    } else {
      seen[number - o.first] = true;
      ++received;
    }
  }
  close(fd);
  const auto first = std::find(seen.begin(), seen.end(), false);
  const auto last = std::find(seen.rbegin(), seen.rend(), false);
  // Whether they were lost at one moment or all along; null where none is missing.
  const std::string missing =
      first == seen.end() ? "null"
                          : fmt::format("[{}, {}]", o.first + static_cast<size_t>(first - seen.begin()),
                                        o.first + static_cast<size_t>(seen.rend() - last) - 1);
  fmt::print(
      "{{\"received\": {}, \"others\": {}, \"twice\": {}, \"altered\": {}, \"out_of_order\": {}, "
      "\"first_out_of_order\": {}, \"missing_from_to\": {}}}\n",
      received, others, twice, altered, out_of_order, first_out_of_order, missing);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Feeds a numbered MPEG-TS stream, or checks it at the other end; prints JSON."};
  app.require_subcommand(1);
  Options options;
  CLI::App* send = app.add_subcommand("send", "send the numbers from 0 to ADDRESS:PORT");
  CLI::App* check = app.add_subcommand("check", "take what comes to 127.0.0.1:PORT, until SIGTERM");
  for (CLI::App* command : {send, check}) {
    command->add_option("--port", options.port)->required();
    command->add_option("--packets", options.packets, "so many")->required();
  }
  send->add_option("--address", options.address)->required();
  send->add_option("--rate", options.packets_a_second, "packets a second")
      ->required()
      ->check(CLI::PositiveNumber);
  check->add_option("--first", options.first, "the first number that counts")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    send->parsed() ? send_stream(options) : check_stream(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "numbered_stream: {}\n", error.what());
    return 1;
  }
  return 0;
}
