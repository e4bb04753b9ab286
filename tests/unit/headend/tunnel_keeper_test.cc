// What is asked of tunnels, judged: cookies, trailers, who may have any, and what reloads do to leases.
#include "app/linecast/tunnel_keeper.h"

#include <gtest/gtest.h>

#include "lib/crypto/derive.h"
#include "lib/smart/trailer.h"

namespace linecast::app {
namespace {

using smart::TunnelCounter;
using smart::TunnellingCommand;
using smart::TunnelPeer;
using smart::TunnelReason;

constexpr TimeNs kSecond = kNsPerSecond;
constexpr Ipv4 kOurs = 0x0a480001, kReceiver = 0x0a48000b;  // 10.72.0.1, 10.72.0.11
constexpr Ipv4 kSealed = 0xef140001, kClear = 0xef140002, kAbsent = 0xef140009;
constexpr uint16_t kPort = 47100, kKeyId = 7;
constexpr uint64_t kReceiverId = 0x1122334455667788;
constexpr uint16_t kSealedSlot = 0, kClearSlot = 1, kFreeSlot = 2;

class Keeper : public testing::Test {
 protected:
  Keeper() { make({}); }

  void make(std::vector<lineup::Prefix> prefixes, uint32_t limit = 100) {
    TunnelKeeper::Settings settings;
    settings.slots = 3;
    settings.leases = {.tunnels = limit,
                       .tunnels_of_a_peer = 50,
                       .ports = {{100, 1'000'000'000}},
                       .port_of_interface = {0, 0},
                       .channel_rates_bps = {}};
    settings.prefixes = std::move(prefixes);
    keeper_ = std::make_unique<TunnelKeeper>(0, settings, [this](uint16_t) {
      return TunnelKeeper::HopState{{1000, 2000}, hops_};
    });
    keeper_->set_hop(kSealedSlot, sealed());
    keeper_->set_hop(kClearSlot,
                     {.channel = {2}, .interface = 1, .group = kClear, .port = kPort, .rate_bps = 8'000'000});
    changed();
  }
  static TunnelHop sealed() {
    return {.channel = {1},
            .interface = 1,
            .group = kSealed,
            .port = kPort,
            .rate_bps = 8'000'000,
            .up_key = TunnelHop::UpKey{{1, 2, 3}, kKeyId}};
  }

  struct Message {
    Ipv4 group = kSealed;
    TunnellingCommand command = TunnellingCommand::kRequest;
    bool trailer = true;
    uint16_t key_id = kKeyId;
    uint64_t count = 0;
    bool forged = false;
    uint16_t interface = 1;
    Ipv4 from = kReceiver;
  };
  // The SMART datagram of the answer; empty: none.
  std::vector<uint8_t> send(TimeNs now, const Message& message, const smart::TunnelCookie& cookie) {
    HeardTunnelAsk ask;
    ask.time = now;
    ask.from = {message.from, 40'000};
    ask.way = {message.interface, {2, 0, 0, 0, 0, 5}};
    ask.to = kOurs;
    ask.to_port = kPort;
    size_t size = smart::encode(message.command, {.group = message.group, .cookie = cookie}, ask.datagram);
    if (message.trailer) {
      const crypto::CmacKey up(manager_, {1, 2, static_cast<uint8_t>(message.forged ? 4 : 3)});
      size = smart::append_cmac_trailer(manager_, crypto::receiver_key(manager_, up, kReceiverId),
                                        {kReceiverId, message.key_id, message.count}, 1, ask.datagram, size);
    }
    ask.size = static_cast<uint8_t>(size);
    TunnelReply reply;
    if (!keeper_->take(now, ask, reply)) return {};
    EXPECT_EQ(reply.to, ask.from);
    EXPECT_EQ(reply.way, ask.way);
    EXPECT_EQ(reply.from, kOurs);
    EXPECT_EQ(reply.from_port, kPort);
    const Bytes bytes = reply.answer.view();
    return {bytes.begin(), bytes.end()};
  }
  // What comes of it with a cookie that is good: the reason of a grant; none: no answer.
  std::optional<TunnelReason> ask(const Message& message, TimeNs now = kSecond) {
    smart::Split split;
    smart::TunnelRequest challenge;
    const std::vector<uint8_t> first = send(now, message, {});
    EXPECT_EQ(smart::split_message(first, split), smart::WireFault::kNone);
    EXPECT_TRUE(smart::decode(split.body, challenge));
    const std::vector<uint8_t> second = send(now, message, challenge.cookie);
    if (second.empty()) return std::nullopt;
    smart::TunnelGrant grant;
    EXPECT_EQ(smart::split_message(second, split), smart::WireFault::kNone);
    EXPECT_TRUE(smart::decode(split.body, grant));
    EXPECT_EQ(grant.lease_s > 0, grant.reason == 0);
    return static_cast<TunnelReason>(grant.reason);
  }
  uint64_t count(TunnelCounter counter) const { return keeper_->counters().get(counter); }
  std::vector<uint16_t> changed() {
    std::vector<uint16_t> slots;
    for (uint16_t slot = 0; keeper_->next_changed(slot);) slots.push_back(slot);
    return slots;
  }
  bool holds(uint16_t slot) const { return keeper_->leases().holds({{kReceiver, 40'000}, slot}); }

  crypto::Manager manager_;
  std::unique_ptr<TunnelKeeper> keeper_;
  uint8_t hops_ = 0;  // of each hop, from the origin
};

TEST_F(Keeper, GrantsToWhoCanReadTheChannel) {
  EXPECT_EQ(ask({}), TunnelReason::kGranted);
  EXPECT_TRUE(holds(kSealedSlot));
  EXPECT_EQ(changed(), std::vector<uint16_t>{kSealedSlot});
  EXPECT_EQ(ask({.group = kClear, .trailer = false}), TunnelReason::kGranted);
  EXPECT_EQ(changed(), std::vector<uint16_t>{kClearSlot});
  EXPECT_EQ(ask({.command = TunnellingCommand::kLeave}), std::nullopt);
  EXPECT_FALSE(holds(kSealedSlot));
  EXPECT_EQ(count(TunnelCounter::kLeft), 1u);
  keeper_->tick(62 * kSecond);
  EXPECT_EQ(keeper_->leases().size(), 0u);
  EXPECT_EQ(count(TunnelCounter::kExpired), 1u);
}

TEST_F(Keeper, DropsOrRefusesAllElse) {
  const struct {
    Message message;
    std::optional<TunnelReason> reason;
    TunnelCounter counter;
  } kRows[] = {
      {{.trailer = false}, std::nullopt, TunnelCounter::kTrailer},
      {{.key_id = 8}, std::nullopt, TunnelCounter::kTrailer},
      {{.forged = true}, std::nullopt, TunnelCounter::kMac},
      {{.count = 998}, std::nullopt, TunnelCounter::kStale},
      {{.count = 2000}, std::nullopt, TunnelCounter::kStale},
      {{.group = kClear}, std::nullopt, TunnelCounter::kTrailer},
      {{.group = kAbsent}, TunnelReason::kNotCarried, TunnelCounter::kNotCarried},
      {{.interface = 0}, TunnelReason::kNotCarried, TunnelCounter::kNotCarried},
  };
  for (const auto& row : kRows) {
    const uint64_t before = count(row.counter);
    EXPECT_EQ(ask(row.message), row.reason);
    EXPECT_EQ(count(row.counter), before + 1)
        << smart::kTunnelCounterTexts[static_cast<size_t>(row.counter)].name;
  }
  EXPECT_EQ(keeper_->leases().size(), 0u);
  for (const uint64_t good : {0, 999, 1999}) EXPECT_EQ(ask({.count = good}), TunnelReason::kGranted) << good;
}

TEST_F(Keeper, AsksForACookieAgainWhenItIsOld) {
  smart::Split split;
  smart::TunnelRequest challenge;
  const std::vector<uint8_t> answer = send(0, {}, {});
  ASSERT_EQ(smart::split_message(answer, split), smart::WireFault::kNone);
  ASSERT_TRUE(smart::decode(split.body, challenge));
  EXPECT_FALSE(send(kSecond, {.command = TunnellingCommand::kRequest}, challenge.cookie).empty());
  EXPECT_EQ(count(TunnelCounter::kGranted), 1u);
  keeper_->tick(4000 * kSecond);  // a new secret
  EXPECT_FALSE(send(4000 * kSecond, {}, challenge.cookie).empty());
  EXPECT_EQ(count(TunnelCounter::kBadCookie), 1u);
  EXPECT_EQ(count(TunnelCounter::kChallenges), 2u);
}

TEST_F(Keeper, SendsToListedNetworksOnly) {
  make({{0x0a480000, 24}});
  EXPECT_EQ(ask({}), TunnelReason::kGranted);
  EXPECT_EQ(ask({.from = 0x0a490001}), TunnelReason::kNotAllowed);
  EXPECT_EQ(ask({.from = 0x0a4800ff}), TunnelReason::kNotAllowed) << "no host's";
  EXPECT_EQ(count(TunnelCounter::kNotAllowed), 2u);
}

TEST_F(Keeper, KeepsToItsLimit) {
  make({}, 1);
  EXPECT_EQ(ask({}), TunnelReason::kGranted);
  EXPECT_EQ(ask({.from = kReceiver + 1}), TunnelReason::kNoRoom);
  make({}, 0);
  EXPECT_EQ(ask({}), TunnelReason::kNoRoom);
}

TEST_F(Keeper, LeasesStandWhereTheHopDoes) {
  ask({});
  changed();
  keeper_->set_hop(kSealedSlot, sealed());  // a reload that changes nothing
  EXPECT_TRUE(holds(kSealedSlot));
  EXPECT_TRUE(changed().empty());
  // The channel begins anew in another slot.
  keeper_->set_hop(kFreeSlot, sealed());
  keeper_->end_hop(kSealedSlot);
  EXPECT_FALSE(holds(kSealedSlot));
  EXPECT_TRUE(holds(kFreeSlot));
  EXPECT_EQ(changed(), (std::vector<uint16_t>{kSealedSlot, kFreeSlot}));
  EXPECT_EQ(ask({}), TunnelReason::kGranted);
  EXPECT_EQ(keeper_->leases().tunnels_of(kFreeSlot), 1u);
  // Tunnels are no longer granted for it.
  TunnelHop refused = sealed();
  refused.allowed = false;
  keeper_->set_hop(kFreeSlot, refused);
  EXPECT_EQ(keeper_->leases().size(), 0u);
  EXPECT_EQ(ask({}), TunnelReason::kNotAllowed);
  // And it goes.
  keeper_->end_hop(kFreeSlot);
  EXPECT_EQ(ask({}), TunnelReason::kNotCarried);
}

TEST_F(Keeper, LeasesEndWhereAnotherChannelTakesThePlace) {
  ask({});
  changed();
  TunnelHop other = sealed();
  other.channel = {3};
  keeper_->set_hop(kFreeSlot, other);
  keeper_->end_hop(kSealedSlot);
  EXPECT_EQ(keeper_->leases().size(), 0u);
  EXPECT_EQ(changed(), (std::vector<uint16_t>{kSealedSlot}));
  EXPECT_EQ(ask({}), TunnelReason::kGranted);
  EXPECT_TRUE(holds(kFreeSlot));
}

// As a repeater in a loop, which knows it only when it has been granted.
TEST_F(Keeper, EndsATunnelWhenItsHopIsTooFarFromTheOrigin) {
  hops_ = 8;
  EXPECT_EQ(ask({}), TunnelReason::kGranted);
  hops_ = 9;
  EXPECT_TRUE(holds(kSealedSlot));
  EXPECT_EQ(ask({}), TunnelReason::kTooManyHops);
  EXPECT_FALSE(holds(kSealedSlot));
  EXPECT_EQ(count(TunnelCounter::kTooManyHops), 1u);
  hops_ = 2;
  EXPECT_EQ(ask({}), TunnelReason::kGranted);
}

TEST_F(Keeper, TakesNoGarbage) {
  HeardTunnelAsk ask;
  TunnelReply reply;
  for (const size_t size : {0, 3, 27, 29, 64}) {
    ask.datagram.fill(0xc1);
    ask.size = static_cast<uint8_t>(size);
    EXPECT_FALSE(keeper_->take(0, ask, reply)) << size;
  }
  EXPECT_EQ(count(TunnelCounter::kRequests), 0u);
}

}  // namespace
}  // namespace linecast::app
