// A repeater's stream against a script of genuine, damaged and invented datagrams, requests from below, and
// of time passing. Beside what the sanitizers see, no full sequence may be passed on twice in a run, what is
// said above must be well formed, what is asked for must be parted into no more pairs than came, and what
// comes to the repeater alone moves the stream only where a tag vouches for it.
#include <cstdlib>
#include <set>

#include "lib/smart/relay/relay_stream.h"
#include "tests/packets/smart_sender.h"
#include "tests/unit/smart/receive/inner_packet.h"

namespace {

using namespace linecast;
using namespace linecast::smart;
using packets::Datagram;
using packets::SmartSender;

void require(bool holds) {
  if (!holds) std::abort();
}

SmartSender::Options sender_options(bool encrypted, uint8_t start) {
  SmartSender::Options options;
  options.encrypted = encrypted;
  options.start_number = 1000 + start;
  options.salt = static_cast<uint8_t>(1 + start);
  options.first_sequence = 65'000;
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static crypto::Manager manager;
  static std::array<uint8_t, 2048> scratch;
  ByteReader in(Bytes(data, size));
  const auto guard = static_cast<RelayGuard>(in.u8() % 3);
  const bool encrypted = guard != RelayGuard::kClear;
  uint8_t starts = 0;
  auto sender = std::make_unique<SmartSender>(sender_options(encrypted, starts));
  const crypto::GroupKey key = sender->o.group_key;
  const crypto::CmacKey up(manager, crypto::derive_up_key(key, sender->o.channel_id));
  const RelayMessageKeys message_keys{
      crypto::CmacKey(manager, crypto::derive_down_key(key, sender->o.channel_id)),
      crypto::receiver_key(manager, up, 77), key.id};
  const auto held = guard == RelayGuard::kOpened ? std::span(&key, 1) : std::span<const crypto::GroupKey>();
  RelayKeys keys(sender->o.channel_id, held, {sender->public_key()});
  const RelayStream::Settings settings{.guard = guard,
                                       .upstream = 1,
                                       .group = sender->o.group,
                                       .tunnel = static_cast<UpstreamTunnel>(in.u8() % 3),
                                       .address = 2,
                                       .receiver_id = 77,
                                       .window = 64,
                                       .window_ns = 100 * kNsPerMs};
  RelayStream relay(settings, encrypted ? &message_keys : nullptr, 1);
  std::vector<std::unique_ptr<const RelayEpochs>> epochs;
  std::set<uint64_t> passed_on;
  TimeNs now = kNsPerSecond;
  const std::array<uint8_t, 16> cookie{5};

  const auto deliver = [&](Datagram packet, uint8_t how) {
    if ((how & 0x80) != 0) return;  // lost
    const auto way = static_cast<RelayStream::Way>((how & 0x0f) % 3);
    if ((how & 0x40) != 0 && !packet.empty()) packet[in.u8() % packet.size()] ^= in.u8();
    CommonHeader header;
    if (decode_common(packet, header) == WireFault::kNone && header.type == PacketType::kData) {
      const uint64_t first = relay.first_sequence(), next = relay.next_sequence();
      const RelayStream::Taken taken = relay.take_data(manager, now, {way}, packet, scratch);
      if (guard != RelayGuard::kOpened && way == RelayStream::Way::kUnicast)
        require(relay.first_sequence() == first && relay.next_sequence() == next);
      if (relay.first_sequence() != first || relay.next_sequence() < next) passed_on.clear();  // another run
      if (taken.fate != RelayStream::Fate::kKept) return;
      require(taken.sequence >= relay.first_sequence() && taken.sequence <= relay.next_sequence());
      require(relay.next_sequence() - taken.sequence <= settings.window);
      if ((how & 0x20) != 0) return;  // there was no frame for it
      require(passed_on.insert(taken.sequence).second);
      relay.note_kept(now, taken);
      return;
    }
    relay.take_message(manager, now, {way}, packet);
    if (auto followed = keys.take(now, packet, (how & 0x10) != 0); followed != nullptr) {
      relay.follow(*followed);
      epochs.push_back(std::move(followed));
      passed_on.clear();
    }
  };
  while (in.ok() && in.remaining() > 0) {
    const uint8_t op = in.u8();
    const uint8_t how = in.u8();
    switch (op % 15) {
      case 0:
      case 1:
      case 2: {
        const std::vector<uint8_t> payload(how, 1);
        const Datagram packet = sender->data(payload);
        deliver(packet, how);
        if ((op & 0x80) != 0) deliver(packet, 0);
        break;
      }
      case 3:
        deliver(sender->heartbeat(), how);
        break;
      case 4:
        if (encrypted) deliver(sender->announce(), how);
        break;
      case 5:
        sender->hops = in.u8() % 10;
        deliver(sender->status(in.u8(), in.u8()), how);
        break;
      case 6:
        deliver(sender->quiet_message(in.u16(), {{in.u16(), in.u16()}}), how);
        break;
      case 7: {
        sender = std::make_unique<SmartSender>(sender_options(encrypted, ++starts));
        break;
      }
      case 8: {
        Datagram invented(in.u8());
        for (uint8_t& byte : invented) byte = in.u8();
        if (invented.size() >= 4) store_be16(invented.data() + 2, static_cast<uint16_t>(invented.size()));
        deliver(invented, how & 0x3f);
        break;
      }
      case 9: {
        PairList asked, kept, missing;
        for (asked.count = 0; asked.count < how % (kMaxPairs + 1); ++asked.count)
          asked.pairs[asked.count] = {in.u16(), in.u16()};
        relay.part(now, asked, kept, missing);
        require(kept.count <= asked.count && missing.count <= asked.count);
        break;
      }
      case 10: {
        // A repair of something that was sent.
        bool good = false;
        Datagram request(64);
        PairList asked;
        asked.pairs[asked.count++] = {static_cast<uint16_t>(sender->next_sequence() - how % 32), in.u16()};
        request.resize(encode(Replacement{sender->o.group, asked}, request));
        if (!encrypted)
          for (const Datagram& repair : sender->answer(request, good)) deliver(repair, 0);
        break;
      }
      case 11: {
        // The far end of a tunnel, or somebody who knows no cookie.
        TunnelRequest challenge{sender->o.group, 0, cookie};
        challenge.cookie[0] ^= how >> 7;
        Datagram answer(64);
        answer.resize((how & 1) != 0
                          ? encode(TunnellingCommand::kChallenge, challenge, answer)
                          : encode(TunnelGrant{challenge.group, 0, how, 0, challenge.cookie}, answer));
        WireFault fault{};
        require(
            !relay.take_tunnelling(now, static_cast<uint16_t>(kDefaultPort + (how >> 6 & 1)), answer, fault));
        break;
      }
      case 12: {
        InnerPacket inner{.source = 1, .destination = sender->o.group, .payload = sender->heartbeat()};
        const auto packet = inner_packet(inner);
        Datagram datagram(200);
        datagram.resize(encode_tunnel_data(packet, datagram));
        if ((how & 0x40) != 0) datagram[in.u8() % datagram.size()] ^= in.u8();
        WireFault fault{};
        if (const auto found = relay.take_tunnelling(now, kDefaultPort, datagram, fault))
          deliver(Datagram(found->begin(), found->end()), static_cast<uint8_t>(RelayStream::Way::kTunnel));
        break;
      }
      case 13:
        relay.follow(now, {sender->o.group + how % 4, kDefaultPort});
        break;
      default:
        now += how * kNsPerMs;
        break;
    }
    size_t said = 0;
    relay.poll(manager, now, how, [&](Bytes message) {
      Split split;
      require(split_message(message, split) == WireFault::kNone && split.trailer.empty() != encrypted);
      require(++said < 64);
    });
  }
  return 0;
}
