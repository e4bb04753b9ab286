// A channel that moves to another group, from a receiver's point of view.
#include "tests/unit/smart/receive/inner_packet.h"
#include "tests/unit/smart/receive/scenario.h"

namespace linecast::smart {
namespace {

constexpr GroupPlace kOld{0xefff0001, kDefaultPort}, kNew{0xefff0002, 47200};

class Moving : public testing::TestWithParam<bool> {  // encrypted
 protected:
  static Scenario::Options options() {
    Scenario::Options options;
    options.sender.encrypted = GetParam();
    options.settings.follow_moves = true;
    return options;
  }
  Datagram announcement(uint64_t count = 1, GroupPlace from = kOld, GroupPlace to = kNew) const {
    return s.sender->move(count, {from.group, to.group, AddrRangeChange::Switch{to.port, 300}});
  }
  // As a headend does it: announced for a second, then both for so long, then the new one alone.
  void move(TimeNs overlap = 10 * kNsPerSecond) {
    const TimeNs begin = s.now;
    for (TimeNs at = 0; at < kNsPerSecond + overlap; at += 100 * kMs)
      s.at(begin + at, [this] { s.transmit(announcement()); });
    s.at(begin + kNsPerSecond, [this] {
      s.sent_to = {kOld, kNew};
      s.sender->other_group = kNew.group;
    });
    s.at(begin + kNsPerSecond + overlap, [this] {
      s.sent_to = {kNew};
      s.sender->group = kNew.group;
      s.sender->other_group = 0;
    });
  }
  uint64_t moves(MoveResult r) const { return s.receiver->move_results().get(r); }

