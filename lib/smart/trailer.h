// Trailers of messages on encrypted channels: id (8) | key id (2) | count (6) | MAC over all before it.
// T = 32 with AES-CMAC, T = 80 with Ed25519 (KEY_ANNOUNCE and ADDR_RANGE_CHANGE).
#pragma once

#include "lib/crypto/cmac.h"
#include "lib/crypto/signature.h"
#include "lib/smart/wire.h"

namespace linecast::smart {

struct TrailerFields {
  uint64_t id = 0;      // start number of the hop, or receiver id
  uint16_t key_id = 0;  // group key id; of a signed trailer the public key's hint
  uint64_t count = 0;   // 48 bits
};

// Appends a trailer to the `size` bytes of message that stand at the front of `buffer`, sets
// ACCESS_SYNCH_CODE (not 0) and PACKET_SIZE. Returns the new size, 0 where the buffer is too small.
size_t append_cmac_trailer(crypto::Manager& manager, const crypto::CmacKey& key, const TrailerFields& fields,
                           uint8_t synch_code, MutableBytes buffer, size_t size);
size_t append_signed_trailer(const crypto::SigningKey& key, const TrailerFields& fields, uint8_t synch_code,
                             MutableBytes buffer, size_t size);

// `trailer`: as split_message gives it (32 or 80 bytes).
TrailerFields read_trailer(Bytes trailer);
// `datagram`: the whole, trailer included. Constant time.
bool verify_cmac_trailer(crypto::Manager& manager, const crypto::CmacKey& key, Bytes datagram);
bool verify_signed_trailer(const crypto::PublicKey& key, Bytes datagram);

}  // namespace linecast::smart
