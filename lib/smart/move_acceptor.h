// Takes in the ADDR_RANGE_CHANGE messages of one channel: which are to be believed.
#pragma once

#include <array>
#include <vector>

#include "lib/base/time.h"
#include "lib/base/token_bucket.h"
#include "lib/smart/group_place.h"
#include "lib/smart/trusted_keys.h"

namespace linecast::smart {

// What became of an announcement. One list: enum, counters, texts. Checked in this order.
#define LINECAST_MOVE_RESULTS(_)                                                                     \
  _(kAccepted, "move_accepted", "a new ADDR_RANGE_CHANGE that is believed")                          \
  _(kIgnored, "move_ignored", "ADDR_RANGE_CHANGE on a clear channel, which does not follow them")    \
  _(kMalformed, "move_malformed", "not signed, or its fields make no sense")                         \
  _(kRepeat, "move_repeat", "identical to the last accepted, or to the group in use; nothing to do") \
  _(kWrongGroup, "move_wrong_group", "from a group that is not received here")                       \
  _(kStranger, "move_stranger", "from no hop that is heard, or of another start of it")              \
  _(kOld, "move_old", "the count is not above the last accepted: a replay")                          \
  _(kUntrusted, "move_untrusted", "signed with a key that is not among the trusted ones")            \
  _(kNotVerified, "move_not_verified",                                                               \
    "more ADDR_RANGE_CHANGE than are verified in the time; not looked at")                           \
  _(kBadSignature, "move_bad_signature", "the signature does not fit: forged or damaged")
LINECAST_COUNTER_LIST(MoveResult, LINECAST_MOVE_RESULTS)

inline constexpr size_t kMoveSize = kCommonHeaderSize + 20 + kSignedTrailerSize;  // 104 bytes
using MoveDatagram = std::array<uint8_t, kMoveSize>;

// One thread; bounded state, which only announcements that are believed change.
class MoveAcceptor {
 public:
  static constexpr size_t kMaxHops = 8;                    // whose counts are remembered
  static constexpr uint64_t kVerificationsPerSecond = 50;  // 0.1 ms each

  // clear_too: believe those of a clear channel, which nobody signs.
  MoveAcceptor(bool encrypted, bool clear_too, const std::vector<crypto::PublicKey>& trusted)
      : encrypted_(encrypted), clear_too_(clear_too), trusted_(trusted) {}

  // What the receiver knows of itself, and of the hop at the datagram's source.
  struct Standing {
    GroupPlace in_use;
    std::span<const Ipv4> held;     // groups
    bool hop_heard = false;         // on a clear channel: data came from there
    uint64_t hop_start_number = 0;  // of encrypted channels; 0: not known
  };
  // datagram: the whole UDP payload. `to` is set where the answer is kAccepted.
  MoveResult accept(TimeNs now, Bytes datagram, const Standing& standing, GroupPlace& to);

 private:
  struct Last {  // accepted of a hop
    uint64_t start_number = 0;
    uint64_t count = 0;
    TimeNs when = INT64_MIN;
    MoveDatagram datagram{};
    size_t size = 0;
  };
  bool is_repeat(Bytes datagram) const;
  Last& last_of(uint64_t start_number);

  const bool encrypted_, clear_too_;
  TrustedKeys trusted_;
  std::array<Last, kMaxHops> last_{};
  TokenBucket verifications_{kVerificationsPerSecond, kVerificationsPerSecond};
};

}  // namespace linecast::smart
