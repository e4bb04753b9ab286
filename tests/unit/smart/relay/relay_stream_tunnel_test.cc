// By which way a repeater's stream comes: the group, or a tunnel of the same hop where that fails.
#include <gmock/gmock.h>

#include "tests/unit/smart/receive/inner_packet.h"
#include "tests/unit/smart/relay/relay_bed.h"

namespace linecast::smart {
namespace {

using Fate = RelayStream::Fate;
using Way = RelayStream::Way;
constexpr TimeNs kMs = kNsPerMs;
constexpr std::array<uint8_t, 16> kCookie{5, 6, 7};

// A hop that sends a packet each 10 ms to its group and into the tunnel that it grants.
class Upstream : public testing::TestWithParam<RelayGuard> {
 protected:
  explicit Upstream(UpstreamTunnel tunnel = UpstreamTunnel::kAuto) : bed(GetParam(), {}, 1024, tunnel) {
    bed.take_tunnelling = [this](const Datagram& asked) { answer(asked); };
    bed.begin();
  }

  void answer(const Datagram& message) {
    Split split;
    TunnelRequest request;
    ASSERT_EQ(split_message(message, split), WireFault::kNone);
    ASSERT_TRUE(decode(split.body, request));
    EXPECT_EQ(request.group, bed.sender->o.group);
    EXPECT_EQ(split.trailer.empty(), GetParam() == RelayGuard::kClear);
    if (!split.trailer.empty()) {
      EXPECT_EQ(read_trailer(split.trailer).count, 0u) << "good however long ago something came";
    }
    Datagram out(64);
    if (split.header.command == static_cast<uint8_t>(TunnellingCommand::kLeave)) {
      leased = false;
      ++leaves;
      return;
    }
    if (request.cookie != kCookie) {
      request.cookie = kCookie;
      out.resize(encode(TunnellingCommand::kChallenge, request, out));
    } else {
      leased = grants;
      out.resize(
          encode(TunnelGrant{request.group, 0, static_cast<uint16_t>(grants ? 60 : 0), 0, kCookie}, out));
    }
    say(out);
  }
  std::optional<Bytes> say(const Datagram& datagram, uint16_t port = kDefaultPort) {
    WireFault fault{};
    const auto inner = bed.relay->take_tunnelling(bed.now, port, datagram, fault);
    EXPECT_EQ(fault, WireFault::kNone);
    return inner;
  }
  void by_tunnel(const Datagram& datagram) {
    const auto packet = inner_packet(
        {.source = RelayBed::kUpstream, .destination = bed.sender->o.group, .payload = datagram});
    Datagram out(4 + packet.size());
    out.resize(encode_tunnel_data(packet, out));
    const auto inner = say(out);
    ASSERT_TRUE(inner);
    deliver(Datagram(inner->begin(), inner->end()), Way::kTunnel);
  }
  void deliver(const Datagram& datagram, Way way) {
    if (datagram[1] >> 6 == static_cast<int>(PacketType::kData))
      bed.take(datagram, way);
    else
      bed.message(datagram, way);
  }
  // By each way that works; the tunnel's is the slower one.
  void send(const Datagram& datagram) {
    if (native) deliver(datagram, Way::kNative);
    if (leased) by_tunnel(datagram);
  }
  void run_for(TimeNs span, bool data = true) {
    for (const TimeNs end = bed.now + span; bed.now < end;) {
      if (data) send(bed.data());
      if (bed.now % kNsPerSecond == 0) {
        send(bed.sender->status());
        send(bed.sender->heartbeat());
      }
      bed.answers_come = leased ? Way::kTunnel : Way::kNative;
      bed.run_for(10 * kMs, leased || native ? 3 * kMs : 0);
    }
  }
  std::vector<ProblemCode> problems() const {
    std::vector<ProblemCode> codes;
    for (const Datagram& report : bed.reports) {
      Split split;
      FaultReport fault;
      if (split_message(report, split) == WireFault::kNone &&
          split.header.command == static_cast<uint8_t>(MessageCommand::kProblemReport) &&
          decode(split.body, fault))
        codes.push_back(static_cast<ProblemCode>(fault.code));
    }
    return codes;
  }

