// What a repeater makes of one stream that comes from the hop above: what is new, and so kept and passed on;
// what is missing, and so asked for there; by which way it comes, the group or a tunnel; and what it says of
// itself there, as a receiver does. No socket, no clock, and nothing is allocated but in the constructor: one
// lane.
#pragma once

#include "lib/base/random.h"
#include "lib/smart/receive/clear_sequence.h"
#include "lib/smart/receive/fault_reporter.h"
#include "lib/smart/receive/group_follower.h"
#include "lib/smart/receive/requester.h"
#include "lib/smart/receive/simple.h"
#include "lib/smart/receive/tunnel_client.h"
#include "lib/smart/receive/usage_reporter.h"
#include "lib/smart/relay/relay_counters.h"
#include "lib/smart/relay/relay_keys.h"
#include "lib/smart/relay/upstream_tunnel.h"
#include "lib/smart/replay_window.h"

namespace linecast::smart {

// By which a packet is told from a forged one before it is passed on.
enum class RelayGuard : uint8_t {
  kClear,    // by nothing: a clear channel
  kOpened,   // by its tag: the group key is held
  kTrusted,  // by the way it came, from the hop's group or in its tunnel: sealed, and no key to open it with
};

// Of the messages of an encrypted channel. Made on the control path.
struct RelayMessageKeys {
  crypto::CmacKey down;  // verifies what the hop above says
  crypto::CmacKey up;    // K_r: vouches for what the repeater says there
  uint16_t key_id = 0;
};

class RelayStream {
 public:
  static constexpr uint8_t kMostHops = 8;

  struct Settings {
    RelayGuard guard = RelayGuard::kClear;
    Ipv4 upstream = 0;             // the hop's address
    Ipv4 group = 0;                // its group, before it moves
    uint16_t port = kDefaultPort;  // of the group, and where the hop is asked; likewise
    UpstreamTunnel tunnel = UpstreamTunnel::kNever;
    Ipv4 address = 0;  // the repeater's own towards it, for its reports
    uint64_t receiver_id = 0;
    uint32_t window = 64;              // packets kept: a power of two, at most 2^14
    TimeNs window_ns = kNsPerSecond;   // for so long what is missing is asked for
    TimeNs reorder_ns = 5 * kNsPerMs;  // a packet may be late by so much before it is asked for
  };
  // keys: of encrypted channels; must outlive it.
  RelayStream(const Settings& settings, const RelayMessageKeys* keys, uint64_t seed);
  RelayStream(const RelayStream&) = delete;
  RelayStream& operator=(const RelayStream&) = delete;

  // How a datagram of the hop above came: to a group, in a tunnel, or else to the repeater alone.
  enum class Way : uint8_t { kNative, kTunnel, kUnicast };
  struct Arrival {
    Way way = Way::kUnicast;
    size_t slot = 0;  // of the group (GroupFollower)
  };

  // What is to become of a data packet.
  enum class Fate : uint8_t {
    kDropped,    // counted
    kKept,       // new: to be kept under `sequence` and passed on, then note_kept()
    kCopy,       // of the one that is kept under `sequence`, or should be: only where nothing opens it
    kHeartbeat,  // to be passed on
  };
  struct Taken {
    Fate fate = Fate::kDropped;
    uint64_t sequence = 0;  // full
    bool repair = false;
    WireFault fault = WireFault::kNone;  // where the datagram is none of the protocol
  };
  // datagram: a UDP payload of type 0. scratch: as large as any datagram; holds nothing afterwards that
  // anybody should read.
  Taken take_data(crypto::Manager& manager, TimeNs now, const Arrival& by, Bytes datagram,
                  MutableBytes scratch);
  void note_kept(TimeNs now, const Taken& taken);

  // SENDER_STATUS and QUIET of the hop above; others are counted. datagram: of type 1, 2 or 3.
  WireFault take_message(crypto::Manager& manager, TimeNs now, const Arrival& by, Bytes datagram);
  // A datagram of type 3 that came from this port of the hop above to the repeater alone. Returns what stood
  // in a TUNNEL_DATA; none where it is none, or is refused (counted, or told as `fault`).
  std::optional<Bytes> take_tunnelling(TimeNs now, uint16_t from_port, Bytes datagram, WireFault& fault);
  // From now on; until the next call, or for good.
  void follow(const RelayEpochs& epochs);
  const RelayEpochs* epochs() const { return epochs_; }

  // The hop moves there, as an announcement says that is believed; and that it has been repeated. The group
  // is taken for joined.
  void follow(TimeNs now, const GroupPlace& to);
  void announced_again(TimeNs now) { groups_.announced_again(now); }
  // The groups to be joined.
  const GroupFollower& groups() const { return groups_; }
  // Where the hop above sends by now; what it is asked names that.
  const GroupPlace& place_above() const { return uses_tunnel() ? tunnel_->place() : groups_.in_use(); }
  // The start number by which the hop's announcements are known; 0: not known yet.
  uint64_t hop_start_number();
  // To which of the hop's ports a message that poll() or leave() gives out goes.
  uint16_t port_of(Bytes message) const;

