// The ARP side of an interface under random packets, look-ups and clock steps: bounded, and true to what it
// has heard.
#include <algorithm>
#include <map>
#include <vector>

#include "lib/net/neighbors.h"

namespace linecast::net {
namespace {

constexpr Mac kMac{2, 0, 0, 0, 0, 1};
constexpr Ipv4 kAddress = 0x0a000001;
constexpr Ipv4 kGateway = 0x0a000002;
constexpr Ipv4 kMask = 0xfffffc00;  // 10.0.0.0/22: more hosts than the table has room for

void check(bool holds) {
  if (!holds) __builtin_trap();
}

bool is_host(Ipv4 address) {
  return (address & kMask) == (kAddress & kMask) && (address & ~kMask) != 0 &&
         (address | kMask) != UINT32_MAX && address != kAddress;
}

// What may leave, and only under our own name.
void check_frame(Bytes frame) {
  check(frame.size() == kArpFrameSize);
  const ParsedFrame parsed = parse_frame(frame, {});
  ArpPacket arp;
  check(parsed.kind == FrameKind::kArp && decode_arp(parsed.payload, arp));
  check(std::equal(kMac.begin(), kMac.end(), frame.begin() + 6));
  check(arp.sender_mac == kMac && arp.sender == kAddress);
  const bool to_all = std::equal(kBroadcastMac.begin(), kBroadcastMac.end(), frame.begin());
  if (arp.operation == kArpReply)
    check(std::equal(arp.target_mac.begin(), arp.target_mac.end(), frame.begin()) && !to_all);
  else
    check(arp.target == kAddress ? to_all : is_host(arp.target));
  check(to_all || (frame[0] & 1) == 0);
}

class Run {
 public:
  explicit Run(bool has_gateway)
      : has_gateway_(has_gateway),
        neighbors_(
            {.mac = kMac, .address = kAddress, .prefix_length = 22, .gateway = has_gateway ? kGateway : 0},
            [this](Bytes frame) {
              check_frame(frame);
              ++sent_;
            }) {}

  void step(uint8_t op, ByteReader& r) {
    const size_t sent_before = sent_;
    switch (op & 7) {
      case 0:
      case 1:
      case 2:
        receive(op, r);
        check(sent_ - sent_before <= 1);
        break;
      case 3:
      case 4:
        resolve((op & 8) != 0 ? r.u32() : (kAddress & kMask) + (r.u16() & ~kMask));
        check(sent_ == sent_before);
        break;
      case 5:  // time passes
        now_ += TimeNs{r.u16()} << (op >> 3);
        poll();
        break;
      case 6:  // up to what is due, several times
        for (int polls = op >> 5; polls >= 0 && neighbors_.next_due() != kNever; --polls) {
          now_ = std::max(now_, neighbors_.next_due());
          poll();
        }
        break;
      default:
        if ((op & 8) == 0)
          neighbors_.link_up(now_);
        else if (sweeps_left_-- > 0)
          sweep(op, r.u16());
    }
    const NeighborsStatus status = neighbors_.status();
    check(status.known <= Neighbors::kCapacity && (has_gateway_ || !status.gateway_known));
    check((neighbors_.conflict_mac() == 0) == (neighbors_.count(ArpCounter::kConflicts) == 0));
    const TimeNs due = neighbors_.next_due();
    check(due == kNever || due <= now_ + Neighbors::kForgetNs);
  }

 private:
  void poll() {
    const size_t sent_before = sent_;
    neighbors_.poll(now_);
    check(sent_ - sent_before <= Neighbors::kMaxFramesAPoll && neighbors_.next_due() >= now_);
  }

  void receive(uint8_t op, ByteReader& r) {
    std::vector<uint8_t> packet(kArpSize);
    if ((op & 8) != 0) {  // any bytes
      const Bytes bytes = r.bytes(std::min<size_t>(r.u8() & 63, r.remaining()));
      packet.assign(bytes.begin(), bytes.end());
    } else {
      ByteWriter w(packet);
      w.u48(0x000108000604);
      w.u16((op & 16) != 0 ? kArpReply : kArpRequest);
      w.u48(0x020000000000 + (r.u8() & 3));  // one of them ours
      const uint16_t sender = r.u16();
      w.u32((op & 64) != 0 ? 0 : (kAddress & kMask) + (sender & 0x7ff));
      w.u48(0);
      w.u32((op & 32) != 0 ? kAddress : (kAddress & kMask) + r.u8());
    }
    hear(packet);
  }

  void hear(Bytes packet) {
    ArpPacket arp;
    if (decode_arp(packet, arp)) {
      check((arp.sender_mac[0] & 1) == 0 && arp.sender_mac != Mac{});
      if (arp.sender_mac != kMac) heard_[arp.sender] = arp.sender_mac;
    }
    neighbors_.receive(now_, packet);
  }

  // A MAC is the last that was heard of its neighbour, and what is elsewhere goes to the gateway.
  void resolve(Ipv4 destination) {
    const std::optional<Mac> mac = neighbors_.resolve(now_, destination);
    if (!mac) return;
    const bool here = (destination & kMask) == (kAddress & kMask);
    check(here ? is_host(destination) : has_gateway_);
    const auto heard = heard_.find(here ? destination : kGateway);
    check(heard != heard_.end() && heard->second == *mac);
  }

  // Many at once, to fill the table: hosts that ask for us, or that we look for.
  void sweep(uint8_t op, Ipv4 first) {
    for (Ipv4 i = 0; i < 300; ++i) {
      const Ipv4 host = (kAddress & kMask) + ((first + i) & ~kMask);
      if ((op & 16) != 0) resolve(host);
      if ((op & 32) == 0) continue;
      std::array<uint8_t, kArpSize> packet;
      ByteWriter w(packet);
      w.u48(0x000108000604);
      w.u16(kArpRequest);
      w.u48(0x020000000003);
      w.u32(host);
      w.u48(0);
      w.u32(kAddress);
      hear(packet);
    }
  }

  bool has_gateway_;
  int sweeps_left_ = 4;  // they take long
  size_t sent_ = 0;
  TimeNs now_ = 0;
  std::map<Ipv4, Mac> heard_;  // the last of each
  Neighbors neighbors_;
};

}  // namespace
}  // namespace linecast::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  linecast::ByteReader r({data, size});
  linecast::net::Run run((r.u8() & 1) != 0);
  while (r.ok() && r.remaining() > 0) run.step(r.u8(), r);
  return 0;
}