  RelayBed bed;
  bool native = true, leased = false, grants = true;
  int leaves = 0;
};
INSTANTIATE_TEST_SUITE_P(, Upstream,
                         testing::Values(RelayGuard::kClear, RelayGuard::kOpened, RelayGuard::kTrusted));

TEST_P(Upstream, TheGroupIsCutAndComesBackAndNothingIsLost) {
  run_for(2 * kNsPerSecond);
  EXPECT_FALSE(bed.relay->by_tunnel());
  native = false;
  const TimeNs cut = bed.now;
  while (!bed.relay->by_tunnel() && bed.now < cut + 10 * kNsPerSecond) run_for(10 * kMs);
  EXPECT_LT(bed.now - cut, 4 * kNsPerSecond);
  run_for(3 * kNsPerSecond);
  native = true;
  const size_t passed_on = bed.passed_on.size();
  run_for(5 * kNsPerSecond);
  EXPECT_TRUE(leased) << "held, while the group is watched";
  EXPECT_TRUE(bed.relay->by_tunnel());
  EXPECT_EQ(bed.passed_on.size(), passed_on + 500) << "each once, though both ways bring it";
  run_for(7 * kNsPerSecond);
  EXPECT_FALSE(bed.relay->by_tunnel());
  EXPECT_FALSE(leased);
  EXPECT_EQ(leaves, 1);
  run_for(2 * kNsPerSecond);
  EXPECT_EQ(bed.passed_on.size(), bed.sender->next_sequence() - bed.sender->o.first_sequence);
  EXPECT_EQ(bed.count(ReceiveCounter::kUnrecovered), 0u);
  EXPECT_EQ(bed.count(ReceiveCounter::kClimbed), 1u);
  EXPECT_EQ(bed.count(ReceiveCounter::kCameDown), 1u);
  run_for(15 * kNsPerSecond);
  EXPECT_THAT(problems(), testing::UnorderedElementsAre(ProblemCode::kClimbed, ProblemCode::kCameDown));
}

TEST_P(Upstream, AStreamThatRestsClimbsAndComesDownToo) {
  run_for(2 * kNsPerSecond);
  native = false;
  run_for(6 * kNsPerSecond, false);
  EXPECT_TRUE(bed.relay->by_tunnel());
  native = true;
  run_for(13 * kNsPerSecond, false);
  EXPECT_FALSE(bed.relay->by_tunnel());
}

TEST_P(Upstream, RepairsToTheRepeaterAloneAreNoSignOfTheGroup) {
  run_for(2 * kNsPerSecond);
  native = false;
  for (int i = 0; i < 500; ++i) {
    Datagram repair = bed.data();
    set_data_command(repair.data(), DataCommand::kRepair, 0);
    bed.take(repair, Way::kUnicast);
    bed.run_for(10 * kMs);
  }
  EXPECT_TRUE(leased);
}

TEST_P(Upstream, ARefusalIsReported) {
  run_for(2 * kNsPerSecond);
  native = grants = false;
  run_for(6 * kNsPerSecond);
  EXPECT_FALSE(bed.relay->by_tunnel());
  EXPECT_THAT(problems(), testing::Contains(ProblemCode::kTunnelRefused));
  native = true;
  run_for(kNsPerSecond);
  EXPECT_EQ(bed.fate(bed.data()), Fate::kKept);
}

TEST_P(Upstream, WhoGoesLeavesTheTunnel) {
  run_for(2 * kNsPerSecond);
  native = false;
  run_for(5 * kNsPerSecond);
  ASSERT_TRUE(leased);
  int said = 0;
  bed.relay->leave(bed.manager(), bed.now, 1, [&](Bytes message) {
    ++said;
    if (message[1] >> 6 == static_cast<int>(PacketType::kTunnelling))
      answer(Datagram(message.begin(), message.end()));
  });
  EXPECT_EQ(said, 2);
  EXPECT_EQ(leaves, 1);
}

TEST_P(Upstream, ListensToNobodyElse) {
  run_for(2 * kNsPerSecond);
  native = false;
  run_for(5 * kNsPerSecond);
  ASSERT_TRUE(leased);
  Datagram leave(4 + 24);
  leave[1] = 0xc0 | static_cast<uint8_t>(TunnellingCommand::kLeave);
  store_be16(&leave[2], static_cast<uint16_t>(leave.size()));
  EXPECT_FALSE(say(leave, kDefaultPort + 1));
  EXPECT_EQ(bed.relay->tunnel_counters().get(TunnelClientCounter::kNotAsked), 1u);
  EXPECT_FALSE(say(leave));
  EXPECT_EQ(bed.count(ReceiveCounter::kNotForReceivers), 1u);
}

class SealedUpstream : public Upstream {};
INSTANTIATE_TEST_SUITE_P(, SealedUpstream, testing::Values(RelayGuard::kOpened));

TEST_P(SealedUpstream, ForgedCopiesAreNoSignOfTheGroup) {
  run_for(2 * kNsPerSecond);
  native = false;
  run_for(5 * kNsPerSecond);
  ASSERT_TRUE(bed.relay->by_tunnel());
  for (int i = 0; i < 2'000; ++i) {
    Datagram copy = bed.sender->kept(bed.sender->next_sequence() - 5);  // which came by tunnel
    copy.back() ^= 1;
    bed.take(copy);
    run_for(10 * kMs);
  }
  EXPECT_TRUE(bed.relay->by_tunnel());
}

class AlwaysByTunnel : public Upstream {
 protected:
  AlwaysByTunnel() : Upstream(UpstreamTunnel::kAlways) {}
};
INSTANTIATE_TEST_SUITE_P(, AlwaysByTunnel,
                         testing::Values(RelayGuard::kClear, RelayGuard::kOpened, RelayGuard::kTrusted));

TEST_P(AlwaysByTunnel, ItIsAskedForAtOnceAndKept) {
  native = false;
  bed.run_for(100 * kMs);
  EXPECT_TRUE(leased);
  run_for(20 * kNsPerSecond);
  native = true;
  run_for(20 * kNsPerSecond);
  EXPECT_TRUE(leased);
  EXPECT_TRUE(bed.relay->by_tunnel());
  EXPECT_EQ(bed.count(ReceiveCounter::kClimbed) + bed.count(ReceiveCounter::kCameDown), 0u);
}

class NeverByTunnel : public Upstream {
 protected:
  NeverByTunnel() : Upstream(UpstreamTunnel::kNever) {}
};
INSTANTIATE_TEST_SUITE_P(, NeverByTunnel, testing::Values(RelayGuard::kOpened));

TEST_P(NeverByTunnel, NoneIsAskedFor) {
  bed.take_tunnelling = [](const Datagram&) { FAIL(); };
  run_for(2 * kNsPerSecond);
  native = false;
  run_for(10 * kNsPerSecond);
  EXPECT_FALSE(bed.relay->by_tunnel());
  Datagram grant(64);
  grant.resize(encode(TunnelGrant{bed.sender->o.group, 0, 60, 0, kCookie}, grant));
  EXPECT_FALSE(say(grant));
  EXPECT_EQ(bed.count(ReceiveCounter::kNotForReceivers), 1u);
}

}  // namespace
}  // namespace linecast::smart
