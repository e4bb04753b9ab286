// The receiving end of one channel: takes datagrams as they come off the network, and gives packets to play
// out in order and at their times, and requests for what is missing. No socket and no clock: it is driven by
// receive() and poll(), with the time as argument. One thread.
#pragma once

#include "lib/base/random.h"
#include "lib/smart/key_acceptor.h"
#include "lib/smart/move_acceptor.h"
#include "lib/smart/receive/clear_sequence.h"
#include "lib/smart/receive/fault_reporter.h"
#include "lib/smart/receive/group_follower.h"
#include "lib/smart/receive/playout_buffer.h"
#include "lib/smart/receive/requester.h"
#include "lib/smart/receive/simple.h"
#include "lib/smart/receive/stream_opener.h"
#include "lib/smart/receive/tunnel_client.h"
#include "lib/smart/receive/usage_reporter.h"
#include "lib/smart/receive/waiting_packets.h"

namespace linecast::smart {

struct ReceiverSettings {
  crypto::ChannelId channel_id{};
  Ipv4 group = 0;
  uint16_t port = kDefaultPort;  // of the hops: where requests go
  bool follow_moves = false;     // believe ADDR_RANGE_CHANGE on a clear channel, too, where nobody signs it
  Ipv4 source = 0;   // where a hop is known beforehand: told of faults before anything has come; 0: none is
  Ipv4 address = 0;  // the receiver's own, for its reports; 0: not known
  bool encrypted = true;
  uint64_t receiver_id = 0;
  TimeNs buffer_ns = kNsPerSecond;
  TimeNs reorder_ns = 5 * kNsPerMs;      // a packet may be late by so much before it is asked for
  size_t max_packets = 1 << 14;          // places in the play-out buffer; a power of two
  size_t max_packet_bytes = 64 << 20;    // of packet storage
  size_t max_waiting_packets = 1 << 12;  // for their key; a power of two
  size_t max_waiting_bytes = 8 << 20;
  // Hops to ask for a tunnel, in this order, where native multicast fails: the levels 1, 2, ... of SIMPLE; at
  // most Simple::kMaxTunnels, each address once.
  std::vector<FarEnd> tunnels;
};

// What a person should hear of, each told once until it is over.
#define LINECAST_RECEIVER_EVENTS(_)                                                                          \
  _(kStreamBegins, "stream_begins", "the stream begins")                                                     \
  _(kRestart, "restart", "the sender has started anew")                                                      \
  _(kNoKey, "no_key", "packets come, but no KEY_ANNOUNCE that tells their key")                              \
  _(kOtherChannels, "other_channels",                                                                        \
    "packets come, but the only keys announced are other channels': is the channel's name (or id) right?")   \
  _(kKeyNotHeld, "key_not_held",                                                                             \
    "the sender uses a group key that is not held here, or with another cipher: copy the channel's key "     \
    "file from the headend (linecast key show FILE, here and there, must say the same)")                     \
  _(kUntrusted, "untrusted",                                                                                 \
    "KEY_ANNOUNCE is signed by a headend that is not trusted here: is the public key file (--trust) "        \
    "the headend's? (linecast key show FILE, here and there)")                                               \
  _(kOldStart, "old_start",                                                                                  \
    "the headend announces an earlier start than the one followed here. Did another headend with its "       \
    "sender_id run? Stop that one, give it another sender_id, and restart the right one, or this receiver. " \
    "If there was none, the headend lost its state (restart this receiver), or this is a replay")            \
  _(kNothingOpens, "nothing_opens",                                                                          \
    "packets do not open: is the group key file the headend's? (linecast key show FILE, here and there)")    \
  _(kNoLongerOpens, "no_longer_opens",                                                                       \
    "packets no longer open with the key that was announced last: do two headends send with one sender_id? " \
    "Stop one, give it another sender_id, and restart the other, or this receiver")                          \
  _(kSealedOnClear, "sealed_on_clear",                                                                       \
    "the channel is encrypted: give its group key and the headend's public key (--key, --trust) instead of " \
    "--clear")                                                                                               \
  _(kNotSealed, "not_sealed", "the channel is clear: give --clear instead of --key and --trust")
LINECAST_COUNTER_LIST(ReceiverEvent, LINECAST_RECEIVER_EVENTS)

#define LINECAST_MOVE_STEPS(_)                                                                   \
  _(kAnnounced, "announced", "the sender is about to move to it: joined as well")                \
  _(kMoved, "moved", "in use from now on")                                                       \
  _(kCannotJoin, "cannot_join", "the sender is about to move to it, but it could not be joined") \
  _(kNothingCame, "nothing_came", "the sender announced it, but nothing came to it: left")
LINECAST_COUNTER_LIST(MoveStep, LINECAST_MOVE_STEPS)

class ReceiverOutput : public PlayoutSink, public GroupMemberships {
 public:
  // To be sent by UDP. `datagram` only during the call.
  virtual void send(Ipv4 to, uint16_t port, Bytes datagram) = 0;
  virtual void report(ReceiverEvent event) = 0;
  virtual void level_changed(const LevelChange&) {}
  virtual void group_changes(MoveStep, const GroupPlace&) {}
};

class ChannelReceiver {
 public:
  // manager, random and output must outlive it. keys and trusted: of encrypted channels only.
  ChannelReceiver(const ReceiverSettings& settings, crypto::Manager& manager,
                  std::span<const crypto::GroupKey> keys, const std::vector<crypto::PublicKey>& trusted,
                  Random& random, ReceiverOutput& output);
  ChannelReceiver(const ChannelReceiver&) = delete;
  ChannelReceiver& operator=(const ChannelReceiver&) = delete;

