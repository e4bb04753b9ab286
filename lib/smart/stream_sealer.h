// Numbers and seals the packets of one stream.
//
// Why no nonce can come twice under a key: GcmKey::seal is open to StreamSealer alone; no call of
// StreamSealer takes a sequence or an IV; both counters only rise, by one before each use, and run on through
// epochs; data and heartbeats differ in the IV's top bit; a sealer can be neither copied nor moved; and an
// EpochKey lets itself be claimed by one sealer only. Two sealers have two EpochKeys, and those have
// different start salts: a start salt is drawn afresh for each channel at each start. A repair is the kept
// packet with CMD changed, never sealed again.
#pragma once

#include <atomic>

#include "lib/crypto/derive.h"
#include "lib/crypto/gcm.h"
#include "lib/smart/wire.h"

namespace linecast::smart {

// The traffic key of one epoch, made ready on the control path. A sender makes one for one StreamSealer; a
// receiver makes one to open with.
struct EpochKey {
  EpochKey(crypto::Manager& manager, const crypto::GroupKey& group, const crypto::StartSalt& salt,
           const crypto::ChannelId& channel, uint16_t sender_id, uint32_t epoch_number);

  uint32_t epoch;
  uint16_t key_id;
  crypto::GcmKey gcm;

 private:
  friend class StreamSealer;
  bool claim() const { return !claimed_.exchange(true, std::memory_order_relaxed); }
  mutable std::atomic<bool> claimed_{false};  // set by the one StreamSealer that may seal with it
};

// One lane writes it; nothing else touches it while the lane runs.
class StreamSealer {
 public:
  // first_sequence: random, 1 .. 65535. key null: a clear channel, for good. The key is not owned and must
  // outlive its use. Throws Error where first_sequence or sender_id is out of range, or another sealer has
  // the key.
  StreamSealer(uint16_t sender_id, uint64_t first_sequence, const EpochKey* key);
  StreamSealer(const StreamSealer&) = delete;
  StreamSealer& operator=(const StreamSealer&) = delete;

  // The epoch that takes over from the packet with sequence `from` on; replaces one that is still waiting, or
  // puts it off. False, and nothing changed, on a clear channel, where `from` is sent already, where the
  // epoch is not a later one, or where the key was given to a sealer before.
  bool schedule(const EpochKey* next, uint64_t from);

  // Bytes that seal_data() writes for a payload of this size.
  size_t packet_size(size_t payload_size) const {
    return kDataHeaderSize + payload_size + (key_ != nullptr ? kSealOverhead : 0);
  }
  // Writes header, IV, ciphertext and tag (or header and payload) to `out`, under the next sequence. Returns
  // the bytes written; 0 where the counter is used up (a new start is needed) or the packet would be longer
  // than PACKET_SIZE can say. `out` may overlap payload only exactly in place.
  size_t seal_data(crypto::Manager& manager, PacketFormat format, uint8_t quiet, Bytes payload, uint8_t* out);
  // A heartbeat carrying the last full sequence sent; at most 40 bytes; 0 when used up. Before the first data
  // packet it carries first_sequence - 1, so that a receiver notices the loss of the very first packet.
  size_t seal_heartbeat(crypto::Manager& manager, uint8_t quiet, uint8_t* out);

  // Fetches what sealing the next packet reads of its key.
  void prefetch() const {
    if (key_ != nullptr) key_->gcm.prefetch();
  }

  bool encrypted() const { return key_ != nullptr; }
  uint64_t next_sequence() const { return next_sequence_; }
  uint64_t first_sequence() const { return first_sequence_; }
  // Of the packet sealed last; a scheduled epoch shows once its first packet is sealed.
  uint32_t epoch() const { return key_ != nullptr ? key_->epoch : 0; }
  uint16_t key_id() const { return key_ != nullptr ? key_->key_id : 0; }
  uint8_t current_synch_code() const { return key_ != nullptr ? synch_code(key_->epoch) : 0; }

 private:
  friend struct StreamSealerPeer;  // defined by the unit test only: brings the counters near their end

  struct Packet {
    DataCommand command;
    PacketFormat format;
    uint8_t quiet;
    uint16_t number;
    uint64_t counter;  // used by no packet before
  };
  size_t write(crypto::Manager& manager, const Packet& packet, Bytes payload, uint8_t* out);

  const EpochKey* key_;
  const EpochKey* next_key_ = nullptr;
  uint64_t next_key_from_ = 0;
  uint64_t next_sequence_;
  uint64_t first_sequence_;
  uint64_t next_heartbeat_ = 1;
  uint16_t sender_id_;
};

}  // namespace linecast::smart
