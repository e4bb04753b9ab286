// Builds the signed KEY_ANNOUNCE of one stream. Control path: signing allocates and takes tens of
// microseconds.
#pragma once

#include <optional>

#include "lib/crypto/derive.h"
#include "lib/crypto/signature.h"
#include "lib/smart/wire.h"

namespace linecast::smart {

inline constexpr size_t kKeyAnnounceSize = kCommonHeaderSize + 60 + kSignedTrailerSize;  // 144 bytes
using KeyAnnounceDatagram = std::array<uint8_t, kKeyAnnounceSize>;

class KeyAnnouncer {
 public:
  // What stays the same for the whole of a start.
  struct Stream {
    crypto::ChannelId channel_id{};
    uint16_t sender_id = 0;
    crypto::Cipher cipher = crypto::Cipher::kAes128Gcm;
    uint64_t start_number = 0;
    crypto::StartSalt start_salt{};
  };
  struct Epoch {
    uint32_t number = 0;  // 1 and up
    uint16_t key_id = 0;
    bool operator==(const Epoch&) const = default;
  };
  struct NextEpoch {
    Epoch epoch;
    uint64_t first_sequence = 0;  // full sequence of its first packet
    bool operator==(const NextEpoch&) const = default;
  };

  // The key is not owned.
  KeyAnnouncer(const crypto::SigningKey& key, const Stream& stream) : key_(key), stream_(stream) {}

  // The datagram (UDP payload) to send every 100 ms. Signed anew, with a higher count, only where the content
  // is not that of the call before: an unchanged announcement is the same bytes, so that receivers can drop
  // it without verifying. Valid until the next call. Throws Error where OpenSSL cannot sign or an epoch is
  // out of order.
  const KeyAnnounceDatagram& announce(const Epoch& current, const std::optional<NextEpoch>& next);

 private:
  const crypto::SigningKey& key_;
  const Stream stream_;
  uint64_t count_ = 0;  // of the datagram; 0: none made yet
  Epoch current_;
  std::optional<NextEpoch> next_;
  KeyAnnounceDatagram datagram_{};
};

}  // namespace linecast::smart
