// A lane under a storm of replacement requests, most of them for what was asked for already: how many it
// takes, and how long live packets wait beside it. `scripts/bench lane` prints it.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cstring>
#include <deque>

#include "bench/delays.h"
#include "lib/smart/trailer.h"
#include "tests/vdev/lane_bed.h"

namespace linecast {
namespace {

constexpr size_t kTsPackets = 7;
constexpr uint32_t kWindow = 4096;
constexpr Ipv4 kFirstReceiver = 0x0a020001;

// Requests of many receivers, each of its own address, for the channel's newest packets.
class Storm {
 public:
  Storm(LaneBed& bed, size_t receivers, bool encrypted) : bed_(bed) {
    const crypto::CmacKey up(manager_, crypto::derive_up_key(bed.group_key(), bed.channel_id(0)));
    for (size_t i = 0; encrypted && i < receivers; ++i)
      keys_.push_back(crypto::receiver_key(manager_, up, i));
    smart::Replacement message;
    message.group = LaneBed::output_group(0);
    message.list.count = 1;
    std::array<uint8_t, kDatagramSize + smart::kCmacTrailerSize> datagram{};
    smart::encode(message, datagram);
    for (size_t i = 0; i < receivers; ++i) {
      net::UdpFlow flow;
      flow.source = kFirstReceiver + static_cast<Ipv4>(i);
      flow.destination = LaneBed::kOutAddress;
      flow.source_port = flow.destination_port = smart::kDefaultPort;
      frames_.push_back(udp_frame(flow, Bytes(datagram).first(encrypted ? datagram.size() : kDatagramSize)));
    }
  }

  // The next receiver asks for `sequence`, which is the newest that it has opened.
  drivers::Packet* next(uint64_t sequence) {
    const size_t receiver = at_++ % frames_.size();
    std::vector<uint8_t>& frame = frames_[receiver];
    const MutableBytes datagram = MutableBytes(frame).subspan(net::kUdpFrameOverhead);
    store_be16(&datagram[kSequenceAt], static_cast<uint16_t>(sequence));
    if (!keys_.empty())
      smart::append_cmac_trailer(manager_, keys_[receiver], {receiver, bed_.group_key().id, sequence}, 1,
                                 datagram, kDatagramSize);
    drivers::Packet* packet = bed_.receive_pool().take();
    packet->data_len = static_cast<uint16_t>(frame.size());
    packet->pkt_len = packet->data_len;
    std::memcpy(drivers::data(packet), frame.data(), frame.size());
    drivers::mark_checksums_good(packet);
    return packet;
  }

 private:
  static constexpr size_t kSequenceAt = 8, kDatagramSize = 12;

