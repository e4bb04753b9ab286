#include "lib/smart/stream_sealer.h"

#include <fmt/format.h>

#include "lib/base/error.h"

namespace linecast::smart {
namespace {

crypto::GcmKey make_gcm(crypto::Manager& manager, const crypto::GroupKey& group,
                        const crypto::StartSalt& salt, const crypto::ChannelId& channel, uint16_t sender_id,
                        uint32_t epoch) {
  const crypto::TrafficKey traffic = crypto::derive_traffic_key(group, salt, channel, sender_id, epoch);
  return {manager, group.cipher, Bytes(traffic.key).first(crypto::key_size(group.cipher)),
          traffic.nonce_salt};
}

}  // namespace

EpochKey::EpochKey(crypto::Manager& manager, const crypto::GroupKey& group, const crypto::StartSalt& salt,
                   const crypto::ChannelId& channel, uint16_t sender_id, uint32_t epoch_number)
    : epoch(epoch_number),
      key_id(group.id),
      gcm(make_gcm(manager, group, salt, channel, sender_id, epoch_number)) {}

StreamSealer::StreamSealer(uint16_t sender_id, uint64_t first_sequence, const EpochKey* key)
    : key_(key), next_sequence_(first_sequence), first_sequence_(first_sequence), sender_id_(sender_id) {
  if (sender_id > kMaxSenderId)
    throw Error(fmt::format("sender id {} is beyond {}", sender_id, kMaxSenderId));
  if (first_sequence < 1 || first_sequence > UINT16_MAX)
    throw Error(fmt::format("first sequence {} is not within 1 .. 65535", first_sequence));
  if (key != nullptr && !key->claim())
    throw Error("an epoch key that another stream seals with was given to a second one");
}

bool StreamSealer::schedule(const EpochKey* next, uint64_t from) {
  if (key_ == nullptr || from < next_sequence_ || next->epoch <= key_->epoch) return false;
  if (next != next_key_ && !next->claim()) return false;
  next_key_ = next;
  next_key_from_ = from;
  return true;
}

size_t StreamSealer::seal_data(crypto::Manager& manager, PacketFormat format, uint8_t quiet, Bytes payload,
                               uint8_t* out) {
  if (next_sequence_ > kMaxCounter || packet_size(payload.size()) > UINT16_MAX) return 0;
  if (next_key_ != nullptr && next_sequence_ >= next_key_from_) {
    key_ = next_key_;
    next_key_ = nullptr;
  }
  const uint64_t sequence = next_sequence_++;
  return write(manager, {DataCommand::kOriginal, format, quiet, static_cast<uint16_t>(sequence), sequence},
               payload, out);
}

size_t StreamSealer::seal_heartbeat(crypto::Manager& manager, uint8_t quiet, uint8_t* out) {
  if (next_heartbeat_ > kMaxCounter) return 0;
  const uint64_t last = next_sequence_ - 1;
  std::array<uint8_t, kHeartbeatPayloadSize> payload;
  store_be64(payload.data(), last);
  const uint64_t counter = next_heartbeat_++;
  return write(manager,
               {DataCommand::kHeartbeat, PacketFormat::kOpaque, quiet, static_cast<uint16_t>(last), counter},
               payload, out);
}

size_t StreamSealer::write(crypto::Manager& manager, const Packet& packet, Bytes payload, uint8_t* out) {
  const size_t size = packet_size(payload.size());
  encode_data_header({.synch_code = current_synch_code(),
                      .command = packet.command,
                      .size = static_cast<uint16_t>(size),
                      .number = packet.number,
                      .format = packet.format,
                      .sealed = encrypted(),
                      .quiet = packet.quiet},
                     out);
  uint8_t* body = out + kDataHeaderSize;
  if (!encrypted()) {
    if (body != payload.data() && !payload.empty()) std::memcpy(body, payload.data(), payload.size());
    return size;
  }
  encode_iv({.heartbeat = packet.command == DataCommand::kHeartbeat,
             .sender_id = sender_id_,
             .counter = packet.counter},
            body);
  uint8_t* ciphertext = body + kIvSize;
  key_->gcm.seal(manager, body, data_aad(out), payload, ciphertext, ciphertext + payload.size());
  return size;
}

}  // namespace linecast::smart
