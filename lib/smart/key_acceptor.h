// Takes in the KEY_ANNOUNCE messages of one encrypted channel: which are to be believed.
#pragma once

#include <vector>

#include "lib/base/time.h"
#include "lib/base/token_bucket.h"
#include "lib/smart/key_announcer.h"
#include "lib/smart/trusted_keys.h"

namespace linecast::smart {

// What became of an announcement. One list: enum, counters, texts. Checked in this order.
#define LINECAST_KEY_ANNOUNCE_RESULTS(_)                                                                    \
  _(kAccepted, "key_announce_accepted", "a new announcement, verified")                                     \
  _(kRepeat, "key_announce_repeat", "identical to the last accepted; nothing to do")                        \
  _(kMalformed, "key_announce_malformed", "not a signed KEY_ANNOUNCE, or its fields contradict each other") \
  _(kWrongChannel, "key_announce_wrong_channel", "of another channel")                                      \
  _(kOld, "key_announce_old", "start number and count are not above the last accepted: a replay")           \
  _(kUntrusted, "key_announce_untrusted", "signed with a key that is not among the trusted ones")           \
  _(kTooManySenders, "key_announce_too_many_senders", "more senders of one channel than are remembered")    \
  _(kNotVerified, "key_announce_not_verified",                                                              \
    "more announcements than are verified in the time; not looked at")                                      \
  _(kBadSignature, "key_announce_bad_signature", "the signature does not fit: forged or damaged")
LINECAST_COUNTER_LIST(KeyAnnounceResult, LINECAST_KEY_ANNOUNCE_RESULTS)

// One thread. Its state is a few kilobytes, whatever arrives; only verified announcements change it.
class KeyAcceptor {
 public:
  static constexpr size_t kMaxSenders = 8;
  // Verifying takes about 0.1 ms; a flood of forgeries must not take the whole core.
  static constexpr uint64_t kVerificationsPerSecond = 1000;

  KeyAcceptor(const crypto::ChannelId& channel, const std::vector<crypto::PublicKey>& trusted);

  // datagram: the whole UDP payload. `out` holds the announcement where the answer is kAccepted; else it is
  // untouched.
  KeyAnnounceResult accept(TimeNs now, Bytes datagram, KeyAnnounce& out);

 private:
  struct Sender {
    uint16_t id = 0;
    uint64_t start_number = 0;
    uint64_t count = 0;
    KeyAnnounceDatagram last{};
  };

  crypto::ChannelId channel_;
  TrustedKeys trusted_;
  std::array<Sender, kMaxSenders> senders_;
  size_t sender_count_ = 0;
  TokenBucket verifications_{kVerificationsPerSecond, kVerificationsPerSecond / 10};
};

}  // namespace linecast::smart
