// The tunnels of one hop as its lane works on them: whom it is sent to, how far each of them has got, and the
// repairs that they ask for. What goes to the group is sent to all tunnels one after the other, the kept
// frames by reference where the card takes that; what a repeater lacks is passed over, and sent when it
// comes. Made and kept by the control lcore; from the command that brings it to the one that takes it away it
// is the lane's alone.
#pragma once

#include <array>
#include <optional>

#include "app/linecast/counters.h"
#include "drivers/packet.h"
#include "lib/lineup/lineup.h"
#include "lib/smart/send/asking_group.h"
#include "lib/smart/send/tunnel_repairs.h"
#include "lib/smart/tunnel/tunnel_list.h"
#include "lib/smart/tunnel/tunnel_template.h"

namespace linecast::app {

struct HopTunnelsSetup {
  smart::TunnelFlow flow;        // with what the card does
  drivers::FrameMarks marks;     // of its frames
  uint16_t port = 0;             // index into the lane's ports
  uint16_t interface = 0;        // index
  bool segments = false;         // the card takes frames of more than one segment
  uint32_t window_packets = 64;  // that the hop keeps
  TimeNs window_ns = 0;
  smart::TunnelRepairs::Settings repairs;
};

// What repairs into tunnels may take.
smart::TunnelRepairs::Settings tunnel_repair_settings(const lineup::Channel& channel);

class HopTunnels {
 public:
  explicit HopTunnels(const HopTunnelsSetup& setup);

  // The lane's from here on.
  // The destinations from now on, at least one; those that were there before miss nothing. next: what the
  // hop will send next.
  void take(const smart::TunnelList& list, uint64_t next);
  size_t tunnels() const { return destinations_.size(); }
  // The tunnel that ends there; null: none.
  const smart::TunnelDestination* find(const smart::TunnelPeer& peer) const;

  // Messages of the hop that go into the tunnels, too; the latest of each kind. kHold: QUIET for all; kWait:
  // QUIET that names sequences.
  enum class Message : uint8_t { kAnnounce, kStatus, kMove, kHold, kWait, kHeartbeat };
  void set_message(Message kind, Bytes message);
  // The hop has moved there: from the next round on, that is where inner packets go.
  void move_to(Ipv4 group, uint16_t udp_port);

  // Of a repeater. A sequence that was missing has come: it goes to all where they have passed it by. False
  // where as many wait as may.
  bool sent_late(uint64_t sequence);
  // The frame of the sequence is another now.
  void replaced(uint64_t sequence) {
    if (sequence == sequence_) prepared_ = false;
  }
  // Sequences count anew; `first` is the first.
  void begin_anew(uint64_t first);

  // Whether there is anything to be written next. It skips, and counts, what is too far behind or too large.
  // frame_of(sequence): the kept frame; null: there is none.
  template <typename FrameOf>
  bool has_next(const smart::KeptSequences& kept, const FrameOf& frame_of, ChannelCounters& counters);
  // Whether that takes a tail, to be sent by reference.
  bool wants_tail() const { return setup_.segments && frame_ != nullptr; }
  // Writes it. Returns its bytes, without what the card adds.
  size_t write_next(drivers::Packet* packet, drivers::Packet* tail, ChannelCounters& counters);

  // Repairs. The one who asks is `to`.
  smart::TunnelRepairs::Outcome request(TimeNs now, const smart::KeptSequences& kept,
                                        const smart::PairList& asked, const smart::TunnelDestination& to,
                                        smart::SourceShare& share);
  bool repairs_pending() const { return repairs_.pending() > 0; }
  bool take_repair(smart::RepairEngine::Repair& repair) { return repairs_.take(repair); }
  // False, and nothing is written, where it does not fit a tunnel.
  bool write_repair(TimeNs now, const smart::RepairTarget& to, drivers::Packet* kept, drivers::Packet* packet,
                    drivers::Packet* tail);
  void adjust(const smart::TunnelRepairs::Settings& repairs) { repairs_.adjust(repairs); }

