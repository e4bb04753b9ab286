// A receiver against a script of genuine, damaged and invented datagrams, and of time passing. Beside what
// the sanitizers see it must play in order, ask for no more than it may, and never want to be called without
// end.
#include <cstdlib>

#include "lib/smart/receive/channel_receiver.h"
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

constexpr Ipv4 kFarEnd = 9;

class Output : public ReceiverOutput {
 public:
  void play(const PlayedPacket& packet) override {
    require(packet.due_ns >= last_due_);  // so sequences rise too, but for new runs
    last_due_ = packet.due_ns;
  }
  void give_up(uint64_t, uint64_t count) override { require(count > 0); }
  void send(Ipv4 to, uint16_t, Bytes datagram) override {
    Split split;
    require(to != 0 && split_message(datagram, split) == WireFault::kNone);
    Replacement request;
    UsageReport usage;
    FaultReport fault;
    TunnelRequest tunnel;
    if (split.header.type == PacketType::kTunnelling) {
      require((to == kFarEnd || to == kFarEnd + 1) && split.header.command <= 2 &&
              decode(split.body, tunnel));
      cookie = tunnel.cookie;
      return;
    }
    if (split.header.type == PacketType::kReplacement) {
      require(decode(split.body, request));
      ++requests;
      return;
    }
    require(split.header.type == PacketType::kMessage);
    switch (static_cast<MessageCommand>(split.header.command)) {
      case MessageCommand::kUsageReportJoin:
      case MessageCommand::kUsageReportLeave:
        require(decode(split.body, usage));
        break;
      case MessageCommand::kErrorReport:
        require(decode(split.body, fault) && text_of_error(fault.code) != nullptr && fault.count > 0);
        ++fault_reports;
        break;
      case MessageCommand::kProblemReport:
        require(decode(split.body, fault) && text_of_problem(fault.code) != nullptr && fault.count > 0);
        ++fault_reports;
        break;
      default:
        std::abort();
    }
  }
  void report(ReceiverEvent) override {}
  bool join(size_t slot, const GroupPlace& place, Ipv4) override {
    require(!held.at(slot) && is_multicast(place.group) && place.port != 0);
    held[slot] = joins;
    return joins;
  }
  void leave(size_t slot) override {
    require(held.at(slot));
    held[slot] = false;
  }
  std::array<bool, GroupFollower::kMaxGroups> held{true};
  bool joins = true;
  std::array<uint8_t, 16> cookie{};  // of the last request for a tunnel
  size_t requests = 0;
  size_t fault_reports = 0;

