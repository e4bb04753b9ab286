// A hop as its lane works on it: what goes out of a stream to one group, whoever made it. The kept frames,
// their headers, repairs, and the hop's own messages. One lane writes it; the counters alone are read by the
// control lcore.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "app/linecast/counters.h"
#include "app/linecast/hop_tunnels.h"
#include "drivers/frame_ring.h"
#include "lib/base/time.h"
#include "lib/base/token_bucket.h"
#include "lib/crypto/receiver_keys.h"
#include "lib/lineup/lineup.h"
#include "lib/net/udp_template.h"
#include "lib/smart/move_acceptor.h"
#include "lib/smart/relay/relay_stream.h"
#include "lib/smart/send/asking_group.h"

namespace linecast::app {

// Keys of a hop's messages.
struct MessageKeys {
  crypto::CmacKey down;
  crypto::CmacKey up;
};

struct HopSetup {
  uint64_t start_number = 0;                  // that its messages and trailers bear
  std::unique_ptr<MessageKeys> message_keys;  // null: a clear channel
  net::UdpFlow flow;                          // no VLAN, and no matter what the card does
  uint16_t vlan_control = 0;                  // 0: untagged
  uint16_t out_port = 0;                      // index into the lane's ports
  uint16_t out_interface = 0;                 // index into its interfaces
  drivers::TransmitOffloads offloads;         // of that port
};

// A group that a hop sends to.
struct HopPlace {
  explicit HopPlace(const HopSetup& setup);

  net::UdpTemplate header;
  Ipv4 group = 0;
  uint16_t udp_port = 0;
};

// A hop's way to another group of the same interface. Made and signed by the control lcore, and read by the
// lane from the command that brings it until the next one is done.
struct HopMove {
  enum class Phase : uint8_t {
    kAnnounced,  // to the group in use alone
    kBoth,       // all goes to both groups
    kDone        // to the new one alone
  };
  Phase phase = Phase::kAnnounced;
  HopPlace to;
  uint64_t first_sequence = 0;  // the new group carries at the latest from here on
  std::array<uint8_t, smart::kMoveSize> announcement{};
  size_t announcement_size = 0;
};

// What a hop can go on through when a reload changes it. Made by the control lcore.
struct HopTerms {
  explicit HopTerms(const lineup::Channel& channel);

  smart::RepairEngine::Settings repairs;
  smart::TunnelRepairs::Settings tunnel_repairs;
  lineup::RepairsTo repairs_to;
  std::vector<lineup::Prefix> unicast_prefixes;
  std::optional<uint8_t> quiet;
};

// How far the stream is, kept up by whoever puts frames into the hop.
struct StreamPosition {
  uint64_t first_sequence = 1;
  uint64_t next_sequence = 1;  // one more than the latest that is kept
  uint16_t key_id = 0;
  uint8_t synch_code = 0;
  uint16_t run = 0;  // another one where the sequences do not go on from those before
};

// What the count of a receiver's message may be: the highest sequence that the receiver has opened.
enum class UpwardCount : uint8_t {
  kKept,        // of what is kept for repairs
  kKeptOrNone,  // or 0: the receiver has opened nothing yet
  kAny,         // or older, or of another start: the receiver has opened nothing lately
};

class LaneHop {
 public:
  LaneHop(const lineup::Channel& channel, HopSetup setup, drivers::Pool& frames, int numa_node);

  // Fetches what the next frame is written into.
  void prefetch() const { ring_.prefetch(stream_.next_sequence); }

