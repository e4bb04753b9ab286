#include "lib/smart/move_acceptor.h"

#include <gtest/gtest.h>

#include "tests/packets/smart_sender.h"

namespace linecast::smart {
namespace {

using packets::Datagram;
using packets::SmartSender;

constexpr Ipv4 kOld = 0xefff0001, kNew = 0xefff0002;
constexpr uint64_t kStart = 1000;

class MoveAcceptorTest : public testing::Test {
 protected:
  static AddrRangeChange to_new() { return {kOld, kNew, AddrRangeChange::Switch{47100, 5000}}; }
  Datagram signed_by(uint8_t seed, uint64_t count, const AddrRangeChange& m, uint64_t start = kStart) const {
    return SmartSender::move(crypto::SigningKey(std::array<uint8_t, 32>{seed}), start, count, m);
  }
  MoveResult accept(const Datagram& datagram) {
    now += kNsPerSecond;
    return acceptor.accept(now, datagram, standing, to);
  }

  crypto::SigningKey key{std::array<uint8_t, 32>{9}};
  MoveAcceptor acceptor{true, false, {key.public_key()}};
  std::array<Ipv4, 1> held{kOld};
  MoveAcceptor::Standing standing{{kOld, 47100}, held, true, kStart};
  GroupPlace to;
  TimeNs now = 0;
};

TEST_F(MoveAcceptorTest, AGenuineOneIsBelievedOnce) {
  const Datagram move = signed_by(9, 1, to_new());
  ASSERT_EQ(move.size(), kMoveSize);
  EXPECT_EQ(accept(move), MoveResult::kAccepted);
  EXPECT_EQ(to, (GroupPlace{kNew, 47100}));
  EXPECT_EQ(accept(move), MoveResult::kRepeat);
  EXPECT_EQ(accept(signed_by(9, 1, {kOld, kNew + 1, {}})), MoveResult::kOld) << "the count has not risen";
  EXPECT_EQ(accept(signed_by(9, 2, {kOld, kNew + 1, {}})), MoveResult::kAccepted);
  EXPECT_EQ(to, (GroupPlace{kNew + 1, 47100})) << "the port stays where none is given";
  EXPECT_EQ(accept(move), MoveResult::kOld) << "a replay";
}

TEST_F(MoveAcceptorTest, WhatIsRefused) {
  AddrRangeChange no_group = to_new(), no_port = to_new(), elsewhere = to_new(), link_local = to_new();
  no_group.to = 0x0a000001;
  no_port.at->port = 0;
  elsewhere.from = kOld + 7;
  link_local.to = 0xe0000001;
  const Datagram good = signed_by(9, 1, to_new());
  Datagram altered = good, longer = good, unsigned_one(24), cmac(good);
  altered[9] ^= 1;
  longer.push_back(0);
  encode(to_new(), unsigned_one);
  const struct {
    const char* what;
    Datagram datagram;
    MoveResult result;
  } rows[] = {
      {"to no group", signed_by(9, 1, no_group), MoveResult::kMalformed},
      {"to a link-local group", signed_by(9, 1, link_local), MoveResult::kMalformed},
      {"to port 0", signed_by(9, 1, no_port), MoveResult::kMalformed},
      {"not signed", unsigned_one, MoveResult::kMalformed},
      {"longer than it says", longer, MoveResult::kMalformed},
      {"nothing", {}, MoveResult::kMalformed},
      {"from another group", signed_by(9, 1, elsewhere), MoveResult::kWrongGroup},
      {"of another start", signed_by(9, 1, to_new(), kStart - 1), MoveResult::kStranger},
      {"of count 0", signed_by(9, 0, to_new()), MoveResult::kOld},
      {"not trusted", signed_by(8, 1, to_new()), MoveResult::kUntrusted},
      {"altered", altered, MoveResult::kBadSignature},
  };
  for (const auto& row : rows) EXPECT_EQ(accept(row.datagram), row.result) << row.what;
  EXPECT_EQ(accept(good), MoveResult::kAccepted) << "none of these used its count up";
}

TEST_F(MoveAcceptorTest, AHopThatIsNotKnownIsAStranger) {
  standing.hop_start_number = 0;
  EXPECT_EQ(accept(signed_by(9, 1, to_new(), 0)), MoveResult::kStranger);
}

TEST_F(MoveAcceptorTest, ToTheGroupInUseIsARepeatThoughNothingIsKnown) {
  standing.in_use = {kNew, 47100};
  held[0] = kNew;
  EXPECT_EQ(accept(signed_by(9, 1, to_new())), MoveResult::kRepeat);
}

TEST_F(MoveAcceptorTest, AFloodOfForgeriesIsNotVerified) {
  uint64_t looked_at = 0;
  for (uint64_t i = 1; i <= 1000; ++i) {
    Datagram forged = signed_by(9, i, to_new());
    forged.back() ^= 1;
    looked_at += acceptor.accept(now, forged, standing, to) == MoveResult::kBadSignature;
  }
  EXPECT_EQ(looked_at, MoveAcceptor::kVerificationsPerSecond);
}

TEST_F(MoveAcceptorTest, AClearChannelBelievesOnlyWhereItIsTold) {
  Datagram clear(24);
  ASSERT_EQ(encode(to_new(), clear), clear.size());
  MoveAcceptor deaf(false, false, {}), trusting(false, true, {});
  EXPECT_EQ(deaf.accept(now, clear, standing, to), MoveResult::kIgnored);
  EXPECT_EQ(trusting.accept(now, signed_by(9, 1, to_new()), standing, to), MoveResult::kMalformed);
  standing.hop_heard = false;
  EXPECT_EQ(trusting.accept(now, clear, standing, to), MoveResult::kStranger);
  standing.hop_heard = true;
  EXPECT_EQ(trusting.accept(now, clear, standing, to), MoveResult::kAccepted);
  EXPECT_EQ(trusting.accept(now, clear, standing, to), MoveResult::kRepeat);
}

TEST_F(MoveAcceptorTest, CountsOfSeveralHopsAreKeptApartAndTheOldestIsForgotten) {
  for (uint64_t hop = 0; hop < MoveAcceptor::kMaxHops + 1; ++hop) {
    standing.hop_start_number = kStart + hop;
    EXPECT_EQ(accept(signed_by(9, 1, to_new(), kStart + hop)), MoveResult::kAccepted);
  }
  EXPECT_EQ(accept(signed_by(9, 1, {kOld, kNew + 1, {}}, kStart + MoveAcceptor::kMaxHops)), MoveResult::kOld);
  standing.hop_start_number = kStart + 1;
  EXPECT_EQ(accept(signed_by(9, 1, {kOld, kNew + 1, {}}, kStart + 1)), MoveResult::kOld);
}

}  // namespace
}  // namespace linecast::smart
