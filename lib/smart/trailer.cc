#include "lib/smart/trailer.h"

namespace linecast::smart {
namespace {

constexpr size_t kFieldsSize = 8 + 2 + 6;
static_assert(kFieldsSize + crypto::kCmacSize == kCmacTrailerSize);
static_assert(kFieldsSize + crypto::kSignatureSize == kSignedTrailerSize);

// Sets code and size in the header and writes the fields. Returns the bytes that the MAC covers; none where
// the buffer is too small or the message cannot have a trailer.
Bytes write_fields(const TrailerFields& fields, uint8_t synch_code, size_t trailer_size, MutableBytes buffer,
                   size_t size) {
  if (synch_code == 0 || size < kCommonHeaderSize || size > buffer.size() || fields.count > kMaxCounter)
    return {};
  if (trailer_size > buffer.size() - size || size + trailer_size > UINT16_MAX) return {};
  buffer[0] = synch_code;
  store_be16(&buffer[2], static_cast<uint16_t>(size + trailer_size));
  ByteWriter writer(buffer.subspan(size));
  writer.u64(fields.id);
  writer.u16(fields.key_id);
  writer.u48(fields.count);
  return buffer.first(size + kFieldsSize);
}

}  // namespace

size_t append_cmac_trailer(crypto::Manager& manager, const crypto::CmacKey& key, const TrailerFields& fields,
                           uint8_t synch_code, MutableBytes buffer, size_t size) {
  const Bytes covered = write_fields(fields, synch_code, kCmacTrailerSize, buffer, size);
  if (covered.empty()) return 0;
  const crypto::CmacTag tag = key.mac(manager, covered);
  std::memcpy(&buffer[covered.size()], tag.data(), tag.size());
  return size + kCmacTrailerSize;
}

size_t append_signed_trailer(const crypto::SigningKey& key, const TrailerFields& fields, uint8_t synch_code,
                             MutableBytes buffer, size_t size) {
  const Bytes covered = write_fields(fields, synch_code, kSignedTrailerSize, buffer, size);
  if (covered.empty()) return 0;
  const crypto::Signature signature = key.sign(covered);
  std::memcpy(&buffer[covered.size()], signature.data(), signature.size());
  return size + kSignedTrailerSize;
}

TrailerFields read_trailer(Bytes trailer) {
  ByteReader reader(trailer);
  TrailerFields fields;
  fields.id = reader.u64();
  fields.key_id = reader.u16();
  fields.count = reader.u48();
  return fields;
}

bool verify_cmac_trailer(crypto::Manager& manager, const crypto::CmacKey& key, Bytes datagram) {
  if (datagram.size() < kCommonHeaderSize + kCmacTrailerSize) return false;
  const Bytes covered = datagram.first(datagram.size() - crypto::kCmacSize);
  return key.verify(manager, covered, covered.data() + covered.size());
}

bool verify_signed_trailer(const crypto::PublicKey& key, Bytes datagram) {
  if (datagram.size() < kCommonHeaderSize + kSignedTrailerSize) return false;
  const Bytes covered = datagram.first(datagram.size() - crypto::kSignatureSize);
  return crypto::verify_signature(key, covered, covered.data() + covered.size());
}

}  // namespace linecast::smart