  Scenario s{options()};
};

TEST_P(Moving, NothingIsLostOnTheWay) {
  s.start_sender();
  s.send_stream(2'000, 10 * kMs);
  s.run_for(2 * kNsPerSecond);
  move();
  s.run_for(21 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
  EXPECT_EQ(s.count(ReceiveCounter::kLost), 0u);
  EXPECT_EQ(s.count(ReceiveCounter::kMoves), 1u);
  EXPECT_EQ(s.receiver->group(), kNew);
  EXPECT_EQ(std::ranges::count(s.joined, kOld), 0) << "left";
  EXPECT_EQ(moves(MoveResult::kAccepted), 1u);
  EXPECT_GT(moves(MoveResult::kRepeat), 100u);
  const std::vector<std::pair<MoveStep, GroupPlace>> steps{{MoveStep::kAnnounced, kNew},
                                                           {MoveStep::kMoved, kNew}};
  EXPECT_EQ(s.move_steps, steps);
}

TEST_P(Moving, NorWithLossAndLossesAreAskedForAtTheNewPlace) {
  Random random(5);
  s.drop = [&](const Datagram&) { return random.unit() < 0.05; };
  s.start_sender();
  s.send_stream(2'500, 10 * kMs);
  s.run_for(2 * kNsPerSecond);
  move();
  s.run_for(28 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kUnrecovered), 0u);
  EXPECT_GT(s.requests.size(), 20u);
  EXPECT_TRUE(s.requests_valid) << "each names a group that is carried then";
  EXPECT_EQ(s.receiver->group(), kNew);
}

TEST_P(Moving, AForgedOneDoesNothing) {
  const crypto::SigningKey stranger(std::array<uint8_t, 32>{77});
  s.start_sender();
  s.send_stream(300, 10 * kMs);
  s.run_for(kNsPerSecond);
  s.transmit(SmartSender::move(stranger, s.sender->o.start_number, 1, {kOld.group, kNew.group, {}}));
  Datagram altered = announcement();
  altered[10] ^= 4;
  s.transmit(altered, GetParam() ? kHop : kHop + 1);
  s.run_for(3 * kNsPerSecond);
  EXPECT_EQ(moves(MoveResult::kAccepted), 0u);
  EXPECT_EQ(moves(MoveResult::kUntrusted) + moves(MoveResult::kMalformed), 1u);
  EXPECT_EQ(moves(MoveResult::kBadSignature) + moves(MoveResult::kStranger), 1u);
  EXPECT_TRUE(s.move_steps.empty());
  EXPECT_TRUE(s.complete());
}

TEST_P(Moving, WhereNothingFollowsItStaysAndSaysSo) {
  s.start_sender();
  s.send_stream(3'000, 10 * kMs);
  s.run_for(2 * kNsPerSecond);
  s.transmit(announcement());
  s.run_for(31 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.receiver->group(), kOld);
  EXPECT_EQ(s.count(ReceiveCounter::kMovesFailed), 1u);
  EXPECT_EQ(s.reports_of(MessageCommand::kProblemReport).size(), 1u);
  ASSERT_EQ(s.move_steps.size(), 2u);
  EXPECT_EQ(s.move_steps.back(), (std::pair{MoveStep::kNothingCame, kNew}));
}

TEST_P(Moving, WhereTheNewGroupCannotBeJoinedItStays) {
  s.can_join = false;
  s.start_sender();
  s.send_stream(300, 10 * kMs);
  s.run_for(kNsPerSecond);
  for (int i = 0; i < 10; ++i) s.transmit(announcement());
  s.run_for(4 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.count(ReceiveCounter::kMovesFailed), 1u) << "tried once, though it is repeated";
}

TEST_P(Moving, WhoStartsDuringTheOverlapFollows) {
  s.sent_to = {kOld, kNew};
  s.start_sender();
  s.send_stream(1'500, 10 * kMs);
  for (int i = 0; i < 60; ++i) s.at(s.now + i * 100 * kMs, [this] { s.transmit(announcement()); });
  s.at(s.now + 6 * kNsPerSecond, [this] {
    s.sent_to = {kNew};
    s.sender->group = kNew.group;
  });
  s.run_for(16 * kNsPerSecond);
  EXPECT_TRUE(s.complete());
  EXPECT_EQ(s.receiver->group(), kNew);
}

TEST_P(Moving, ItComesBackToTheConfiguredGroupWithTheSender) {
  s.start_sender();
  s.send_stream(1'500, 10 * kMs);
  s.run_for(kNsPerSecond);
  move(5 * kNsPerSecond);
  s.run_for(14 * kNsPerSecond);
  ASSERT_EQ(s.receiver->group(), kNew);
  SmartSender::Options again = s.sender->o;  // with what its file says
  again.start_number += 10;
  again.salt = 9;
  s.sent_to = {kOld, {kNew.group + 1, kNew.port}};  // its reports go to the new port still
  s.run_for(3 * kNsPerSecond);
  s.restart_sender(again);
  s.start_sender();
  s.run_for(15 * kNsPerSecond);
  s.send_stream(100, 10 * kMs);
  s.run_for(5 * kNsPerSecond);
  EXPECT_EQ(s.receiver->group(), kOld);
  EXPECT_EQ(s.played.back().index, s.sent - 1);
}

TEST_P(Moving, SoItDoesWithATunnelInReserve) {
  Scenario::Options reserved = options();
  reserved.settings.tunnels = {{kHop, kDefaultPort}};
  Scenario t(reserved);
  t.take_tunnelling = [](Ipv4, const Datagram&) {};  // nothing answers
  t.start_sender();
  t.send_stream(1'500, 10 * kMs);
  t.run_for(kNsPerSecond);
  const Datagram announced =
      t.sender->move(1, {kOld.group, kNew.group, AddrRangeChange::Switch{kNew.port, 300}});
  t.transmit(announced);
  t.sent_to = {kOld, kNew};
  t.run_for(5 * kNsPerSecond);
  t.sent_to = {kNew, {kNew.group + 1, kOld.port}};
  t.sender->group = kNew.group;
  t.run_for(8 * kNsPerSecond);
  ASSERT_EQ(t.receiver->group(), kNew);
  SmartSender::Options again = t.sender->o;
  again.start_number += 10;
  again.salt = 9;
  t.sent_to = {kOld, {kNew.group + 1, kNew.port}};
  t.run_for(3 * kNsPerSecond);
  t.restart_sender(again);
  t.start_sender();
  t.run_for(15 * kNsPerSecond);
  ASSERT_EQ(t.receiver->group(), kOld);
  t.requests.clear();
  t.requests_valid = true;
  int originals = 0;
  t.drop = [&](const Datagram& packet) { return is_original(packet) && ++originals == 51; };
  t.send_stream(100, 10 * kMs);
  t.run_for(5 * kNsPerSecond);
  EXPECT_FALSE(t.requests.empty());
  EXPECT_TRUE(t.requests_valid) << "they name the group in use, wherever a tunnel would be";
}

INSTANTIATE_TEST_SUITE_P(, Moving, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "Sealed" : "Clear"; });

// Native multicast is cut: everything comes by tunnel, the announcement too.
TEST_P(Moving, AnnouncedByTunnelTheTunnelMovesAndTheNewGroupIsJoined) {
  constexpr FarEnd kFarEnd{0x0a000009, kDefaultPort};
  Scenario::Options by_tunnel = options();
  by_tunnel.settings.tunnels = {kFarEnd};
  Scenario t(by_tunnel);
  std::vector<Ipv4> asked_for;
  const auto tunnelled = [&](Bytes body, TunnellingCommand command) {
    Datagram out(kCommonHeaderSize);
    out[1] = static_cast<uint8_t>(0xc0 | static_cast<unsigned>(command));
    out.insert(out.end(), body.begin(), body.end());
    store_be16(&out[2], static_cast<uint16_t>(out.size()));
    t.receiver->receive_unicast(t.now, out, kFarEnd);
  };
  t.take_tunnelling = [&](Ipv4, const Datagram& message) {
    Split split;
    TunnelRequest request;
    ASSERT_EQ(split_message(message, split), WireFault::kNone);
    ASSERT_TRUE(decode(split.body, request));
    if (asked_for.empty() || asked_for.back() != request.group) asked_for.push_back(request.group);
    Datagram out(64);
    if (request.cookie == std::array<uint8_t, 16>{}) {
      request.cookie[0] = 1;
      out.resize(encode(TunnellingCommand::kChallenge, request, out));
    } else {
      out.resize(encode(TunnelGrant{request.group, 0, 60, 0, request.cookie}, out));
    }
    t.at(t.now + kMs, [&t, out, kFarEnd] { t.receiver->receive_unicast(t.now, out, kFarEnd); });
  };
  t.sent_to = {{0xefff00ff, kDefaultPort}, {0xefff00ff, kNew.port}};  // nobody is there
  Ipv4 inner_to = kOld.group;
  uint16_t inner_port = kOld.port;
  t.drop = [&](const Datagram& packet) {
    tunnelled(inner_packet({.destination = inner_to, .port = inner_port, .payload = packet}),
              TunnellingCommand::kData);
    return true;
  };
  t.start_sender();
  t.run_for(6 * kNsPerSecond);
  ASSERT_EQ(t.receiver->level(), 1u);
  t.transmit_to(kOld, t.sender->move(1, {kOld.group, kNew.group, AddrRangeChange::Switch{kNew.port, 300}}));
  inner_to = kNew.group;
  inner_port = kNew.port;
  t.run_for(2 * kNsPerSecond);
  EXPECT_EQ(asked_for, (std::vector<Ipv4>{kOld.group, kNew.group}));
  EXPECT_EQ(std::ranges::count(t.joined, kNew), 1) << "multicast may come back there";
  // It does, and nowhere else.
  t.drop = [](const Datagram&) { return false; };
  t.sent_to = {kNew, {0xefff00ff, kDefaultPort}};
  t.sender->group = kNew.group;
  t.send_stream(1'400, 10 * kMs);
  t.run_for(15 * kNsPerSecond);
  EXPECT_EQ(t.receiver->group(), kNew);
  EXPECT_EQ(t.receiver->level(), 0u);
}

TEST(MovingClear, IsIgnoredUnlessToldOtherwise) {
  Scenario::Options options;
  options.sender.encrypted = false;
  Scenario s(options);
  s.start_sender();
  s.send_stream(300, 10 * kMs);
  s.run_for(kNsPerSecond);
  s.transmit(s.sender->move(1, {kOld.group, kNew.group, {}}));
  s.run_for(4 * kNsPerSecond);
  EXPECT_EQ(s.receiver->move_results().get(MoveResult::kIgnored), 1u);
  EXPECT_TRUE(s.move_steps.empty());
  EXPECT_TRUE(s.complete());
}

}  // namespace
}  // namespace linecast::smart
