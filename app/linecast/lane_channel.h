// A channel as its lane works on it: numbering, sealing, the kept frames, message keys, timers. One lane
// writes it; the counters alone are read by the control lcore.
#pragma once

#include <memory>

#include "app/linecast/counters.h"
#include "drivers/frame_ring.h"
#include "lib/base/time.h"
#include "lib/base/token_bucket.h"
#include "lib/crypto/receiver_keys.h"
#include "lib/lineup/lineup.h"
#include "lib/net/udp_template.h"
#include "lib/smart/key_announcer.h"
#include "lib/smart/send/asking_group.h"
#include "lib/smart/stream_sealer.h"

namespace linecast::app {

// Keys of a channel's messages.
struct MessageKeys {
  crypto::CmacKey down;
  crypto::CmacKey up;
};

// The signed KEY_ANNOUNCE as it is to be repeated, and the epoch it prepares. Made by the control lcore, read
// by the lane from the command that brings it until the next one is done.
struct Announcement {
  smart::KeyAnnounceDatagram datagram{};
  const smart::EpochKey* next_key = nullptr;  // null: none
  uint64_t next_from = 0;                     // the first full sequence under next_key
};

struct LaneChannelSetup {
  const lineup::Channel* channel = nullptr;
  uint16_t sender_id = 0;
  uint64_t start_number = 0;
  uint64_t first_sequence = 0;
  const smart::EpochKey* key = nullptr;        // null: a clear channel
  std::unique_ptr<MessageKeys> message_keys;   // null: a clear channel
  const Announcement* announcement = nullptr;  // null: a clear channel
  net::UdpFlow flow;                           // of the hop; no VLAN, and no matter what the card does
  uint16_t vlan_control = 0;                   // of the hop; 0: untagged
  uint16_t out_port = 0;                       // index into the lane's ports
  uint16_t out_interface = 0;                  // index into its interfaces
  drivers::TransmitOffloads offloads;          // of that port
};

// What a stream can go on through when a reload changes it. Made by the control lcore.
struct ChannelTerms {
  explicit ChannelTerms(const lineup::Channel& channel);

  TokenBucket cap;  // bytes of payload
  uint64_t max_payload;
  smart::PacketFormat format;
  smart::RepairEngine::Settings repairs;
  lineup::RepairsTo repairs_to;
  std::vector<lineup::Prefix> unicast_prefixes;
  std::optional<uint8_t> quiet;
};

// What the count of a receiver's message may be: the highest sequence that the receiver has opened.
enum class UpwardCount : uint8_t {
  kKept,        // of what is kept for repairs
  kKeptOrNone,  // or 0: the receiver has opened nothing yet
  kAny,         // or older, or of another start: the receiver has opened nothing lately
};

class LaneChannel {
 public:
  LaneChannel(LaneChannelSetup setup, drivers::Pool& frames, int numa_node);

  // Seals a datagram into the next kept frame, ready to be sent; null (counted) where it is dropped.
  drivers::Packet* seal(crypto::Manager& manager, TimeNs now, Bytes payload);
  // Fetches what the next seal() writes.
  void prefetch() const { ring_.prefetch(sealer_.next_sequence()); }

  // Takes the terms over, and leaves the lists of the former ones in their place.
  void take(ChannelTerms& terms);

  // lane_channel_repairs.cc
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
  bool repairs_pending() const { return engine_.pending() > 0; }
  // The kept frame of the next repair that is due, charged to the budget, and where it goes; null where that
  // sequence is no longer kept (counted).
  drivers::Packet* take_repair(TimeNs now, smart::RepairTarget& target);
  // Writes the repair into `packet`. tail: for the payload by reference; null: it is copied.
  void write_repair(drivers::Packet* kept, drivers::Packet* packet, drivers::Packet* tail);
  // Has a repair so written go to one receiver.
  void send_to(const smart::RepairTarget& target, drivers::Packet* packet);
  // Whether the card takes frames of more than one segment.
  bool sends_segments() const { return segments_; }
  // An admitted JOIN or LEAVE.
  void take_join(TimeNs now, const smart::UsageReport& report);
  void take_leave(TimeNs now, const smart::UsageReport& report);
  // Whether one more ERROR_REPORT or PROBLEM_REPORT is within what the channel takes.
  bool allows_fault_report(TimeNs now) { return fault_allowance_.take(now, 1); }
  void count(ChannelCounter counter) { counters_.add(counter); }

