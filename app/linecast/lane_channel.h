// A channel of a headend as its lane works on it: an ingest datagram is checked, numbered and sealed into the
// hop's next kept frame; with the heartbeats and KEY_ANNOUNCEs of the stream. One lane writes it.
#pragma once

#include "app/linecast/lane_hop.h"
#include "lib/smart/key_announcer.h"
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
  HopTerms hop;
};

class LaneChannel : public LaneHop {
 public:
  LaneChannel(LaneChannelSetup setup, drivers::Pool& frames, int numa_node);

  // Fetches what sealing the next datagram reads and writes.
  void prefetch() const {
    LaneHop::prefetch();
    sealer_.prefetch();
  }
  // Seals a datagram into the next kept frame, ready to be sent; null (counted) where it is dropped.
  drivers::Packet* seal(crypto::Manager& manager, TimeNs now, Bytes payload);

  // Takes the terms over, and leaves the lists of the former ones in their place.
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
  void publish();

  smart::StreamSealer sealer_;
  TokenBucket cap_;  // bytes of payload
  uint64_t max_payload_ = 0;
  smart::PacketFormat format_{};
  TimeNs last_data_ns_ = 0;
  TimeNs heartbeat_interval_ns_ = 0;
  TimeNs next_heartbeat_ns_ = 0;
  TimeNs heartbeat_data_ns_ = 0;  // last_data_ns_ when the last heartbeat was sent
  TimeNs announce_due_ = 0;
  const Announcement* announcement_;
  Counter published_epoch_;  // written by the lane, read by the control lcore
};

}  // namespace linecast::app
