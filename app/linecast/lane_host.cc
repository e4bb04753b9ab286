#include "app/linecast/lane_host.h"

namespace linecast::app {

LaneHost::LaneHost(const igmp::HostConfig& config, Random random, igmp::Host::Send send)
    : mac_(config.mac), address_(config.address), send_(send), igmp_(config, random, std::move(send)) {}

void LaneHost::start() {
  std::array<uint8_t, net::kArpFrameSize> frame;
  send_(Bytes(frame).first(net::announce_arp(mac_, address_, frame)));
}

void LaneHost::receive_arp(Bytes packet, LaneCounters& counters) {
  net::ArpPacket request;
  std::array<uint8_t, net::kArpFrameSize> frame;
  size_t size = 0;
  if (net::decode_arp(packet, request)) size = net::answer_arp(request, mac_, address_, frame);
  if (size == 0) return counters.add(LaneCounter::kArpIgnored);
  send_(Bytes(frame).first(size));
  counters.add(LaneCounter::kArpAnswered);
}

}  // namespace linecast::app