  // lane_hop_repairs.cc
  // Whether a receiver's message may be acted on (trailer, MAC, count); counts why not. Returns the
  // receiver's id, 0 on a clear channel.
  std::optional<uint64_t> admit(crypto::Manager& manager, crypto::ReceiverKeys& keys, Bytes datagram,
                                Bytes trailer, UpwardCount count);
  // Where repairs for who asks from there go. mac: that the request came from.
  smart::RepairTarget target_of(Ipv4 source, uint16_t port, const net::Mac& mac) const;
  // Takes what an admitted request asks for; share: of who asks; `quiet` is what a QUIET is to name. Returns
  // whether the whole group is to hold its requests back.
  bool request(TimeNs now, const smart::PairList& asked, const smart::RepairTarget& from,
               smart::SourceShare& share, smart::PairList& quiet);
  // The same of one who has a tunnel: all tunnels are to hold their requests back.
  bool request(TimeNs now, const smart::PairList& asked, const smart::TunnelDestination& from,
               smart::SourceShare& share);
  bool repairs_pending() const {
    return engine_.pending() > 0 || (tunnels_ != nullptr && tunnels_->repairs_pending());
  }
  // The kept frame of the next repair that is due, charged to the budget, and where it goes; null where that
  // sequence is no longer kept (counted).
  drivers::Packet* take_repair(TimeNs now, smart::RepairTarget& target);
  // The group in use, and the one that the hop moves to, while it sends to both.
  enum class To : uint8_t { kInUse, kNext };
  // Writes the repair into `packet`. tail: for the payload by reference; null: it is copied.
  void write_repair(drivers::Packet* kept, drivers::Packet* packet, drivers::Packet* tail, To to);
  // Has a repair so written go to one receiver.
  void send_to(const smart::RepairTarget& target, drivers::Packet* packet);
  // Whether the card takes frames of more than one segment.
  bool sends_segments() const { return segments_; }
  // An admitted JOIN or LEAVE, and where it came from. False where it is refused (counted).
  bool take_join(TimeNs now, const smart::TunnelPeer& from, const smart::UsageReport& report, bool again);
  bool take_leave(TimeNs now, const smart::TunnelPeer& from, const smart::UsageReport& report);
  // Within which receivers are asked to report, by SENDER_STATUS: those of the group, and one from there.
  uint16_t report_window_s() const { return askers_.report_window_s(); }
  uint16_t report_window_s(const smart::TunnelPeer& peer) { return askers_from(peer).report_window_s(); }
  // Whether one more ERROR_REPORT or PROBLEM_REPORT is within what the channel takes.
  bool allows_fault_report(TimeNs now) { return fault_allowance_.take(now, 1); }
  void count(ChannelCounter counter, uint64_t n = 1) { counters_.add(counter, n); }
  ChannelCounters& counters_of_lane() { return counters_; }

  // Messages of the hop, written as whole frames into `packet`; false where there is nothing to send.
  // To the group in use first.
  bool write_status(crypto::Manager& manager, TimeNs now, drivers::Packet* packet, To to);
  bool write_quiet(crypto::Manager& manager, smart::Quiet quiet, drivers::Packet* packet, To to);
  // What a QUIET says; list: none for the whole group.
  smart::Quiet quiet_for(const smart::PairList& list) const { return askers_.quiet_for(list); }
  bool write_move(drivers::Packet* packet);

  // What goes to the group in use goes to a second one as well. Each frame is written for either: messages
  // name their group, and all else is copied.
  bool sends_to_both() const {
    return move_ != nullptr &&
           (move_->phase == HopMove::Phase::kBoth || stream_.next_sequence > move_->first_sequence);
  }
  void write_copy(const drivers::Packet* frame, drivers::Packet* copy);
  // The next phase of a move. The one before is let go.
  void take(const HopMove& move);

  // Its tunnels; null: none. The control lcore's, who takes them away before it frees them.
  HopTunnels* tunnels() const { return tunnels_; }
  void set_tunnels(HopTunnels* tunnels) {
    // The control lcore may have made it for the place that the hop is only on its way to.
    if (tunnels != nullptr && tunnels != tunnels_) tunnels->move_to(place_.group, place_.udp_port);
    tunnels_ = tunnels;
  }
  // The tunnel that ends there; null: none does.
  const smart::TunnelDestination* tunnel_of(const smart::TunnelPeer& peer) const {
    return tunnels_ == nullptr ? nullptr : tunnels_->find(peer);
  }
  // SENDER_STATUS and QUIET for those who have tunnels: what is known of the group is nothing to them.
  void tell_tunnels_status(crypto::Manager& manager, TimeNs now);
  void tell_tunnels_to_hold(crypto::Manager& manager) {
    tell_tunnels(manager, tunnels_->askers().quiet_for({}), HopTunnels::Message::kHold);
  }
  // The same that the group is told.
  void tell_tunnels_to_wait(crypto::Manager& manager, const smart::Quiet& quiet) {
    tell_tunnels(manager, quiet, HopTunnels::Message::kWait);
  }
  smart::KeptSequences kept() const;
  // Of a sequence within these; null where a repeater lacks it.
  drivers::Packet* kept_frame(uint64_t sequence) const {
    return relayed_ == nullptr || relayed_->holds(sequence) ? ring_.at(sequence) : nullptr;
  }