  // Parts what is asked for below: `held` is for the repair engine, all that lies outside of the window with
  // it. `missing` is what this repeater waits for itself, and whoever asks should wait for as well, but for
  // what was named so within that time; both have at most as many pairs as `asked`.
  void part(TimeNs now, const PairList& asked, PairList& held, PairList& missing);
  // That wait: two round trips of the hop above.
  TimeNs wait_ns() const;

  // Gives out what is to be sent to the hop above by now, as send(Bytes datagram). receivers: that are
  // counted below, behind other repeaters too; when that changes it is soon said above.
  template <typename Send>
  void poll(crypto::Manager& manager, TimeNs now, uint32_t receivers, Send&& send) {
    std::array<uint8_t, kMaxRequestSize> buffer;
    requester_.ask(now, [&](Ipv4, const PairList& pairs) {
      if (const Bytes request = sign_request(manager, pairs, buffer); !request.empty()) send(request);
    });
    note_silence(now);
    run_moves(now);
    run_tunnel(now);
    send_tunnel_messages(manager, now, send);
    if (const Bytes join = take_join(manager, now, receivers, buffer); !join.empty()) send(join);
    for (Bytes report = take_report(manager, now, buffer); !report.empty();
         report = take_report(manager, now, buffer))
      send(report);
  }
  // Gives out what is to be said at the end, in the same way: the LEAVE, where the hop was heard, and
  // LEAVE_TUNNEL.
  template <typename Send>
  void leave(crypto::Manager& manager, TimeNs now, uint32_t receivers, Send&& send) {
    std::array<uint8_t, kMaxRequestSize> buffer;
    if (const Bytes leave = take_leave(manager, now, receivers, buffer); !leave.empty()) send(leave);
    if (tunnel_) tunnel_->close(now);
    send_tunnel_messages(manager, now, send);
  }

  // Whether the stream comes by tunnel.
  bool by_tunnel() const { return settings_.tunnel == UpstreamTunnel::kAlways || simple_.level() != 0; }

  // The sequences that may be kept: of the last run, and no more than the window. Only what note_kept() was
  // told of is.
  bool holds(uint64_t sequence) const;
  bool running() const { return requester_.running(); }
  // Another one where the sequences do not go on from those before.
  uint16_t run() const { return run_; }
  uint64_t first_sequence() const { return first_; }
  uint64_t next_sequence() const { return running() ? requester_.next() : first_; }
  // Of the newest packet that was taken; 1 before the first on an encrypted channel.
  uint8_t synch_code() const { return synch_code_; }
  // From the origin, of what this repeater sends; 0: not known yet.
  uint8_t hops() const { return hops_; }
  bool too_far() const { return hops_ > kMostHops; }
  // When anything valid came last; kNever: nothing has.
  TimeNs heard_ns() const { return heard_ns_; }
  // Of clear channels: how often the stream began anew.
  uint64_t restarts() const { return counters_.get(ReceiveCounter::kRestarts); }

  // Read by the control lcore.
  const ReceiveCounters& counters() const { return counters_; }
  const RelayCounters& relay_counters() const { return relay_counters_; }
  // All 0 where no tunnel is asked for.
  const TunnelClientCounters& tunnel_counters() const { return tunnel_counters_; }
  void count(RelayCounter counter) { relay_counters_.add(counter); }

 private:
  // What is known of the sequence that it names.
  struct Place {
    uint64_t name = 0;  // run (16) | sequence (48); run 0: none
    TimeNs quiet_until_ns =
        0;  // kNever: it is kept. Else missing, and until then those below were told to wait
  };

  Taken take_sealed(crypto::Manager& manager, TimeNs now, const DataHeader& header, Bytes datagram,
                    MutableBytes scratch);
  Taken take_clear(TimeNs now, const DataHeader& header, Bytes datagram);
  bool opens(crypto::Manager& manager, const EpochKey& key, Bytes datagram, MutableBytes scratch) const;
  Taken place_data(TimeNs now, const DataHeader& header, uint64_t sequence);
  Taken place_heartbeat(TimeNs now, const DataHeader& header, uint64_t last);
  Taken take_heartbeat_before_run(TimeNs now, const DataHeader& header, uint64_t counter);
  bool is_believed(uint64_t sequence);
  // Of what no tag vouches for: it came neither by a group nor in a tunnel, and mends nothing; counted.
  bool is_stray(const DataHeader& header, uint64_t sequence);
  void note_unopened(TimeNs now, uint64_t sequence);
  void begin_run(TimeNs now, uint64_t first);
  void reveal(TimeNs now, uint64_t end, const Hop* hop);
  uint64_t oldest() const;
  uint64_t name_of(uint64_t sequence) const { return uint64_t{run_} << 48 | sequence; }
  Place& place(uint64_t sequence);

