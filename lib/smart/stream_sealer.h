// Numbers and seals the data packets of one stream. It owns both IV counters and is the only code that can
// seal, so no nonce can come twice under a key: there is no call that takes a sequence.
#pragma once

#include "lib/crypto/derive.h"
#include "lib/crypto/gcm.h"
#include "lib/smart/wire.h"

namespace linecast::smart {

// The traffic key of one epoch, made ready on the control path.
struct EpochKey {
  EpochKey(crypto::Manager& manager, const crypto::GroupKey& group, const crypto::StartSalt& salt,
           const crypto::ChannelId& channel, uint16_t sender_id, uint32_t epoch_number);

  uint32_t epoch;
  uint16_t key_id;
  crypto::GcmKey gcm;
};

// One lane writes it; nothing else touches it while the lane runs.
class StreamSealer {
 public:
  // first_sequence: random, 1 .. 65535. key null: a clear channel, for good. The key is not owned and must
  // outlive its use.
  StreamSealer(uint16_t sender_id, uint64_t first_sequence, const EpochKey* key);
  StreamSealer(const StreamSealer&) = delete;
  StreamSealer& operator=(const StreamSealer&) = delete;

  // The epoch that takes over from the packet with sequence `from` on (still ahead of next_sequence()).
  // Encrypted only.
  void schedule(const EpochKey* next, uint64_t from);

  // Bytes that seal_data() writes for a payload of this size.
  size_t packet_size(size_t payload_size) const {
    return kDataHeaderSize + payload_size + (key_ != nullptr ? kSealOverhead : 0);
  }
  // Writes header, IV, ciphertext and tag (or header and payload) to `out`, under the next sequence. Returns
  // the bytes written; 0 where the counter is used up (a new start is needed). `out` may overlap payload only
  // exactly in place.
  size_t seal_data(crypto::Manager& manager, PacketFormat format, uint8_t quiet, Bytes payload, uint8_t* out);
  // A heartbeat carrying the last full sequence sent; at most 40 bytes. 0 before the first packet or when
  // used up.
  size_t seal_heartbeat(crypto::Manager& manager, uint8_t quiet, uint8_t* out);

  bool encrypted() const { return key_ != nullptr; }
  uint64_t next_sequence() const { return next_sequence_; }
  uint64_t first_sequence() const { return first_sequence_; }
  uint32_t epoch() const { return key_ != nullptr ? key_->epoch : 0; }
  uint16_t key_id() const { return key_ != nullptr ? key_->key_id : 0; }
  uint8_t current_synch_code() const { return key_ != nullptr ? synch_code(key_->epoch) : 0; }

 private:
  const EpochKey* key_;
  const EpochKey* next_key_ = nullptr;
  uint64_t next_key_from_ = 0;
  uint64_t next_sequence_;
  uint64_t first_sequence_;
  uint64_t next_heartbeat_ = 1;
  uint16_t sender_id_;
};

}  // namespace linecast::smart