  LaneBed& bed_;
  crypto::Manager manager_;
  std::vector<crypto::CmacKey> keys_;  // by receiver; none on a clear channel
  std::vector<std::vector<uint8_t>> frames_;
  size_t at_ = 0;
};

BedOptions storm_options(bool encrypted) {
  BedOptions options;
  options.window_packets = kWindow;
  options.encrypted = encrypted;
  options.offloads = {.ip_checksum = true, .udp_checksum = true, .segments = true};
  options.discard_output = true;
  options.request_interface = 0;
  return options;
}

drivers::Packet* live_packet(LaneBed& bed, const std::vector<uint8_t>& frame) {
  drivers::Packet* packet = bed.receive_pool().take();
  packet->data_len = static_cast<uint16_t>(frame.size());
  packet->pkt_len = packet->data_len;
  std::memcpy(drivers::data(packet), frame.data(), frame.size());
  drivers::mark_checksums_good(packet);
  return packet;
}

double seconds(uint64_t cycles) {
  return static_cast<double>(cycles) / static_cast<double>(drivers::cycles_per_second());
}

// Every burst brings one live packet and 31 requests for the one before it: one is answered, 30 are not.
void run_storm(benchmark::State& state, bool encrypted, size_t receivers) {
  LaneBed bed(storm_options(encrypted));
  Storm storm(bed, receivers, encrypted);
  const std::vector<uint8_t> feed = feed_frame(0, ts_payload(kTsPackets, 1));
  const drivers::Clock clock;
  uint64_t turns = 0;
  const auto turn = [&] {
    const uint64_t newest = bed.channel(0).next_sequence() - 1;
    bed.in_memory().in.push(live_packet(bed, feed));
    for (unsigned k = 1; k < app::kBurst; ++k) bed.in_memory().in.push(storm.next(newest));
    const TimeNs now = clock.now();
    const uint64_t begin = drivers::cycles();
    bed.lane().poll(now);
    ++turns;
    return drivers::cycles() - begin;
  };
  for (uint32_t k = 0; k < kWindow; ++k) turn();
  std::vector<uint64_t> spent;
  for (auto _ : state) {
    spent.push_back(turn());
    state.SetIterationTime(seconds(spent.back()));
  }
  using app::ChannelCounter;
  if (bed.count(0, ChannelCounter::kPacketsSent) != turns || bed.count(0, ChannelCounter::kTransmitFull) != 0)
    state.SkipWithError("the lane dropped live packets");
  // All but those of the first turn, whose packet was not sent yet.
  const uint64_t repeated = bed.count(0, ChannelCounter::kRequestRepeated);
  if (bed.count(0, ChannelCounter::kRepairsSent) < turns - 1 || repeated < (turns - 1) * (app::kBurst - 2))
    state.SkipWithError("the lane refused requests");
  // Of the median turn: one in which the machine did something else is not the lane's.
  std::nth_element(spent.begin(), spent.begin() + static_cast<ptrdiff_t>(spent.size() / 2), spent.end());
  const uint64_t median = spent[spent.size() / 2];
  state.counters["mrps"] = (app::kBurst - 1) / seconds(median) / 1e6;
  state.counters["cycles_per_request"] = static_cast<double>(median) / (app::kBurst - 1);
}

// How often this thread was taken off its core.
long switches() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw + usage.ru_nvcsw;
}

// What live packets wait, from their arrival to the call that transmits them, where packets arrive by a clock
// that stands still but while the lane works or has nothing to do: so the time that the benchmark itself
// takes to bring them counts nowhere. Nor do turns in which the thread was taken off its core: a lane has its
// own.
class LiveDelay {
 public:
  explicit LiveDelay(LaneBed& bed)
      : bed_(bed),
        feed_(feed_frame(0, ts_payload(kTsPackets, 1))),
        hook_(bed.port(1), 0, [this](drivers::Packet* const* packets, unsigned count) {
          const TimeNs now = time_ + elapsed();
          for (unsigned k = 0; k < count; ++k)
            if (is_live(packets[k]) && !arrivals_.empty()) {
              of_turn_.push_back(now - arrivals_.front());
              arrivals_.pop_front();
            }
        }) {}

  // `live` and `requests` packets a second, each at even distances; `fresh`: of so many requests one asks for
  // what none has asked for, the others for what the last one did.
  void run(Storm& storm, double live, double requests, unsigned fresh, TimeNs length) {
    const auto live_ns = static_cast<TimeNs>(kNsPerSecond / live);
    const auto request_ns = requests > 0 ? static_cast<TimeNs>(kNsPerSecond / requests) : kNever;
    TimeNs next_live = time_, next_request = requests > 0 ? time_ : kNever;
    const TimeNs end = time_ + length;
    uint64_t asked = 0, wanted = 0;
    while (time_ < end) {
      // What has arrived, in its order.
      while (std::min(next_live, next_request) <= time_) {
        if (bed_.receive_pool().available() == 0) {
          ++overflow_;
          break;
        }
        if (next_live <= next_request) {
          push(live_packet(bed_, feed_));
          arrivals_.push_back(next_live);
          next_live += live_ns;
        } else {
          const uint64_t newest = bed_.channel(0).next_sequence() - 1;
          if (asked++ % fresh == 0) wanted = std::max(wanted + 1, newest - std::min<uint64_t>(newest, 500));
          push(storm.next(std::clamp<uint64_t>(wanted, 1, newest)));
          next_request += request_ns;
        }
      }
      const long before = switches();
      of_turn_.clear();
      begin_ = drivers::cycles();
      bed_.lane().poll(time_);
      const TimeNs spent = elapsed();
      if (switches() == before) {
        for (const TimeNs delay : of_turn_) delays_.add(delay);
        longest_ns_ = std::max(longest_ns_, spent);
        time_ += spent;
      }
      // An idle lane polls on.
      if (pushed_ == bed_.count(app::LaneCounter::kReceived))
        time_ = std::max(time_, std::min({next_live, next_request, time_ + kNsPerUs}));
    }
  }