  void take_status(TimeNs now, const SenderStatus& status, Hop& hop);
  Hop* speaker(crypto::Manager& manager, TimeNs now, Bytes datagram, const Split& split);

  // relay_stream_tunnel.cc
  void note_message(TimeNs now);
  void note_data(TimeNs now, const DataHeader& header, uint64_t sequence);
  void note_copy(crypto::Manager& manager, TimeNs now, const DataHeader& header, Bytes datagram,
                 MutableBytes scratch);
  bool judges_copies() const {
    return by_.way == Way::kNative ? simple_.level() != 0 || groups_.moving()
                                   : by_.way == Way::kTunnel && simple_.trying() != 0;
  }
  void run_tunnel(TimeNs now);
  template <typename Send>
  void send_tunnel_messages(crypto::Manager& manager, TimeNs now, Send&& send) {
    std::array<uint8_t, kMaxRequestSize> buffer;
    for (Bytes message = take_tunnel_message(manager, now, buffer); !message.empty();
         message = take_tunnel_message(manager, now, buffer))
      send(message);
  }

  // relay_stream_moves.cc
  class Joined final : public GroupMemberships {  // by whoever reads groups()
   public:
    bool join(size_t, const GroupPlace&, Ipv4) override { return true; }
  };
  void run_moves(TimeNs now);
  bool is_ours(Ipv4 group) const;
  bool uses_tunnel() const { return settings_.tunnel == UpstreamTunnel::kAlways || simple_.uses(1); }

  // relay_stream_upward.cc: each empty where there is nothing to send
  Bytes take_tunnel_message(crypto::Manager& manager, TimeNs now, MutableBytes buffer);
  Bytes take_leave(crypto::Manager& manager, TimeNs now, uint32_t receivers, MutableBytes buffer);
  Bytes sign_request(crypto::Manager& manager, const PairList& pairs, MutableBytes buffer);
  Bytes take_join(crypto::Manager& manager, TimeNs now, uint32_t receivers, MutableBytes buffer);
  Bytes take_report(crypto::Manager& manager, TimeNs now, MutableBytes buffer);
  Bytes sign(crypto::Manager& manager, MutableBytes buffer, size_t size) {
    return sign(manager, buffer, size, running() ? requester_.next() - 1 : 0);
  }
  Bytes sign(crypto::Manager& manager, MutableBytes buffer, size_t size, uint64_t count);
  void note_silence(TimeNs now);

  const Settings settings_;
  const RelayMessageKeys* const keys_;
  ReceiveCounters counters_;
  RelayCounters relay_counters_;
  TunnelClientCounters tunnel_counters_;
  Random random_;
  BasicRequester<Memory::kTakenOnce> requester_;
  UsageReporter usage_;
  uint32_t receivers_told_ = 0;  // with the last JOIN
  bool told_soon_ = false;       // that there are others now
  FaultReporter faults_;

  Arrival by_;  // of what is being taken
  Joined joined_;
  GroupFollower groups_;
  Simple simple_;
  std::optional<TunnelClient> tunnel_;

  const RelayEpochs* epochs_ = nullptr;
  ReplayWindow heartbeats_seen_;
  ClearSequence clear_;
  uint64_t upstream_start_ = 0;         // from SENDER_STATUS of a clear channel; 0: none yet
  uint32_t late_in_a_row_ = 0;          // of a clear channel; so is the next
  TimeNs clear_heartbeat_ns_ = kNever;  // the last that was taken; kNever: none
  // Sealed packets that could not be opened yet, as those of a start whose KEY_ANNOUNCE is still to come: the
  // lowest of the last moment, not vouched for.
  uint64_t unopened_ = 0;
  TimeNs unopened_ns_ = kNever;  // kNever: none
  // Where nothing opens packets: the last that was too far off to be believed, and how many in a row.
  uint64_t doubtful_ = 0;
  unsigned doubted_ = 0;
  // And before the first packet: its number, from the last heartbeat; none has come yet.
  std::optional<uint16_t> first_number_;

  std::vector<Place> places_;
  uint16_t run_ = 0;      // of sequences that go on from each other; 0: none yet
  uint64_t first_ = 1;    // of the run
  uint64_t settled_ = 1;  // all before it is kept no more, or was counted as unrecovered
  uint8_t synch_code_;
  uint8_t hops_ = 0;
  TimeNs heard_ns_ = kNever;
  TimeNs silence_noted_ns_ = kNever;  // kNever: not polled yet
};

}  // namespace linecast::smart
