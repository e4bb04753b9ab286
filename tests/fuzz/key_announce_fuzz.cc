// KEY_ANNOUNCE as a receiver takes it: any bytes, and any fields under a signature that fits. However the
// input goes, (start number, count) of what is accepted only rises for each sender.
#include <cstdlib>
#include <map>
#include <utility>

#include "lib/smart/key_acceptor.h"
#include "lib/smart/trailer.h"

using namespace linecast;

namespace {

const crypto::SigningKey& signing_key() {
  static const crypto::SigningKey key(std::array<uint8_t, 32>{1, 2, 3});
  return key;
}

constexpr crypto::ChannelId kChannel{};

struct Datagram {
  smart::KeyAnnounceDatagram bytes{};
  size_t size = 0;
};

// The next of the input: bytes as they stand, or a signed message of small numbers, so that they meet.
Datagram next_datagram(ByteReader& input) {
  Datagram datagram;
  if ((input.u8() & 3) == 0) {
    const Bytes raw = input.bytes(std::min(input.remaining(), datagram.bytes.size()));
    std::copy(raw.begin(), raw.end(), datagram.bytes.begin());
    datagram.size = raw.size();
    return datagram;
  }
  smart::KeyAnnounce message{.channel_id = kChannel};
  message.sender_id = input.u8() & 15;
  message.cipher = input.u8() & 3;
  message.start_number = input.u8() & 3;
  message.epoch = input.u8();
  message.next_epoch = input.u8();
  message.next_first_sequence = input.u64();
  message.start_salt = input.array<16>();
  const smart::TrailerFields fields{.id = input.u8() & 3u,
                                    .key_id = crypto::public_key_hint(signing_key().public_key()),
                                    .count = input.u8() & 7u};
  const size_t size = smart::encode(message, datagram.bytes);
  const uint8_t code = (input.u8() & 15) == 0 ? input.u8() : smart::synch_code(message.epoch);
  datagram.size = smart::append_signed_trailer(signing_key(), fields, code, datagram.bytes, size);
  return datagram;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader input(Bytes(data, size));
  smart::KeyAcceptor acceptor(kChannel, {signing_key().public_key()});
  std::map<uint16_t, std::pair<uint64_t, uint64_t>> last;
  TimeNs now = 0;
  for (int i = 0; i < 32 && input.remaining() > 0; ++i) {
    const Datagram datagram = next_datagram(input);
    const Bytes bytes = Bytes(datagram.bytes).first(datagram.size);
    smart::KeyAnnounce message;
    if (acceptor.accept(now += kNsPerSecond, bytes, message) != smart::KeyAnnounceResult::kAccepted) continue;
    const uint64_t count = smart::read_trailer(bytes.last(smart::kSignedTrailerSize)).count;
    const std::pair<uint64_t, uint64_t> mark{message.start_number, count};
    if (mark <= last[message.sender_id]) std::abort();
    last[message.sender_id] = mark;
    if (last.size() > smart::KeyAcceptor::kMaxSenders) std::abort();
    if (acceptor.accept(now, bytes, message) != smart::KeyAnnounceResult::kRepeat) std::abort();
  }
  return 0;
}