 private:
  TimeNs last_due_ = INT64_MIN;
};

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
  ByteReader in(Bytes(data, size));
  const uint8_t kind = in.u8();
  const bool encrypted = (kind & 1) != 0;
  uint8_t starts = 0;
  auto sender = std::make_unique<SmartSender>(sender_options(encrypted, starts));
  Random random(1);
  Output output;
  ReceiverSettings settings;
  settings.channel_id = sender->o.channel_id;
  settings.group = sender->o.group;
  settings.encrypted = encrypted;
  settings.source = (kind & 2) != 0 ? 7 : 0;
  if ((kind & 4) != 0) settings.tunnels = {{kFarEnd}, {kFarEnd + 1}};
  settings.follow_moves = (kind & 8) != 0;
  settings.buffer_ns = 100 * kNsPerMs;
  settings.max_packets = 256;
  settings.max_packet_bytes = 256 << 10;
  settings.max_waiting_packets = 16;
  settings.max_waiting_bytes = 256 << 10;
  const crypto::GroupKey key = sender->o.group_key;
  ChannelReceiver receiver(settings, manager, std::span(&key, 1), {sender->public_key()}, random, output);

  TimeNs now = kNsPerSecond;
  const auto deliver = [&](Datagram packet, uint8_t how) {
    if ((how & 0x80) != 0) return;  // lost
    if ((how & 0x40) != 0 && !packet.empty()) packet[in.u8() % packet.size()] ^= in.u8();
    const size_t slot = how >> 4 & 3;
    const bool joined = slot < output.held.size() && output.held[slot];
    receiver.receive(now, packet, 1 + (how & 0xf), joined ? slot : 0);
  };
  while (in.ok() && in.remaining() > 0) {
    const uint8_t op = in.u8();
    const uint8_t how = in.u8();
    switch (op % 18) {
      case 0:
      case 1:
      case 2:
        deliver(sender->data(Datagram(op, how)), how);
        break;
      case 3:
        deliver(sender->heartbeat(), how);
        break;
      case 4:
        if (encrypted) deliver(sender->announce(), how);
        break;
      case 5:
        deliver(sender->status(in.u16(), in.u8()), how);
        break;
      case 6: {
        std::vector<SequencePair> pairs(how % 65);
        for (SequencePair& pair : pairs) pair = {in.u16(), in.u16()};
        deliver(sender->quiet_message(in.u16(), pairs), in.u8());
        break;
      }
      case 7:
        for (int i = 0; i < how; ++i) sender->data({});  // all lost
        break;
      case 8: {
        const Bytes raw = in.bytes(std::min<size_t>(how, in.remaining()));
        Datagram packet(raw.begin(), raw.end());
        if ((op & 0x80) != 0 && packet.size() >= 4)
          store_be16(&packet[2], static_cast<uint16_t>(packet.size()));
        deliver(packet, 0);
        break;
      }
      case 9:
        sender->quiet = how & 15;
        if (encrypted && (how & 0x80) != 0) sender->schedule_epoch(sender->next_sequence() + (how >> 4), key);
        break;
      case 12:
        receiver.leave(now);
        break;
      case 14: {  // by tunnel
        const Datagram inner =
            inner_packet({.destination = sender->o.group,
                          .payload = (how & 1) != 0 ? sender->data({}) : sender->status()});
        Datagram packet(kCommonHeaderSize + inner.size());
        packet.resize(encode_tunnel_data(inner, packet));
        if ((how & 0x40) != 0) packet[in.u8() % packet.size()] ^= in.u8();
        receiver.receive_unicast(now, packet, {kFarEnd});
        break;
      }
      case 15: {  // what a far end answers
        Datagram packet(64);
        const auto challenge_cookie = in.array<16>();
        packet.resize((how & 1) != 0
                          ? encode(TunnellingCommand::kChallenge,
                                   TunnelRequest{sender->o.group, 0, challenge_cookie}, packet)
                          : encode(TunnelGrant{sender->o.group, 0, in.u16(), 0, output.cookie}, packet));
        receiver.receive_unicast(now, packet, {kFarEnd + how / 128});
        break;
      }
      case 17: {  // numbers small enough to meet
        output.joins = (how & 0x20) == 0;
        const Ipv4 from = sender->o.group + (in.u8() & 3), to = sender->o.group + (in.u8() & 3);
        deliver(sender->move(in.u8() & 7, {from, to, AddrRangeChange::Switch{in.u16(), in.u64()}}), how);
        break;
      }
      case 16: {
        const Bytes raw = in.bytes(std::min<size_t>(how, in.remaining()));
        Datagram packet(raw.begin(), raw.end());
        if (packet.size() >= 4) store_be16(&packet[2], static_cast<uint16_t>(packet.size()));
        receiver.receive_unicast(now, packet, {kFarEnd});
        break;
      }
      case 13:  // what is reported takes its time
        now += how * kNsPerSecond / 10;
        receiver.poll(now);
        break;
      case 10:
        if (starts < 3) sender = std::make_unique<SmartSender>(sender_options(encrypted, ++starts));
        break;
      default: {
        now += how * kNsPerMs / 4;
        for (int calls = 0; receiver.next_due() <= now; ++calls) {
          require(calls < 1000);
          receiver.poll(now);
          now += kNsPerMs / 100;
        }
        break;
      }
    }
  }
  receiver.play_all();
  // Each code at most once in ten seconds.
  require(output.fault_reports <= 8 * (1 + static_cast<size_t>(now / (10 * kNsPerSecond))) + 8);
  require(output.requests <= 17 * 1000 * (size + 1));
  return 0;
}
