// A channel of a headend as its lane works on it: an ingest datagram is checked, numbered and sealed into the
// hop's next kept frame; with the heartbeats and KEY_ANNOUNCEs of the stream. One lane writes it.
#pragma once

#include "app/linecast/lane_hop.h"
#include "lib/base/timing_wheel.h"
#include "lib/smart/key_announcer.h"
#include "lib/smart/send/pacer.h"
#include "lib/smart/stream_sealer.h"

namespace linecast::app {

// The signed KEY_ANNOUNCE as it is to be repeated, and the epoch it prepares. Made by the control lcore, read
// by the lane from the command that brings it until the next one is done.
struct Announcement {
  smart::KeyAnnounceDatagram datagram{};
  const smart::EpochKey* next_key = nullptr;  // null: none
  uint64_t next_from = 0;                     // the first full sequence under next_key
};

struct LaneChannelSetup {
  const lineup::Channel* channel = nullptr;
  HopSetup hop;
  uint16_t sender_id = 0;
  uint64_t first_sequence = 0;
  const smart::EpochKey* key = nullptr;        // null: a clear channel
  const Announcement* announcement = nullptr;  // null: a clear channel
};

// What a stream can go on through when a reload changes it. Made by the control lcore.
struct ChannelTerms {
  explicit ChannelTerms(const lineup::Channel& channel);

  TokenBucket cap;  // bytes of payload
  uint64_t max_payload;
  smart::PacketFormat format;
  std::unique_ptr<smart::Pacer> pacer;  // null: not paced
  HopTerms hop;
};

// The timer is of what waits, where the channel is paced.
class LaneChannel : public LaneHop, public TimingWheel::Timer {
 public:
  LaneChannel(LaneChannelSetup setup, drivers::Pool& frames, int numa_node);

  // Fetches what sealing the next datagram reads and writes.
  void prefetch() const {
    LaneHop::prefetch();
    sealer_.prefetch();
  }
  // Seals a datagram into the next kept frame, ready to be sent; null where it is dropped (counted), or waits
  // as the channel is paced.
  drivers::Packet* seal(crypto::Manager& manager, TimeNs now, Bytes payload);
  // Null: not paced.
  const smart::Pacer* pacer() const { return pacer_.get(); }
  // Of those that wait, the next, to be sent now; one waits.
  drivers::Packet* take_waiting(TimeNs now);

  // Takes the terms over, and leaves in their place the lists of the former ones, and a pacer that is not
  // needed any more. None waits that no pacer is to hold back from now on.
  void take(ChannelTerms& terms);
  void take(const Announcement& announcement);
  using LaneHop::take;  // of a move

  // Messages of the stream, written as whole frames into `packet`; false where there is nothing to send.
  bool write_heartbeat(crypto::Manager& manager, drivers::Packet* packet);
  bool write_announcement(drivers::Packet* packet);

  TimeNs first_due() const { return std::min(first_hop_due(), announce_due_); }
  // What is due at `now`, each armed again.
  struct Due {
    bool heartbeat = false, status = false, announce = false, move = false;
  };
  Due take_due(TimeNs now);

  // Read by the control lcore.
  uint32_t epoch() const { return static_cast<uint32_t>(published_epoch_.get()); }

 private:
  bool is_heartbeat_due(TimeNs now);
  void publish(uint32_t waiting);

  smart::StreamSealer sealer_;
  TokenBucket cap_;  // bytes of payload
  uint64_t max_payload_ = 0;
  smart::PacketFormat format_{};
  TimeNs last_data_ns_ = 0;
  std::unique_ptr<smart::Pacer> pacer_;
  TimeNs heartbeat_interval_ns_ = 0;
  TimeNs next_heartbeat_ns_ = 0;
  TimeNs heartbeat_data_ns_ = 0;  // last_data_ns_ when the last heartbeat was sent
  TimeNs announce_due_ = 0;
  const Announcement* announcement_;
  Counter published_epoch_;  // written by the lane, read by the control lcore
};

}  // namespace linecast::app