  // Messages of the hop, written as whole frames into `packet`; false where there is nothing to send.
  bool write_heartbeat(crypto::Manager& manager, drivers::Packet* packet);
  bool write_status(crypto::Manager& manager, TimeNs now, drivers::Packet* packet);
  bool write_announcement(drivers::Packet* packet);
  // list: none for the whole group.
  bool write_quiet(crypto::Manager& manager, const smart::PairList& list, drivers::Packet* packet);

  void take(const Announcement& announcement);

  // When each is to be looked at next.
  struct Timers {
    TimeNs heartbeat = 0, status = 0, announce = 0;
  };
  TimeNs first_due() const { return std::min({timers_.heartbeat, timers_.status, timers_.announce}); }
  // What is due at `now`, each armed again.
  struct Due {
    bool heartbeat = false, status = false, announce = false;
  };
  Due take_due(TimeNs now);

  // By which receivers' keys are told apart; null: a clear channel.
  const crypto::CmacKey* up_key() const { return message_keys_ == nullptr ? nullptr : &message_keys_->up; }
  uint16_t out_port() const { return out_port_; }
  uint16_t out_interface() const { return out_interface_; }

  // Read by the control lcore.
  const ChannelCounters& counters() const { return counters_; }
  uint64_t next_sequence() const { return published_sequence_.get(); }
  uint32_t epoch() const { return static_cast<uint32_t>(published_epoch_.get()); }
  // About how many ask for repairs here, and the round trip to 95 % of them; what they are told to keep to.
  uint64_t askers() const { return published_askers_.get(); }
  uint64_t round_trip_ms() const { return published_round_trip_ms_.get(); }
  uint64_t quiet() const { return published_quiet_.get(); }

 private:
  bool write_message(drivers::Packet* packet, Bytes message);
  // Adds the hop's trailer to the `size` bytes of message in `buffer`, where the channel has one, and writes
  // it.
  bool write_signed(crypto::Manager& manager, MutableBytes buffer, size_t size, drivers::Packet* packet);
  smart::KeptSequences kept() const;
  void finish_frame(drivers::Packet* packet, size_t payload_size);

  smart::StreamSealer sealer_;
  drivers::FrameRing ring_;
  net::UdpTemplate header_;
  TokenBucket cap_;  // bytes of payload
  TimeNs last_data_ns_ = 0;
  uint64_t max_payload_ = 0;
  smart::PacketFormat format_{};
  uint8_t quiet_;
  bool card_udp_checksum_;
  bool segments_;
  drivers::FrameMarks marks_;
  uint16_t out_port_;
  uint16_t out_interface_;
  uint16_t ip_id_ = 0;

  ChannelCounters counters_;    // written by the lane, read by the control lcore
  Counter published_sequence_;  // likewise: the next full sequence
  Counter published_epoch_;     // likewise
  Counter published_askers_, published_round_trip_ms_, published_quiet_;  // likewise

  smart::RepairEngine engine_;
  lineup::RepairsTo repairs_to_{};
  std::vector<lineup::Prefix> unicast_prefixes_;
  smart::AskingGroup askers_;
  TokenBucket fault_allowance_;
  Timers timers_;
  TimeNs heartbeat_interval_ns_ = 0;
  TimeNs next_heartbeat_ns_ = 0;
  TimeNs heartbeat_data_ns_ = 0;  // last_data_ns_ when the last heartbeat was sent
  int statuses_at_start_;
  const Announcement* announcement_;
  std::unique_ptr<MessageKeys> message_keys_;
  uint64_t message_count_ = 0;  // of the downward trailer
  uint64_t start_number_;
  Ipv4 group_;
};

}  // namespace linecast::app
