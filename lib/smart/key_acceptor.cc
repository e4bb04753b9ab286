#include "lib/smart/key_acceptor.h"

#include <algorithm>
#include <tuple>

#include "lib/smart/trailer.h"

namespace linecast::smart {
namespace {

// A KEY_ANNOUNCE with a signed trailer whose fields agree with each other.
bool parse(Bytes datagram, KeyAnnounce& message, TrailerFields& trailer) {
  Split split;
  if (datagram.size() != kKeyAnnounceSize || split_message(datagram, split) != WireFault::kNone) return false;
  if (split.header.type != PacketType::kMessage ||
      split.header.command != static_cast<uint8_t>(MessageCommand::kKeyAnnounce) ||
      split.trailer.size() != kSignedTrailerSize || !decode(split.body, message))
    return false;
  trailer = read_trailer(split.trailer);
  const bool cipher_known = message.cipher == static_cast<uint8_t>(crypto::Cipher::kAes128Gcm) ||
                            message.cipher == static_cast<uint8_t>(crypto::Cipher::kAes256Gcm);
  return cipher_known && trailer.id == message.start_number && trailer.count > 0 && message.epoch > 0 &&
         split.header.synch_code == synch_code(message.epoch) &&
         (message.next_epoch == 0 || message.next_epoch > message.epoch) &&
         message.next_first_sequence <= kMaxCounter && message.sender_id <= kMaxSenderId;
}

}  // namespace

KeyAcceptor::KeyAcceptor(const crypto::ChannelId& channel, const std::vector<crypto::PublicKey>& trusted)
    : channel_(channel), trusted_(trusted) {}

KeyAnnounceResult KeyAcceptor::accept(TimeNs now, Bytes datagram, KeyAnnounce& out) {
  KeyAnnounce message;
  TrailerFields trailer;
  if (!parse(datagram, message, trailer)) return KeyAnnounceResult::kMalformed;
  if (message.channel_id != channel_) return KeyAnnounceResult::kWrongChannel;

  Sender* const end = senders_.data() + sender_count_;
  Sender* sender =
      std::find_if(senders_.data(), end, [&](const Sender& s) { return s.id == message.sender_id; });
  if (sender != end) {
    if (std::equal(datagram.begin(), datagram.end(), sender->last.begin())) return KeyAnnounceResult::kRepeat;
    if (std::tie(message.start_number, trailer.count) <= std::tie(sender->start_number, sender->count))
      return KeyAnnounceResult::kOld;
  }
  if (!trusted_.any(trailer.key_id)) return KeyAnnounceResult::kUntrusted;
  if (sender == end && sender_count_ == kMaxSenders) return KeyAnnounceResult::kTooManySenders;
  if (!verifications_.take(now, 1)) return KeyAnnounceResult::kNotVerified;
  if (!trusted_.verify(trailer.key_id, datagram)) return KeyAnnounceResult::kBadSignature;

  if (sender == end) ++sender_count_;
  sender->id = message.sender_id;
  sender->start_number = message.start_number;
  sender->count = trailer.count;
  std::copy(datagram.begin(), datagram.end(), sender->last.begin());
  out = message;
  return KeyAnnounceResult::kAccepted;
}

}  // namespace linecast::smart