  // A UDP payload that came to the group of this slot (GroupMemberships). source: its address.
  void receive(TimeNs now, Bytes datagram, Ipv4 source, size_t slot = 0);
  // One that came to where the requests are sent from.
  void receive_unicast(TimeNs now, Bytes datagram, const FarEnd& from);

  // Plays what is due and asks for what is missing. Call at next_due(), or earlier.
  void poll(TimeNs now);
  TimeNs next_due() const;

  // Tells the hop, and who granted tunnels, that this receiver goes. For a clean end; once.
  void leave(TimeNs now);

  // Plays all that is held at once, in order.
  void play_all() { playout_.play_all(); }

  const ReceiveCounters& counters() const { return counters_; }
  // Repairs, needed or not, and what came as an original when it had been asked for.
  uint64_t answers() const;
  const CounterSet<WireFault, kWireFaultCount>& wire_faults() const { return wire_faults_; }
  const CounterSet<KeyAnnounceResult, kKeyAnnounceResultCount>& key_announces() const { return announces_; }
  const CounterSet<MoveResult, kMoveResultCount>& move_results() const { return move_results_; }
  const TunnelClientCounters& tunnel_counters() const { return tunnel_counters_; }
  // Where native multicast is expected.
  const GroupPlace& group() const { return groups_.in_use(); }
  // By which level the channel is received: 0 native multicast, else that of settings.tunnels, counted
  // from 1.
  size_t level() const { return simple_.level(); }

 private:
  // A packet that is valid: opened, or clear.
  struct Arrival {
    TimeNs now;
    Ipv4 source;
    const DataHeader& header;
  };

  // Takes note of what is given up on its way out.
  class FaultTap : public PlayoutSink {
   public:
    FaultTap(PlayoutSink& output, FaultReporter& faults) : output_(output), faults_(faults) {}
    void play(const PlayedPacket& packet) override { output_.play(packet); }
    void give_up(uint64_t first, uint64_t count) override {
      faults_.add(ErrorCode::kUnrecovered, count, first);
      output_.give_up(first, count);
    }

   private:
    PlayoutSink& output_;
    FaultReporter& faults_;
  };

  // channel_receiver.cc
  void receive_data(TimeNs now, Bytes datagram, Ipv4 source);
  void receive_sealed(const Arrival& arrival, Bytes datagram);
  void receive_clear(const Arrival& arrival, Bytes datagram);
  void take_packet(const Arrival& arrival, uint64_t sequence, Bytes payload);
  void take_heartbeat(const Arrival& arrival, uint64_t last);
  void note_copy(const Arrival& arrival, Bytes datagram, StreamOpener::Opened& opened);
  void begin_run(TimeNs now, uint64_t first, uint64_t skipped);
  bool store(PacketFormat format, Bytes payload, StoredPayload& out);
  void refuse(const Arrival& arrival, Bytes datagram, ReceiveCounter reason);
  void wait(const Arrival& arrival, Bytes datagram, ReceiveCounter reason);
  void drop_waiting();
  void count_dropped(ReceiveCounter reason, Bytes datagram);
  void retry_waiting();
  void expire_waiting(TimeNs now);
  void report_once(ReceiverEvent event);
  void report_no_key();
  void report_bad_tags(TimeNs now);

