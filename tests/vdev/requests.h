// A real lane, and receivers that ask it and report to it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "lib/smart/trailer.h"
#include "tests/vdev/lane_bed.h"

namespace linecast {

using app::ChannelCounter;
using app::LaneCounter;

class Requests : public testing::Test {
 public:
  static constexpr TimeNs kStart = 10 * kNsPerSecond;
  static constexpr Ipv4 kReceiver = 0x0a010063;  // 10.1.0.99
  static constexpr uint16_t kReceiverPort = 40'001;
  static constexpr net::Mac kReceiverMac{2, 0, 0, 0, 0, 0x63};
  using Frames = std::vector<std::vector<uint8_t>>;

 protected:
  void make(const BedOptions& options) {
    bed_.reset();  // names of pools are taken while they live
    bed_ = std::make_unique<LaneBed>(options);
    become(LaneBed::kReceiverId);
    bed_->lane().poll(kStart);
    bed_->sent();
  }

  // Messages are this receiver's from now on.
  void become(uint64_t receiver_id) {
    receiver_id_ = receiver_id;
    up_ = std::make_unique<crypto::CmacKey>(crypto::receiver_key(
        manager_, crypto::CmacKey(manager_, crypto::derive_up_key(bed_->group_key(), bed_->channel_id(0))),
        receiver_id));
  }

  // Sends n data packets, sequences next .. next + n - 1, and returns their frames.
  Frames send(unsigned n) {
    Frames frames;
    for (unsigned k = 0; k < n; ++k) {
      bed_->feed(feed_frame(0, ts_payload(7, static_cast<uint8_t>(k))));
      bed_->lane().poll(kStart);
      for (auto& frame : bed_->sent()) frames.push_back(std::move(frame));
    }
    return frames;
  }

  std::vector<uint8_t> request(std::vector<smart::SequencePair> pairs, uint64_t count,
                               Ipv4 group = LaneBed::output_group(0)) {
    smart::Replacement message;
    message.group = group;
    message.list.count = pairs.size();
    std::copy(pairs.begin(), pairs.end(), message.list.pairs.begin());
    std::vector<uint8_t> datagram(1024);
    return sign(datagram, smart::encode(message, datagram), count);
  }
  std::vector<uint8_t> sign(std::vector<uint8_t>& datagram, size_t size, uint64_t count) {
    if (sign_)
      size = smart::append_cmac_trailer(manager_, *up_, {receiver_id_, bed_->group_key().id, count}, 1,
                                        datagram, size);
    datagram.resize(size);
    return datagram;
  }

  // Hands the lane a receiver's message.
  void deliver(const std::vector<uint8_t>& datagram, Ipv4 from = kReceiver) {
    net::UdpFlow flow;
    flow.source = from;
    flow.source_mac = kReceiverMac;
    flow.destination_mac = LaneBed::kOutMac;
    flow.destination = LaneBed::kOutAddress;
    flow.source_port = kReceiverPort;
    flow.destination_port = smart::kDefaultPort;
    bed_->feed(udp_frame(flow, datagram), 1);
  }
  // The same, and the repairs that the lane sends for it.
  Frames ask(const std::vector<uint8_t>& datagram, TimeNs now, Ipv4 from = kReceiver) {
    deliver(datagram, from);
    bed_->lane().poll(now);
    Frames frames = bed_->sent();
    std::erase_if(frames, [](const auto& frame) { return !is_repair(frame); });
    return frames;
  }
  static bool is_repair(const std::vector<uint8_t>& frame) {
    smart::DataHeader header;
    const net::ParsedFrame out = net::parse_frame(frame, {});
    return smart::decode_data(out.payload, header) == smart::WireFault::kNone &&
           header.command == smart::DataCommand::kRepair;
  }
  // What a receiver reports; `detail` none: the short form. count: as in its trailer.
  std::vector<uint8_t> report(smart::MessageCommand command, std::optional<smart::UsageDetail> detail,
                              uint64_t count) {
    std::vector<uint8_t> datagram(128);
    const smart::UsageReport usage{LaneBed::output_group(0), kReceiver, detail};
    return sign(datagram, smart::encode(command, usage, datagram), count);
  }

  uint64_t count(ChannelCounter c) { return bed_->count(0, c); }

  crypto::Manager manager_;
  std::unique_ptr<LaneBed> bed_;
  std::unique_ptr<crypto::CmacKey> up_;
  uint64_t receiver_id_ = 0;
  bool sign_ = true;
};

}  // namespace linecast
