// Opens the sealed packets of an encrypted channel: knows which stream is followed, its keys and what has
// come before. Nothing is given out before its tag verified. One thread.
#pragma once

#include <optional>
#include <vector>

#include "lib/base/time.h"
#include "lib/smart/receive/epoch_keys.h"
#include "lib/smart/receive/receive_counters.h"
#include "lib/smart/replay_window.h"

namespace linecast::smart {

class StreamOpener {
 public:
  // Another sender of the channel is followed when the one before has been silent so long.
  static constexpr TimeNs kSilentAfter = 3 * kNsPerSecond;

  // manager and members must outlive it.
  StreamOpener(crypto::Manager& manager, const MemberKeys& members, ReceiveCounters& counters);

  enum class Followed : uint8_t {
    kNewStream,  // the first, a new start, or another sender: its sequences have nothing to do with those
                 // before
    kSameStream,
    kStandby  // of another sender, while this one is heard: remembered
  };
  // Takes an announcement that was accepted. `keys_held` false: it names a group key that is not held.
  Followed follow(TimeNs now, const KeyAnnounce& announce, bool& keys_held);
  // Follows the standby, where it is this sender's and the stream is silent. True: as kNewStream.
  bool follow_standby(TimeNs now, uint16_t sender_id, bool& keys_held);

  struct Opened {
    bool heartbeat = false;
    uint64_t sequence = 0;  // full; of a heartbeat the last one sent
    uint16_t key_id = 0;    // group key
    Bytes payload;          // until the next call
    ReplayWindow::Verdict replay = ReplayWindow::Verdict::kNew;
  };
  enum class Verdict : uint8_t {
    kOpened,
    kKeyUnknown,   // may be opened later
    kReplay,       // came before: `replay` says how
    kBadTag,       // another key, or altered
    kOtherSender,  // not of the stream that is followed; counted
    kDropped       // counted
  };
  // datagram: sealed, as decode_data() accepted it.
  Verdict open(TimeNs now, const DataHeader& header, Bytes datagram, Opened& out);
  // Whether a packet that open() calls a replay (kSeen) is a copy of one that was opened, and none that was
  // made up: `out` as of one that is opened. Nothing is marked.
  bool is_copy(const DataHeader& header, Bytes datagram, Opened& out);
  // The last packet, or when the stream was taken up.
  TimeNs opened_ns() const { return opened_ns_; }

 private:
  Followed switch_to(TimeNs now, const KeyAnnounce& announce, bool& keys_held);
  bool decrypt(const EpochKey& key, Bytes datagram, Opened& out);

  crypto::Manager& manager_;
  const MemberKeys& members_;
  ReceiveCounters& counters_;
  bool follows_ = false;
  uint16_t sender_id_ = 0;
  uint64_t start_number_ = 0;
  TimeNs opened_ns_ = 0;
  EpochKeys epochs_;
  std::optional<KeyAnnounce> standby_;
  KeyAnnounce followed_;
  ReplayWindow data_seen_;
  ReplayWindow heartbeats_seen_;
  std::vector<uint8_t> plaintext_;  // grows to the largest packet
};

}  // namespace linecast::smart