  void clear() {
    delays_.clear();
    overflow_ = 0;
    longest_ns_ = 0;
  }
  const bench::Delays& delays() const { return delays_; }
  uint64_t overflow() const { return overflow_; }
  double longest_turn_us() const { return static_cast<double>(longest_ns_) / 1e3; }

 private:
  static bool is_live(const drivers::Packet* packet) {
    smart::CommonHeader header;
    const Bytes payload(drivers::payload_bytes(packet), smart::kCommonHeaderSize);
    header.type = static_cast<smart::PacketType>(payload[1] >> 6);
    return header.type == smart::PacketType::kData &&
           static_cast<smart::DataCommand>(payload[1] >> 4 & 3) == smart::DataCommand::kOriginal;
  }
  TimeNs elapsed() const { return static_cast<TimeNs>(seconds(drivers::cycles() - begin_) * kNsPerSecond); }
  void push(drivers::Packet* packet) {
    if (bed_.in_memory().in.push(packet)) {
      ++pushed_;
      return;
    }
    drivers::release(packet);
    ++overflow_;
  }

  LaneBed& bed_;
  std::vector<uint8_t> feed_;
  drivers::TransmitHook hook_;
  std::vector<TimeNs> of_turn_;  // delays
  std::deque<TimeNs> arrivals_;  // of live packets that the lane has not sent yet
  TimeNs time_ = kNsPerSecond;
  uint64_t begin_ = 0;
  bench::Delays delays_;
  uint64_t pushed_ = 0, overflow_ = 0;
  TimeNs longest_ns_ = 0;
};

constexpr double kLiveRate = 100'000;     // packets a second: 1 Gbit/s
constexpr double kStormRate = 2'000'000;  // requests a second

void run_delay(benchmark::State& state, bool encrypted, double requests, unsigned fresh) {
  LaneBed bed(storm_options(encrypted));
  Storm storm(bed, 1000, encrypted);
  LiveDelay delay(bed);
  delay.run(storm, kLiveRate, requests, fresh, 50 * kNsPerMs);
  delay.clear();
  const uint64_t sent = bed.count(0, app::ChannelCounter::kPacketsSent);
  for (auto _ : state) {
    delay.run(storm, kLiveRate, requests, fresh, 100 * kNsPerMs);
    state.SetIterationTime(0.1);
  }
  if (delay.overflow() != 0 || bed.count(0, app::ChannelCounter::kTransmitFull) != 0)
    state.SkipWithError("packets were dropped");
  const bench::Delays& delays = delay.delays();
  if (bed.count(0, app::ChannelCounter::kPacketsSent) - sent + app::kBurst < delays.samples())
    state.SkipWithError("live packets were lost");
  state.counters["p50_us"] = delays.quantile_us(0.5);
  state.counters["p99_us"] = delays.quantile_us(0.99);
  state.counters["p999_us"] = delays.quantile_us(0.999);
  state.counters["most_us"] = delays.most_us();
  state.counters["longest_turn_us"] = delay.longest_turn_us();
  state.counters["repairs_per_live"] = static_cast<double>(bed.count(0, app::ChannelCounter::kRepairsSent)) /
                                       static_cast<double>(bed.count(0, app::ChannelCounter::kPacketsSent));
  // The histogram: the share of live packets in each bucket, by its upper end. All of them, so that
  // repetitions have the same counters.
  for (size_t i = 0; i < bench::Delays::kOctaves; ++i)
    state.counters["below_" + std::to_string(bench::Delays::octave_end_ns(i)) + "_ns"] = delays.share(i);
}

BENCHMARK_CAPTURE(run_storm, clear, false, 1000)->Name("requests/clear")->UseManualTime();
BENCHMARK_CAPTURE(run_storm, cmac, true, 100)->Name("requests/cmac/100_receivers")->UseManualTime();
BENCHMARK_CAPTURE(run_storm, cmac_many, true, 10'000)->Name("requests/cmac/10000_receivers")->UseManualTime();
BENCHMARK_CAPTURE(run_delay, quiet, true, 0, 1)->Name("live_delay/no_requests")->UseManualTime();
BENCHMARK_CAPTURE(run_delay, storm, true, kStormRate, 100)->Name("live_delay/storm")->UseManualTime();
BENCHMARK_CAPTURE(run_delay, losses, true, 25'000, 1)->Name("live_delay/repairs")->UseManualTime();

}  // namespace
}  // namespace linecast
