// Trailers: whatever message carries one, it verifies as written, reads back, and no longer verifies with any
// one bit changed. Raw input must never verify.
#include <cstdlib>
#include <vector>

#include "lib/smart/trailer.h"

using namespace linecast;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static crypto::Manager manager;
  static const crypto::CmacKey key(manager, {1, 2, 3});

  smart::Split split;
  const Bytes all(data, size);
  if (smart::split_message(all, split) == smart::WireFault::kNone && !split.trailer.empty())
    smart::read_trailer(split.trailer);
  require(!smart::verify_cmac_trailer(manager, key, all));

  ByteReader input(all);
  smart::TrailerFields fields;
  fields.id = input.u64();
  fields.key_id = input.u16();
  fields.count = input.u48();
  const uint8_t code = input.u8();
  const size_t room = input.u16() % 256;
  const uint16_t flip = input.u16();
  const Bytes message = input.bytes(input.remaining());
  if (!input.ok()) return 0;

  std::vector<uint8_t> buffer(message.begin(), message.end());
  buffer.resize(message.size() + room);
  const size_t made = smart::append_cmac_trailer(manager, key, fields, code, buffer, message.size());
  const bool fits = code != 0 && message.size() >= smart::kCommonHeaderSize &&
                    room >= smart::kCmacTrailerSize && message.size() + smart::kCmacTrailerSize <= UINT16_MAX;
  require(made == (fits ? message.size() + smart::kCmacTrailerSize : 0));
  if (made == 0) return 0;

  const MutableBytes datagram(buffer.data(), made);
  require(datagram[0] == code && load_be16(&datagram[2]) == made);
  require(smart::verify_cmac_trailer(manager, key, datagram));
  const smart::TrailerFields read = smart::read_trailer(datagram.last(smart::kCmacTrailerSize));
  require(read.id == fields.id && read.key_id == fields.key_id && read.count == fields.count);
  datagram[flip / 8 % made] ^= static_cast<uint8_t>(1 << flip % 8);
  require(!smart::verify_cmac_trailer(manager, key, datagram));
  return 0;
}