  // By which receivers' keys are told apart; null: a clear channel.
  const crypto::CmacKey* up_key() const { return message_keys_ == nullptr ? nullptr : &message_keys_->up; }
  uint16_t out_port() const { return out_port_; }
  uint16_t out_interface() const { return out_interface_; }

  // Read by the control lcore.
  const ChannelCounters& counters() const { return counters_; }
  uint64_t next_sequence() const { return published_sequence_.get(); }
  // About how many ask for repairs here, and the round trip to 95 % of them; what they are told to keep to.
  uint64_t askers() const { return published_askers_.get(); }
  uint64_t round_trip_ms() const { return published_round_trip_ms_.get(); }
  uint64_t quiet() const { return published_quiet_.get(); }

 protected:
  ~LaneHop() = default;

  // Takes the terms over, and leaves the lists of the former ones in their place. largest_packet: SMART
  // bytes.
  void take(HopTerms& terms, size_t largest_packet);
  void set_position(const StreamPosition& position);
  // Of a repeater: by which it is known what the ring lacks. It must live as long as the hop.
  void set_relayed(const smart::RelayStream& stream) { relayed_ = &stream; }
  // A frame that those below miss has gone to the group.
  void sent_late(TimeNs now, uint64_t sequence);
  // From the origin of the stream, as SENDER_STATUS says it.
  void set_hops(uint8_t hops) { hops_ = hops; }
  // On a clear channel the start number of SENDER_STATUS is all that tells of a stream that begins anew.
  void renew_start() { ++start_number_; }

  // Completes a frame whose SMART packet stands in place.
  void finish_frame(drivers::Packet* packet, size_t payload_size, To to = To::kInUse);
  bool write_message(drivers::Packet* packet, Bytes message, To to = To::kInUse);

  // The timers that every hop has: when each is to be looked at next.
  TimeNs first_hop_due() const { return std::min({look_due_, status_due_, move_due_}); }
  // Every 20 ms, or earlier where asked for: brings the QUIET field up to date. True where it was time.
  bool take_look(TimeNs now);
  void look_by(TimeNs time) { look_due_ = std::min(look_due_, time); }
  // True where SENDER_STATUS is to be sent.
  bool take_status_due(TimeNs now);
  // True where ADDR_RANGE_CHANGE is to be sent.
  bool take_move_due(TimeNs now);

  uint8_t quiet_field() const { return quiet_; }
  drivers::FrameRing& ring() { return ring_; }

 private:
  // Adds the hop's trailer to the `size` bytes of message in `buffer`, where the channel has one.
  Bytes sign(crypto::Manager& manager, MutableBytes buffer, size_t size);
  void tell_tunnels(crypto::Manager& manager, smart::Quiet quiet, HopTunnels::Message kind);
  smart::SenderStatus status_of(smart::AskingGroup& askers, TimeNs now) const;
  void count_outcome(const smart::RepairEngine::Outcome& outcome);
  smart::AskingGroup& askers_from(const smart::TunnelPeer& peer) {
    return tunnel_of(peer) != nullptr ? tunnels_->askers() : askers_;
  }
  const HopPlace& place(To to) const { return to == To::kInUse ? place_ : move_->to; }

  drivers::FrameRing ring_;
  StreamPosition stream_;
  HopPlace place_;
  const HopMove* move_ = nullptr;  // null: none under way
  uint8_t quiet_;
  bool card_udp_checksum_;
  bool segments_;
  drivers::FrameMarks marks_;
  uint16_t out_port_;
  uint16_t out_interface_;
  uint16_t ip_id_ = 0;

  ChannelCounters counters_;    // written by the lane, read by the control lcore
  Counter published_sequence_;  // likewise: the next full sequence
  Counter published_askers_, published_round_trip_ms_, published_quiet_;  // likewise

  smart::RepairEngine engine_;
  HopTunnels* tunnels_ = nullptr;
  const smart::RelayStream* relayed_ = nullptr;  // null: nothing is missing
  lineup::RepairsTo repairs_to_{};
  std::vector<lineup::Prefix> unicast_prefixes_;
  smart::AskingGroup askers_;
  TokenBucket fault_allowance_;
  TimeNs look_due_ = 0, status_due_ = 0, move_due_ = kNever;
  smart::SenderStatus status_;  // the latest
  int statuses_at_start_;
  std::unique_ptr<MessageKeys> message_keys_;
  uint64_t message_count_ = 0;  // of the downward trailer
  uint64_t start_number_;
  uint8_t hops_ = 0;
};

}  // namespace linecast::app
