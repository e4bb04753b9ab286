// Tunnels in the place of native multicast, from a receiver's point of view.
#include "lib/smart/trailer.h"
#include "tests/unit/smart/receive/inner_packet.h"
#include "tests/unit/smart/receive/scenario.h"

namespace linecast::smart {
namespace {

constexpr FarEnd kFarEnd{0x0a000009, kDefaultPort};

// Two ways from sender to receiver: native multicast, and a far end that grants tunnels and sends all on.
class Tunnelled : public testing::TestWithParam<bool> {  // encrypted
 protected:
  Tunnelled() {
    s.drop = [this](const Datagram& packet) {
      if (lose_one && is_original(packet)) {
        lose_one = false;
        return true;
      }
      if (leased) s.at(s.now + tunnel_delay, [this, packet] { by_tunnel(wrap(packet)); });
      return !native;
    };
    s.take_tunnelling = [this](Ipv4 to, const Datagram& message) {
      ASSERT_EQ(to, kFarEnd.address);
      s.at(s.now + 5 * kMs, [this, message] { answer(message); });
    };
    s.start_sender();
  }

  static Scenario::Options options() {
    Scenario::Options options;
    options.sender.encrypted = GetParam();
    options.settings.tunnels = {kFarEnd};
    return options;
  }

  static Datagram tunnelling(TunnellingCommand command, const Datagram& body) {
    Datagram out(4 + body.size());
    out[1] = static_cast<uint8_t>(0xc0 | static_cast<unsigned>(command));
    store_be16(&out[2], static_cast<uint16_t>(out.size()));
    std::ranges::copy(body, out.begin() + 4);
    return out;
  }
  // The far end has a start number of its own.
  Datagram wrap(Datagram packet) const {
    if (!GetParam() && packet[1] == (1 << 6 | static_cast<int>(MessageCommand::kSenderStatus)))
      store_be64(&packet[20], s.sender->o.start_number + 5);
    return tunnelling(TunnellingCommand::kData,
                      inner_packet({.source = kHop, .destination = s.sender->o.group, .payload = packet}));
  }
  void by_tunnel(const Datagram& datagram) { s.receiver->receive_unicast(s.now, datagram, kFarEnd); }

  void answer(const Datagram& message) {
    Split split;
    TunnelRequest request;
    ASSERT_EQ(split_message(message, split), WireFault::kNone);
    ASSERT_TRUE(decode(split.body, request));
    check_trailer(message, split.trailer);
    Datagram out(64);
    if (split.header.command == static_cast<uint8_t>(TunnellingCommand::kLeave)) {
      leased = false;
      ++leaves;
    } else if (request.cookie == std::array<uint8_t, 16>{}) {
      request.cookie[0] = 1;
      out.resize(encode(TunnellingCommand::kChallenge, request, out));
      by_tunnel(out);
    } else {
      leased = grants;
      const TunnelGrant grant{request.group, 0, static_cast<uint16_t>(grants ? 60 : 0), 0, request.cookie};
      out.resize(encode(grant, out));
      by_tunnel(out);
    }
  }
  void check_trailer(const Datagram& message, Bytes trailer) {
    EXPECT_EQ(trailer.empty(), !GetParam());
    if (trailer.empty()) return;
    const TrailerFields fields = read_trailer(trailer);
    EXPECT_EQ(fields.count, 0u) << "good however long ago something was opened";
    const crypto::CmacKey up(s.sender->manager(),
                             crypto::derive_up_key(s.sender->o.group_key, s.sender->o.channel_id));
    EXPECT_TRUE(verify_cmac_trailer(s.sender->manager(),
                                    crypto::receiver_key(s.sender->manager(), up, fields.id), message));
  }
  std::vector<uint32_t> problems() const {
    std::vector<uint32_t> codes;
    for (const auto& report : s.reports_of(MessageCommand::kProblemReport)) {
      Split split;
      FaultReport fault;
      EXPECT_EQ(split_message(report.datagram, split), WireFault::kNone);
      EXPECT_TRUE(decode(split.body, fault));
      codes.push_back(fault.code);
    }
    std::ranges::sort(codes);
    return codes;
  }
  uint64_t tunnel_count(TunnelClientCounter c) const { return s.receiver->tunnel_counters().get(c); }

