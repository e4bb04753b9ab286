// A channel of a repeater as its lane works on it: what comes of a stream from the hop above is kept and sent
// on, with what the repeater says to that hop. One lane writes it.
#pragma once

#include <algorithm>

#include "app/linecast/lane_hop.h"
#include "lib/smart/move_acceptor.h"
#include "lib/smart/relay/relay_stream.h"

namespace linecast::app {

// The way to the hop above.
struct UpstreamSetup {
  net::UdpFlow flow;                   // to it; no VLAN, and no matter what the card does
  uint16_t vlan_control = 0;           // 0: untagged
  uint16_t port = 0;                   // index into the lane's ports
  uint16_t interface = 0;              // index into its interfaces
  drivers::TransmitOffloads offloads;  // of that port
};

struct LaneRelaySetup {
  const lineup::Channel* channel = nullptr;
  HopSetup hop;
  UpstreamSetup upstream;
  smart::RelayStream::Settings stream;
  std::unique_ptr<smart::RelayMessageKeys> upstream_keys;  // null: a clear channel
  // That are behind this hop, by the accounts. The control lcore's, which writes it; must outlive the relay.
  const Counter* receivers = nullptr;
  uint64_t seed = 0;
};

// Where the hop above moves to, and the announcement that says so. Made by the control lcore, read by the
// lane until the command that brings it is done.
struct UpstreamMove {
  smart::GroupPlace to;
  smart::MoveDatagram announcement{};
};

// What a relay can go on through when a reload changes it. Made by the control lcore.
struct RelayTerms {
  explicit RelayTerms(const lineup::Channel& channel);

  size_t largest_packet;  // SMART bytes that fit the output's MTU
  HopTerms hop;
};

class LaneRelay : public LaneHop {
 public:
  // A KEY_ANNOUNCE is passed on ten times a second at most: that is how often it is sent.
  static constexpr TimeNs kAnnounceIntervalNs = 90 * kNsPerMs;

  LaneRelay(LaneRelaySetup setup, drivers::Pool& frames, int numa_node);

  struct Taken {
    drivers::Packet* kept = nullptr;  // a frame to be sent, which the ring holds; null: none
    bool pass_on = false;             // `datagram` is to be written by write_passed()
    bool announcement = false;        // it is for the control lcore to look at
    smart::WireFault fault = smart::WireFault::kNone;
    Bytes datagram;  // as it came, or as it stood in a tunnel's
  };
  // From where a datagram of the hop above came.
  struct Origin {
    net::Mac mac{};
    uint16_t port = 0;     // UDP
    smart::GroupPlace to;  // a group, or the repeater's own address
  };
  // scratch: as in RelayStream.
  Taken take(crypto::Manager& manager, TimeNs now, Bytes datagram, const Origin& from, MutableBytes scratch);
  // Writes a heartbeat or KEY_ANNOUNCE that take() named as a whole frame into `packet`, and has tunnels have
  // it.
  void write_passed(Bytes datagram, drivers::Packet* packet);
  void follow(const smart::RelayEpochs& epochs);
  void follow(TimeNs now, const UpstreamMove& move);
  // Takes the terms over, and leaves the lists of the former ones in their place.
  void take(RelayTerms& terms);

  // As RelayStream::part().
  void part(TimeNs now, const smart::PairList& asked, smart::PairList& held, smart::PairList& missing) {
    stream_.part(now, asked, held, missing);
  }
  // What QUIET says of what is missing here.
  smart::Quiet wait_for(const smart::PairList& missing) const;