  // Of those who have tunnels: they are told to ask at once, as nobody else has what they are sent.
  smart::AskingGroup& askers() { return askers_; }

  bool sends_segments() const { return setup_.segments; }
  uint16_t port() const { return setup_.port; }
  uint16_t interface() const { return setup_.interface; }

 private:
  static constexpr size_t kMessages = 6;
  static constexpr size_t kMessageRoom = 304;  // QUIET takes 300
  static constexpr size_t kLateRoom = 1024;    // more than 10 ms' worth at 1 Gbit/s
  struct Stored {
    std::array<uint8_t, kMessageRoom> bytes{};
    uint16_t size = 0;
    uint64_t number = 0;  // of all that were set; 0: it has been sent
  };
  // The SMART header of a kept frame as it goes into tunnels.
  using Front = std::array<uint8_t, smart::kDataHeaderSize>;

  bool begin_round(const smart::KeptSequences& kept);
  bool begin_data(uint64_t sequence, bool late);
  // Of the kinds before the heartbeat, the one that has waited for longest; null: none waits.
  Stored* next_message();
  bool is_quiet(const Stored& stored) const;
  bool begin_message(Stored& stored);
  // False where it is too large.
  bool prepare_frame(const drivers::Packet* frame);
  size_t write(const smart::TunnelTemplate& headers, const net::UdpEndpoint& to, const Front& front,
               drivers::Packet* kept, drivers::Packet* packet, drivers::Packet* tail) const;
  uint64_t sum_of(const drivers::Packet* frame, const Front& front) const;

  HopTunnelsSetup setup_;
  smart::TunnelTemplate headers_, repair_headers_;
  std::span<const smart::TunnelDestination> destinations_;  // of the control lcore's list
  std::array<Stored, kMessages> messages_;

  uint64_t messages_set_ = 0;

  // A round sends one thing to all destinations.
  bool in_round_ = false;
  size_t next_destination_ = 0;
  uint64_t cursor_ = 0;    // all before it had their round, or were passed over
  uint64_t sequence_ = 0;  // of the round
  bool late_ = false;      // of the round: it had been passed over
  bool prepared_ = false;
  bool moved_ = false;                // headers_ are to be made anew before the next round
  drivers::Packet* frame_ = nullptr;  // of the round, as long as has_next() has just said so; null: a message
  Stored round_message_;              // else
  bool is_message_ = false;
  bool quiet_said_ = false;  // by the round before
  Front front_{};
  std::array<uint64_t, kLateRoom> late_sequences_{};  // a ring: passed over, and there now
  size_t late_head_ = 0, late_count_ = 0;

  smart::TunnelRepairs repairs_;
  smart::AskingGroup askers_;
};

template <typename FrameOf>
bool HopTunnels::has_next(const smart::KeptSequences& kept, const FrameOf& frame_of,
                          ChannelCounters& counters) {
  // Half of what is kept: the rest is for repairs, and for what a card still holds. Who is too far behind
  // goes on from a quarter: else the next round would be given up as well, and again before its last tunnels.
  const uint64_t oldest = kept.next - std::min<uint64_t>(kept.next, setup_.window_packets / 2);
  if ((in_round_ && !is_message_ && !late_ ? sequence_ : cursor_) < oldest) [[unlikely]] {
    const uint64_t next = kept.next - std::min<uint64_t>(kept.next, setup_.window_packets / 4);
    for (; cursor_ < next; ++cursor_)
      if (frame_of(cursor_) != nullptr) counters.add(ChannelCounter::kTunnelBehind);
  }
  for (;;) {
    if (!in_round_ && !begin_round(kept)) return false;
    if (is_message_) return true;
    frame_ = frame_of(sequence_);
    if (sequence_ < (late_ ? kept.first : oldest)) [[unlikely]]
      counters.add(ChannelCounter::kTunnelBehind);
    else if (frame_ != nullptr && (prepared_ || prepare_frame(frame_))) [[likely]]
      return true;
    else if (frame_ != nullptr)
      counters.add(ChannelCounter::kTunnelTooLarge);
    in_round_ = false;
  }
}

}  // namespace linecast::app