  bool native = true, leased = false, grants = true;
  bool lose_one = false;  // the next original, on both ways
  int leaves = 0;
  TimeNs tunnel_delay = 5 * kMs;
  Scenario s{options()};
};

TEST_P(Tunnelled, NativeMulticastIsCutAndComesBackAndNothingIsLost) {
  for (const TimeNs delay : {TimeNs{0}, 5 * kMs}) {  // sooner than native multicast, and later
    tunnel_delay = delay;
    s.requests.clear();
    s.asked.clear();
    const size_t changes = s.level_changes.size();
    s.send_stream(2'700, 10 * kMs);
    s.run_for(2 * kNsPerSecond);
    native = false;
    s.run_for(6 * kNsPerSecond);
    EXPECT_EQ(s.receiver->level(), 1u);
    native = true;
    for (int i = 1; i < 10; ++i) s.at(s.now + i * kNsPerSecond, [this] { lose_one = true; });
    s.run_for(10'300 * kMs);
    EXPECT_EQ(s.receiver->level(), 0u) << delay;
    s.run_for(12 * kNsPerSecond);
    EXPECT_EQ(s.level_changes.size(), changes + 2);
    EXPECT_TRUE(s.complete()) << "each packet once, in order: " << s.played.size() << " of " << s.sent;
    EXPECT_GE(s.requests.size(), 10u)
        << "for what was missing before the tunnel, and for what both ways lost";
    EXPECT_TRUE(std::ranges::all_of(s.asked, [](Ipv4 hop) { return hop == kFarEnd.address; }));
    EXPECT_FALSE(leased);
    s.run_for(700 * kNsPerSecond);  // the hold-down is forgotten
  }
  EXPECT_EQ(leaves, 2);
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
  EXPECT_EQ(s.count(ReceiveCounter::kRestarts), 0u);
  EXPECT_EQ(s.count(ReceiveCounter::kClimbed), 2u);
  EXPECT_EQ(s.count(ReceiveCounter::kCameDown), 2u);
  EXPECT_EQ(problems(), (std::vector<uint32_t>{4, 4, 5, 5}));
  EXPECT_TRUE(s.requests_valid);
}

TEST_P(Tunnelled, WithoutNativeMulticastFromTheStart) {
  native = false;
  s.run_for(4 * kNsPerSecond);
  s.send_stream(10'000, 10 * kMs);
  s.run_for(102 * kNsPerSecond);
  EXPECT_EQ(s.receiver->level(), 1u);
  EXPECT_TRUE(s.complete());
  EXPECT_GE(tunnel_count(TunnelClientCounter::kGrants), 6u) << "renewed";
  EXPECT_EQ(tunnel_count(TunnelClientCounter::kExpired), 0u);
  ASSERT_FALSE(s.reports_of(MessageCommand::kUsageReportJoin).empty());
  EXPECT_EQ(s.reports_of(MessageCommand::kUsageReportJoin)[0].to, kFarEnd.address);
}

TEST_P(Tunnelled, AStreamThatIsIdleClimbsAndComesDownToo) {
  s.send_stream(10, 10 * kMs);
  s.run_for(3 * kNsPerSecond);
  native = false;
  s.run_for(60 * kNsPerSecond);
  ASSERT_EQ(s.level_changes.size(), 1u);
  EXPECT_EQ(s.receiver->level(), 1u);
  native = true;
  s.run_for(12 * kNsPerSecond);
  EXPECT_EQ(s.receiver->level(), 0u);
  EXPECT_EQ(s.count(ReceiveCounter::kStrangers), 0u);
}

TEST_P(Tunnelled, ARefusalIsReported) {
  native = grants = false;
  s.send_stream(1'000, 10 * kMs);
  s.run_for(2 * kNsPerSecond);
  native = true;
  s.run_for(1 * kNsPerSecond);
  native = false;
  s.run_for(6 * kNsPerSecond);
  native = true;
  s.run_for(4 * kNsPerSecond);
  EXPECT_EQ(s.receiver->level(), 0u);
  EXPECT_EQ(tunnel_count(TunnelClientCounter::kRefused), 1u);
  EXPECT_EQ(std::ranges::count(problems(), 2u), 1);
}

TEST_P(Tunnelled, ALeavingReceiverLeavesItsTunnel) {
  native = false;
  s.run_for(5 * kNsPerSecond);
  ASSERT_TRUE(leased);
  s.receiver->leave(s.now);
  s.run_for(10 * kMs);
  EXPECT_EQ(leaves, 1);
}

TEST_P(Tunnelled, ListensToNobodyElse) {
  native = false;
  s.run_for(5 * kNsPerSecond);
  ASSERT_TRUE(leased);
  const uint64_t taken = tunnel_count(TunnelClientCounter::kData);
  const Datagram data = wrap(s.sender->data(Scenario::payload(0)));
  s.receiver->receive_unicast(s.now, data, {kFarEnd.address, kDefaultPort + 1});
  s.receiver->receive_unicast(s.now, data, {kFarEnd.address + 1, kDefaultPort});
  EXPECT_EQ(tunnel_count(TunnelClientCounter::kNotAsked), 2u);
  s.receiver->receive(s.now, data, kFarEnd.address);  // to the group
  s.receiver->receive_unicast(s.now, tunnelling(TunnellingCommand::kLeave, Datagram(24)), kFarEnd);
  EXPECT_EQ(s.count(ReceiveCounter::kNotForReceivers), 2u);
  EXPECT_EQ(tunnel_count(TunnelClientCounter::kData), taken);
  Datagram cut = data;
  cut.resize(20);
  s.receiver->receive_unicast(s.now, cut, kFarEnd);
  EXPECT_EQ(s.receiver->wire_faults().get(WireFault::kSizeMismatch), 1u);
}

TEST_P(Tunnelled, RepairsByUnicastAreNoNativeMulticast) {
  s.send_stream(3'000, 10 * kMs);
  s.run_for(2 * kNsPerSecond);
  native = false;
  for (int i = 0; i < 400; ++i)
    s.at(s.now + i * 10 * kMs, [this] {
      Datagram repair = s.sender->kept(s.sender->next_sequence() - 1);
      set_data_command(repair.data(), DataCommand::kRepair, 0);
      s.receiver->receive_unicast(s.now, repair, {kHop, kDefaultPort});
    });
  s.run_for(4 * kNsPerSecond);
  EXPECT_EQ(s.receiver->level(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Clear, Tunnelled, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Encrypted, Tunnelled, testing::Values(true));

class TunnelledSealed : public Tunnelled {};

TEST_P(TunnelledSealed, ForgedCopiesAreNoNativeMulticast) {
  s.send_stream(3'000, 10 * kMs);
  s.run_for(kNsPerSecond);
  native = false;
  s.run_for(5 * kNsPerSecond);
  ASSERT_EQ(s.receiver->level(), 1u);
  for (int i = 0; i < 2'000; ++i)
    s.at(s.now + i * 10 * kMs, [this] {
      Datagram copy = s.sender->kept(s.sender->next_sequence() - 5);  // which came by tunnel
      copy.back() ^= 1;
      s.receiver->receive(s.now, copy, kHop);
    });
  s.run_for(20 * kNsPerSecond);
  EXPECT_EQ(s.level_changes.size(), 1u);
  EXPECT_GT(s.count(ReceiveCounter::kDuplicates), 1'900u);
}

INSTANTIATE_TEST_SUITE_P(Encrypted, TunnelledSealed, testing::Values(true));

}  // namespace
}  // namespace linecast::smart