  // Often, as what comes sets no timer.
  TimeNs first_due() const { return look_due_; }
  struct Due {
    bool status = false, announce = false;
  };
  Due take_due(TimeNs now);
  bool write_announcement(drivers::Packet* packet);
  // As RelayStream::poll().
  template <typename Send>
  void poll_upward(crypto::Manager& manager, TimeNs now, Send&& send) {
    stream_.poll(manager, now, receivers(), send);
  }
  // As RelayStream::leave().
  template <typename Send>
  void leave(crypto::Manager& manager, TimeNs now, Send&& send) {
    stream_.leave(manager, now, receivers(), send);
  }
  // Writes a message to the hop above as a whole frame into `packet`. way: the MAC address that leads to it.
  void write_upward(Bytes message, const net::Mac& way, drivers::Packet* packet);
  // That its frames came from; all 0 before any has.
  const net::Mac& upstream_mac() const { return upstream_mac_; }
  Ipv4 upstream_address() const { return upstream_address_; }
  uint16_t in_port() const { return in_port_; }
  uint16_t in_interface() const { return in_interface_; }

  // Read by the control lcore.
  const smart::ReceiveCounters& receive_counters() const { return stream_.counters(); }
  const smart::RelayCounters& relay_counters() const { return stream_.relay_counters(); }
  const smart::TunnelClientCounters& tunnel_counters() const { return stream_.tunnel_counters(); }
  uint32_t hops() const { return static_cast<uint32_t>(published_hops_.get()); }  // 0: not known
  // Of the clock of the lanes; 0: nothing valid has come yet.
  TimeNs heard_ns() const { return static_cast<TimeNs>(published_heard_ns_.get()); }
  bool by_tunnel() const { return published_by_tunnel_.get() != 0; }
  // What groups it wants joined, by slot of GroupFollower, all 0 where none.
  static constexpr size_t kMaxPlaces = smart::GroupFollower::kMaxGroups;
  using Places = std::array<smart::GroupPlace, kMaxPlaces>;
  Places places() const;
  // As RelayStream's.
  smart::GroupPlace place_above() const;
  uint64_t hop_start_number() const { return published_hop_start_.get(); }

 private:
  using Way = smart::RelayStream::Way;
  using Arrival = smart::RelayStream::Arrival;
  Taken take_by(const Arrival& by, crypto::Manager& manager, TimeNs now, Bytes datagram,
                MutableBytes scratch);
  Taken take_data(const Arrival& by, crypto::Manager& manager, TimeNs now, Bytes datagram,
                  MutableBytes scratch);
  smart::WireFault take_message(const Arrival& by, crypto::Manager& manager, TimeNs now, Bytes datagram);
  Taken take_announcement(TimeNs now, Bytes datagram);
  Taken take_move(TimeNs now, Bytes datagram);
  Taken look_at(TimeNs now);
  drivers::Packet* keep(TimeNs now, const smart::RelayStream::Taken& taken, Bytes datagram);
  void replace(uint64_t sequence, Bytes datagram);
  void publish();
  void publish_way();
  uint32_t receivers() const {
    return static_cast<uint32_t>(std::min<uint64_t>(receivers_.get(), UINT32_MAX));
  }

  const Counter& receivers_;
  const std::unique_ptr<smart::RelayMessageKeys> upstream_keys_;
  smart::RelayStream stream_;
  size_t largest_packet_ = 0;
  uint64_t restarts_ = 0;  // of the stream, that the hop has told of
  TimeNs look_due_ = 0;
  bool announce_now_ = false;
  TimeNs announced_ns_ = INT64_MIN / 2;
  TokenBucket new_announcements_;
  smart::MoveDatagram followed_move_{};  // the announcement

  net::UdpTemplate upstream_header_;
  drivers::FrameMarks upstream_marks_;
  bool upstream_card_checksum_;
  Ipv4 upstream_address_;
  uint16_t in_port_, in_interface_;
  uint16_t upstream_ip_id_ = 0;
  net::Mac upstream_mac_{};

  // Written by the lane, read by the control lcore.
  Counter published_hops_, published_heard_ns_, published_by_tunnel_;
  std::array<Counter, kMaxPlaces> published_places_;
  Counter published_place_above_, published_hop_start_;
};

}  // namespace linecast::app
