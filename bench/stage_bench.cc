// What each step of a lane costs: the first steps, then one more each time, with the classes that the lane
// itself calls, over the same memory. A step's cost is what it adds; processors work on several at once, so a
// step by itself would seem dearer. `scripts/bench lane` prints the differences.
#include "bench/ingest.h"
#include "lib/media/payload.h"

namespace linecast::bench {
namespace {

enum Step : int { kReceive = 1, kParse, kLookUp, kCheck, kKeep, kSeal, kHeaders, kTransmit, kChecksum };

struct Channel {
  Channel(crypto::Manager& manager, const crypto::GroupKey& key, size_t index, drivers::Pool& frames)
      : epoch(manager, key, {}, {static_cast<uint8_t>(index), static_cast<uint8_t>(index >> 8)}, 1, 1),
        sealer(1, 1, &epoch),
        ring(frames, kWindow, drivers::any_numa_node()),
        cap(100'000'000'000 / 8, 100'000'000'000 / 8) {
    net::UdpFlow flow;
    flow.source = LaneBed::kOutAddress;
    flow.destination = LaneBed::output_group(index);
    flow.source_port = flow.destination_port = smart::kDefaultPort;
    header = net::UdpTemplate(flow);
  }

  smart::EpochKey epoch;
  smart::StreamSealer sealer;
  drivers::FrameRing ring;
  net::UdpTemplate header;
  TokenBucket cap;
  uint16_t ip_id = 0;
};

class Steps {
 public:
  explicit Steps(int last)
      : last_(last),
        frames_("stages", kKeptFrames + 1023, drivers::frame_room(LaneBed::kMtu), drivers::any_numa_node()),
        receive_("stages_in", 4095, drivers::receive_room(LaneBed::kMtu), drivers::any_numa_node()),
        in_memory_("stages" + std::to_string(made_++)),
        in_({.name = "in", .device = in_memory_.name()}, receive_),
        out_({.name = "out", .device = drivers::make_null_port()}, receive_),
        ingest_(receive_, kChannels) {
    crypto::GroupKey key;
    key.cipher = crypto::Cipher::kAes128Gcm;
    for (size_t i = 0; i < kChannels; ++i) {
      channels_.push_back(std::make_unique<Channel>(manager_, key, i, frames_));
      flows_.insert({0, LaneBed::source_group(i), LaneBed::kSourcePort, 0}, static_cast<uint32_t>(i));
    }
    for (size_t i = 0; i < kKeptFrames / app::kBurst; ++i) turn();
  }

  // A burst through all steps up to the last; the cycles that it took.
  uint64_t turn() {
    std::array<uint32_t, app::kBurst> order;  // without a look-up, the channels are told
    for (uint32_t& channel : order) {
      const Ingest::Item& item = ingest_.take();
      in_memory_.in.push(item.packet);
      channel = item.channel;
    }
    const TimeNs now = clock_.now();
    const uint64_t begin = drivers::cycles();
    std::array<drivers::Packet*, app::kBurst> packets, frames;
    std::array<Bytes, app::kBurst> payloads;
    std::array<Channel*, app::kBurst> channels;
    const unsigned count = in_.receive(0, packets.data(), app::kBurst);
    for (unsigned k = 0; k < count; ++k) drivers::prefetch_headers_of_data(packets[k]);
    if (last_ >= kParse) {
      for (unsigned k = 0; k < count; ++k) {
        const net::ParsedFrame frame =
            net::parse_frame(drivers::view(packets[k]), drivers::card_findings(packets[k]));
        payloads[k] = frame.payload;
        if (last_ < kLookUp) continue;
        channels[k] =
            channels_[flows_.find(0, frame.destination, frame.destination_port, frame.source)].get();
        channels[k]->ring.prefetch(channels[k]->sealer.next_sequence());
        channels[k]->sealer.prefetch();
      }
    }
    benchmark::DoNotOptimize(payloads);
    benchmark::DoNotOptimize(channels);
    if (last_ >= kCheck)
      for (unsigned k = 0; k < count; ++k) frames[k] = pass(*channels[k], payloads[k], now);
    benchmark::DoNotOptimize(frames);
    if (last_ >= kTransmit) {
      const unsigned sent = out_.transmit(0, frames.data(), count);
      if (sent != count) throw std::runtime_error("the null port took fewer frames");
    }
    drivers::release_bulk(packets.data(), count);
    return drivers::cycles() - begin;
  }

 private:
  drivers::Packet* pass(Channel& channel, Bytes payload, TimeNs now) {
    if (!media::is_mpeg_ts(payload) || !channel.cap.take(now, payload.size())) return nullptr;
    if (last_ < kKeep) return nullptr;
    drivers::Packet* frame = channel.ring.claim(channel.sealer.next_sequence());
    uint8_t* const out = drivers::payload_bytes(frame);
    size_t size = channel.sealer.packet_size(payload.size());
    if (last_ >= kSeal)
      size = channel.sealer.seal_data(manager_, smart::PacketFormat::kMpegTs, 0, payload, out);
    if (last_ >= kHeaders) channel.header.write(out, static_cast<uint16_t>(size), channel.ip_id++);
    if (last_ >= kChecksum) net::UdpTemplate::finish_udp_checksum(out, static_cast<uint16_t>(size));
    drivers::prepare_frame(frame, {}, channel.header.size(), size);
    if (last_ >= kTransmit) drivers::hold(frame);  // the ring keeps its own
    return frame;
  }

  static inline int made_ = 0;  // names of devices stay taken
  const int last_;
  crypto::Manager manager_;
  drivers::Pool frames_, receive_;
  drivers::MemoryPort in_memory_;
  drivers::Port in_, out_;
  net::FlowTable flows_;
  std::vector<std::unique_ptr<Channel>> channels_;
  Ingest ingest_;
  const drivers::Clock clock_;
};

void run_steps(benchmark::State& state) {
  Steps steps(static_cast<int>(state.range(0)));
  Turns turns;
  for (auto _ : state) {
    turns.add(steps.turn());
    state.SetIterationTime(seconds(turns.latest()));
  }
  report(state, turns);
}

BENCHMARK(run_steps)->Name("stages")->DenseRange(kReceive, kChecksum)->UseManualTime();

}  // namespace
}  // namespace linecast::bench
