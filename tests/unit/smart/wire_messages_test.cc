#include "lib/base/random.h"
#include "tests/unit/smart/wire_table.h"

namespace linecast::smart {
namespace {

// Random fields: a swapped, cut or shifted one shows.
class Fields {
 public:
  explicit Fields(uint64_t seed) : random_(seed) {}
  uint64_t u64() { return random_.next(); }
  uint32_t u32() { return static_cast<uint32_t>(random_.next()); }
  uint16_t u16() { return static_cast<uint16_t>(random_.next()); }
  uint8_t u8() { return static_cast<uint8_t>(random_.next()); }
  template <size_t N>
  std::array<uint8_t, N> array() {
    std::array<uint8_t, N> a;
    for (uint8_t& byte : a) byte = u8();
    return a;
  }
  PairList pairs(size_t count) {
    PairList list;
    list.count = count;
    for (size_t i = 0; i < count; ++i) list.pairs[i] = {u16(), u16()};
    return list;
  }

 private:
  Random random_;
};

constexpr int kRounds = 200;

struct Encoded {
  std::array<uint8_t, 512> buffer;
  size_t size = 0;
  Bytes datagram() const { return Bytes(buffer).first(size); }
};

// Splits and decodes what was encoded, from an odd address; checks that a buffer one byte shorter is refused.
template <typename Message, typename Encode>
Message through_the_wire(Encode encode_to, uint8_t type, uint8_t command) {
  Encoded e;
  const MutableBytes out = MutableBytes(e.buffer).subspan(1);
  e.size = encode_to(out);
  EXPECT_GT(e.size, 0u);
  for (size_t room = 0; room < e.size; ++room) EXPECT_EQ(encode_to(out.first(room)), 0u) << room;
  EXPECT_EQ(encode_to(out.first(e.size)), e.size);
  Split split;
  Message m;
  // KEY_ANNOUNCE stands only with its trailer: its body is taken without split_message.
  const Bytes datagram = Bytes(out).first(e.size);
  if (command == 0x20) {
    EXPECT_EQ(split_message(datagram, split), WireFault::kTrailerMismatch);
    EXPECT_TRUE(decode(datagram.subspan(4), m));
  } else {
    EXPECT_EQ(split_message(datagram, split), WireFault::kNone);
    EXPECT_TRUE(decode(split.body, m));
  }
  EXPECT_EQ(datagram[0], 0);
  EXPECT_EQ(datagram[1], type << 6 | command);
  EXPECT_EQ(load_be16(&datagram[2]), e.size);
  return m;
}

bool same(const PairList& a, const PairList& b) {
  return std::equal(a.view().begin(), a.view().end(), b.view().begin(), b.view().end(),
                    [](const SequencePair& x, const SequencePair& y) {
                      return x.sequence == y.sequence && x.mask == y.mask;
                    });
}

TEST(WireMessages, AddrRangeChangeRoundTrip) {
  Fields f(1);
  for (int i = 0; i < kRounds; ++i) {
    AddrRangeChange in{f.u32(), f.u32(), std::nullopt};
    if (i % 2 == 1) in.at = AddrRangeChange::Switch{f.u16(), f.u64()};
    const auto out =
        through_the_wire<AddrRangeChange>([&](MutableBytes b) { return encode(in, b); }, 1, 0x01);
    EXPECT_EQ(out.from, in.from);
    EXPECT_EQ(out.to, in.to);
    ASSERT_EQ(out.at.has_value(), in.at.has_value());
    if (!in.at) continue;
    EXPECT_EQ(out.at->port, in.at->port);
    EXPECT_EQ(out.at->first_sequence, in.at->first_sequence);
  }
}

TEST(WireMessages, UsageReportRoundTrip) {
  Fields f(2);
  for (int i = 0; i < kRounds; ++i) {
    UsageReport in{f.u32(), f.u32(), std::nullopt};
    if (i % 4 >= 2) in.detail = UsageReport::Detail{f.u32(), f.u32(), f.u32(), f.u32()};
    const auto command = i % 2 == 0 ? MessageCommand::kUsageReportJoin : MessageCommand::kUsageReportLeave;
    const auto out = through_the_wire<UsageReport>([&](MutableBytes b) { return encode(command, in, b); }, 1,
                                                   i % 2 == 0 ? 0x02 : 0x03);
    EXPECT_EQ(out.group, in.group);
    EXPECT_EQ(out.receiver, in.receiver);
    ASSERT_EQ(out.detail.has_value(), in.detail.has_value());
    if (!in.detail) continue;
    EXPECT_EQ(out.detail->echoed_hop_time_us, in.detail->echoed_hop_time_us);
    EXPECT_EQ(out.detail->held_us, in.detail->held_us);
    EXPECT_EQ(out.detail->watched_s, in.detail->watched_s);
    EXPECT_EQ(out.detail->receivers, in.detail->receivers);
  }
}

TEST(WireMessages, FaultReportRoundTrip) {
  Fields f(3);
  for (int i = 0; i < kRounds; ++i) {
    const FaultReport in{f.u32(), f.u32(), f.u32(), f.u32(), f.u32()};
    const auto command = i % 2 == 0 ? MessageCommand::kErrorReport : MessageCommand::kProblemReport;
    const auto out = through_the_wire<FaultReport>([&](MutableBytes b) { return encode(command, in, b); }, 1,
                                                   i % 2 == 0 ? 0x0b : 0x10);
    EXPECT_EQ(out.reporting, in.reporting);
    EXPECT_EQ(out.concerning, in.concerning);
    EXPECT_EQ(out.code, in.code);
    EXPECT_EQ(out.count, in.count);
    EXPECT_EQ(out.first_sequence, in.first_sequence);
  }
}

TEST(WireMessages, KeyAnnounceRoundTrip) {
  Fields f(4);
  for (int i = 0; i < kRounds; ++i) {
    const KeyAnnounce in{.channel_id = f.array<8>(),
                         .sender_id = f.u16(),
                         .cipher = f.u8(),
                         .start_number = f.u64(),
                         .epoch = f.u32(),
                         .key_id = f.u16(),
                         .next_key_id = f.u16(),
                         .next_epoch = f.u32(),
                         .next_first_sequence = f.u64(),
                         .start_salt = f.array<16>()};
    const auto out = through_the_wire<KeyAnnounce>([&](MutableBytes b) { return encode(in, b); }, 1, 0x20);
    EXPECT_EQ(out.channel_id, in.channel_id);
    EXPECT_EQ(out.sender_id, in.sender_id);
    EXPECT_EQ(out.cipher, in.cipher);
    EXPECT_EQ(out.start_number, in.start_number);
    EXPECT_EQ(out.epoch, in.epoch);
    EXPECT_EQ(out.key_id, in.key_id);
    EXPECT_EQ(out.next_key_id, in.next_key_id);
    EXPECT_EQ(out.next_epoch, in.next_epoch);
    EXPECT_EQ(out.next_first_sequence, in.next_first_sequence);
    EXPECT_EQ(out.start_salt, in.start_salt);
  }
}

TEST(WireMessages, SenderStatusRoundTrip) {
  Fields f(5);
  for (int i = 0; i < kRounds; ++i) {
    const SenderStatus in{f.u32(), f.u32(), f.u16(), f.u16(), f.u8(), f.u8(), f.u64()};
    const auto out = through_the_wire<SenderStatus>([&](MutableBytes b) { return encode(in, b); }, 1, 0x21);
    EXPECT_EQ(out.group, in.group);
    EXPECT_EQ(out.hop_time_us, in.hop_time_us);
    EXPECT_EQ(out.round_trip_ms, in.round_trip_ms);
    EXPECT_EQ(out.report_window_s, in.report_window_s);
    EXPECT_EQ(out.log2_group_size, in.log2_group_size);
    EXPECT_EQ(out.hops, in.hops);
    EXPECT_EQ(out.start_number, in.start_number);
  }
}

TEST(WireMessages, ReplacementRoundTripOfEveryPairCount) {
  Fields f(6);
  for (size_t count = 1; count <= 64; ++count) {
    const Replacement in{f.u32(), f.pairs(count)};
    const auto out = through_the_wire<Replacement>([&](MutableBytes b) { return encode(in, b); }, 2, 0x01);
    EXPECT_EQ(out.group, in.group);
    EXPECT_EQ(out.list.count, count);
    EXPECT_TRUE(same(out.list, in.list)) << count;
  }
}

TEST(WireMessages, QuietRoundTripOfEveryPairCount) {
  Fields f(7);
  for (size_t count = 0; count <= 64; ++count) {
    const Quiet in{f.u32(), f.u16(), f.pairs(count)};
    const auto out = through_the_wire<Quiet>([&](MutableBytes b) { return encode(in, b); }, 2, 0x02);
    EXPECT_EQ(out.group, in.group);
    EXPECT_EQ(out.duration_ms, in.duration_ms);
    EXPECT_EQ(out.list.count, count);
    EXPECT_TRUE(same(out.list, in.list)) << count;
  }
}

TEST(WireMessages, TunnelMessagesRoundTrip) {
  Fields f(8);
  for (int i = 0; i < kRounds; ++i) {
    const TunnelRequest in{f.u32(), f.u32(), f.array<16>()};
    const uint8_t command = static_cast<uint8_t>(1 + i % 3);
    const auto out = through_the_wire<TunnelRequest>(
        [&](MutableBytes b) { return encode(static_cast<TunnellingCommand>(command), in, b); }, 3, command);
    EXPECT_EQ(out.group, in.group);
    EXPECT_EQ(out.endpoint, in.endpoint);
    EXPECT_EQ(out.cookie, in.cookie);

    const TunnelGrant grant{f.u32(), f.u32(), f.u16(), f.u16(), f.array<16>()};
    const auto got = through_the_wire<TunnelGrant>([&](MutableBytes b) { return encode(grant, b); }, 3, 0x04);
    EXPECT_EQ(got.group, grant.group);
    EXPECT_EQ(got.endpoint, grant.endpoint);
    EXPECT_EQ(got.lease_s, grant.lease_s);
    EXPECT_EQ(got.reason, grant.reason);
    EXPECT_EQ(got.cookie, grant.cookie);
  }
}

TEST(WireMessages, TunnelDataCarriesTheInnerPacket) {
  std::array<uint8_t, 40> inner;
  for (size_t i = 0; i < inner.size(); ++i) inner[i] = static_cast<uint8_t>(i + 1);
  std::array<uint8_t, 64> out;
  ASSERT_EQ(encode_tunnel_data(inner, out), 44u);
  Split split;
  ASSERT_EQ(split_message(Bytes(out).first(44), split), WireFault::kNone);
  EXPECT_EQ(split.header.type, PacketType::kTunnelling);
  EXPECT_EQ(split.header.command, 5);
  EXPECT_TRUE(std::equal(split.body.begin(), split.body.end(), inner.begin(), inner.end()));
  EXPECT_EQ(encode_tunnel_data(inner, MutableBytes(out).first(43)), 0u);
}

TEST(WireMessages, EncodersRefuseWhatNoMessageCanSay) {
  std::array<uint8_t, 512> out;
  EXPECT_EQ(encode(Replacement{}, out), 0u);
  PairList list{};
  list.count = 65;
  EXPECT_EQ(encode(Replacement{1, list}, out), 0u);
  EXPECT_EQ(encode(Quiet{1, 2, list}, out), 0u);
  EXPECT_EQ(encode(MessageCommand::kErrorReport, UsageReport{}, out), 0u);
  EXPECT_EQ(encode(MessageCommand::kUsageReportJoin, FaultReport{}, out), 0u);
  EXPECT_EQ(encode(TunnellingCommand::kGrant, TunnelRequest{}, out), 0u);
  EXPECT_EQ(encode(TunnellingCommand::kData, TunnelRequest{}, out), 0u);
  EXPECT_EQ(encode_tunnel_data(Bytes(out).first(27), out), 0u);
  const std::vector<uint8_t> huge(65532);
  std::vector<uint8_t> room(70000);
  EXPECT_EQ(encode_tunnel_data(huge, room), 0u);
  EXPECT_EQ(encode_tunnel_data(Bytes(huge).first(65531), room), 65535u);
}

// split_message refuses these too; the decoders must not rely on it.
TEST(WireMessages, DecodersTakeExactlyTheirLengths) {
  const std::vector<uint8_t> bytes(400, 0xff);
  for (const MessageKind& kind : message_kinds())
    for (size_t size = 0; size <= bytes.size(); ++size) {
      const std::vector<uint8_t> exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      const bool fits =
          std::find(kind.body_sizes.begin(), kind.body_sizes.end(), size) != kind.body_sizes.end();
      EXPECT_EQ(kind.decodes(exact), fits) << kind.name << ' ' << size;
    }
}

TEST(WireMessages, BlankBytesAreIgnoredAndSentAsZero) {
  KeyAnnounce key;
  std::array<uint8_t, 60> key_body{};
  key_body[11] = 0xff;  // blank behind the cipher
  std::fill(key_body.begin() + 56, key_body.end(), uint8_t{0xff});
  ASSERT_TRUE(decode(key_body, key));
  std::array<uint8_t, 64> out;
  ASSERT_EQ(encode(key, out), 64u);
  EXPECT_TRUE(std::all_of(out.begin() + 4, out.end(), [](uint8_t b) { return b == 0; }));

  std::array<uint8_t, 24> status_body{};
  status_body[14] = status_body[15] = 0xff;
  SenderStatus status;
  ASSERT_TRUE(decode(status_body, status));
  std::fill(out.begin(), out.end(), uint8_t{0xee});
  ASSERT_EQ(encode(status, out), 28u);
  EXPECT_TRUE(std::all_of(out.begin() + 4, out.begin() + 28, [](uint8_t b) { return b == 0; }));

  std::array<uint8_t, 20> change_body{};
  change_body[10] = change_body[11] = 0xff;
  AddrRangeChange change;
  ASSERT_TRUE(decode(change_body, change));
  std::fill(out.begin(), out.end(), uint8_t{0xee});
  ASSERT_EQ(encode(change, out), 24u);
  EXPECT_TRUE(std::all_of(out.begin() + 4, out.begin() + 24, [](uint8_t b) { return b == 0; }));

  std::array<uint8_t, 8> quiet_body{};
  quiet_body[6] = quiet_body[7] = 0xff;
  Quiet quiet;
  ASSERT_TRUE(decode(quiet_body, quiet));
  EXPECT_EQ(quiet.list.count, 0u);
  std::fill(out.begin(), out.end(), uint8_t{0xee});
  ASSERT_EQ(encode(quiet, out), 12u);
  EXPECT_TRUE(std::all_of(out.begin() + 4, out.begin() + 12, [](uint8_t b) { return b == 0; }));
}

// A struct that held the optional part before must not keep it.
TEST(WireMessages, DecodingShortFormsForgetsOptionalParts) {
  AddrRangeChange change;
  change.at = AddrRangeChange::Switch{1, 2};
  UsageReport report;
  report.detail = UsageReport::Detail{1, 2, 3, 4};
  const std::array<uint8_t, 8> body{};
  ASSERT_TRUE(decode(body, change));
  EXPECT_FALSE(change.at.has_value());
  ASSERT_TRUE(decode(body, report));
  EXPECT_FALSE(report.detail.has_value());
}

}  // namespace
}  // namespace linecast::smart