  // channel_receiver_messages.cc
  void receive_message(TimeNs now, Bytes datagram, Ipv4 source);
  void take_key_announce(TimeNs now, Bytes datagram);
  void new_stream(bool keys_held);
  void take_status(TimeNs now, const SenderStatus& status, Hop& hop);
  Hop* speaker(TimeNs now, Bytes datagram, const Split& split, Ipv4 source);

  // channel_receiver_upward.cc
  void send_request(TimeNs now, Ipv4 hop, const PairList& pairs);
  void note_unanswered(TimeNs now, Ipv4 hop, const PairList& pairs);
  void note_silence(TimeNs now);
  TimeNs silence_due() const;
  void send_reports(TimeNs now);
  void send_usage(Ipv4 hop, MessageCommand command, UsageReport report);
  bool send_upward(Ipv4 hop, MutableBytes buffer, size_t size);
  uint64_t highest_opened() const { return requester_.running() ? requester_.next() - 1 : 0; }
  bool send_with_count(uint64_t count, const FarEnd& to, MutableBytes buffer, size_t size);

  // channel_receiver_tunnels.cc
  void take(TimeNs now, Bytes datagram, Ipv4 source);
  void take_tunnelling(TimeNs now, Bytes datagram, const FarEnd& from);
  void take_tunnelled(TimeNs now, Bytes body, size_t level);
  void note_message(TimeNs now);
  void note_data(TimeNs now, uint64_t sequence, const DataHeader& header);
  bool judges_copies() const {
    return way_ == 0 ? simple_.level() != 0 || groups_.moving() : simple_.trying() == way_;
  }
  void run_tunnels(TimeNs now);
  void change_level(const LevelChange& change);
  void send_tunnel_messages(TimeNs now);
  struct Reached {
    FarEnd at;   // where requests to a hop go
    Ipv4 group;  // that they name
  };
  Reached reached(Ipv4 hop) const;
  TimeNs tunnels_due() const;

  // channel_receiver_moves.cc
  bool is_ours(Ipv4 group) const;
  void take_move(TimeNs now, Bytes datagram, Ipv4 source);
  void run_moves(TimeNs now);

  const ReceiverSettings settings_;
  crypto::Manager& manager_;
  Random& random_;
  ReceiverOutput& output_;
  ReceiveCounters counters_;
  CounterSet<WireFault, kWireFaultCount> wire_faults_;
  CounterSet<KeyAnnounceResult, kKeyAnnounceResultCount> announces_;
  uint32_t reported_ = 0;       // a bit for each event
  bool old_announced_ = false;  // an earlier start than the one followed, since that began

  // Encrypted channels.
  MemberKeys members_;
  KeyAcceptor acceptor_;
  StreamOpener opener_;
  uint8_t synch_code_ = 0;  // of the newest packet that was opened
  uint16_t key_id_ = 0;
  uint64_t bad_tags_in_a_row_ = 0;
  TimeNs bad_tags_since_ = 0;

  // Clear channels.
  ClearSequence clear_;
  ReplayWindow clear_seen_;
  // From SENDER_STATUS, by the level at which it came (a repeater has one of its own); 0: none yet.
  std::array<uint64_t, Simple::kMaxTunnels + 1> clear_start_numbers_{};

  UsageReporter usage_;
  FaultReporter faults_;
  FaultTap tap_;
  TimeNs silent_since_ = kNever;  // since then nothing came, or it was noted; kNever: not polled yet
  uint64_t unanswered_ = 0;       // REPLACEMENT datagrams since the last answer
  TimeNs unanswered_since_ = 0;
  uint64_t answers_seen_ = 0;

  PacketPool pool_;
  PlayoutBuffer playout_;
  Requester requester_;
  WaitingPackets waiting_;
  uint32_t late_in_a_row_ = 0;

  MoveAcceptor move_acceptor_;
  CounterSet<MoveResult, kMoveResultCount> move_results_;
  GroupFollower groups_;
  size_t slot_ = 0;  // of the datagram that is being taken, where it came natively

  // How the datagram that is being taken came: a level of SIMPLE, or in none of these ways.
  static constexpr size_t kOtherWay = SIZE_MAX;
  size_t way_ = kOtherWay;
  bool by_tunnel() const { return way_ != 0 && way_ != kOtherWay; }
  Simple simple_;
  TunnelClientCounters tunnel_counters_;
  std::vector<TunnelClient> tunnels_;  // of the levels 1, 2, ...
};

}  // namespace linecast::smart
