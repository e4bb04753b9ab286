// A repeater's channel on a real lane: what comes from above goes on, is repaired below, and is asked for
// above.
#include "tests/vdev/relay_on_lane.h"

namespace linecast {
namespace {

TEST_F(Relay, DataGoesOnAsItCame) {
  make_relay();
  begin();
  sender_->quiet = 5;
  for (int i = 0; i < 200; ++i) {
    Datagram packet = data();
    from_above(packet);
    poll();
    const auto sent = data_below();
    ASSERT_EQ(sent.size(), 1u);
    smart::set_data_command(packet.data(), smart::DataCommand::kOriginal, 0);  // the hop's own QUIET
    EXPECT_EQ(sent[0], packet);
  }
  EXPECT_EQ(count(ChannelCounter::kPacketsSent), 200u);
}

TEST_F(Relay, NothingOfAnotherSenderIsTaken) {
  make_relay();
  begin();
  from_above(data(), LaneBed::kFeeder + 1);
  poll();
  EXPECT_TRUE(data_below().empty());
  EXPECT_EQ(bed_->count(LaneCounter::kNoFlow), 1u);
}

TEST_F(Relay, WhatIsMissingIsAskedForAboveAndGoesOnWhenItComes) {
  make_relay();
  begin();
  from_above(data());
  const Datagram lost = data();
  from_above(data());
  run_for(20 * kNsPerMs);
  const auto requests = requests_above();
  ASSERT_EQ(requests.size(), 1u);
  bool good = false;
  const auto repairs = sender_->answer(requests[0], good);
  EXPECT_TRUE(good) << "the hop above takes it";
  ASSERT_EQ(repairs.size(), 1u);
  data_below();
  from_above(repairs[0]);
  from_above(repairs[0]);
  poll();
  const auto sent = data_below();
  ASSERT_EQ(sent.size(), 1u) << "once, and as an original";
  EXPECT_EQ(sent[0], lost);
  EXPECT_EQ(count(smart::ReceiveCounter::kRepaired), 1u);
}

TEST_F(Relay, WhatIsKeptIsRepairedAndWhoAsksForTheRestIsToldToWait) {
  make_relay();
  begin();
  std::vector<Datagram> packets;
  for (int i = 0; i < 8; ++i) {
    packets.push_back(data());
    if (i != 3) from_above(packets.back());
  }
  poll();
  bed_->sent();
  // Sequences 101 and 103, of which 103 is missing here too.
  deliver(request({{101, 0b10}}, 107));
  poll();
  std::vector<Datagram> repairs;
  std::vector<uint16_t> named;
  for (const auto& frame : bed_->sent()) {
    const net::ParsedFrame out = net::parse_frame(frame, {});
    smart::Split split;
    smart::Quiet quiet;
    if (is_repair(frame)) {
      repairs.emplace_back(out.payload.begin(), out.payload.end());
    } else if (smart::split_message(out.payload, split) == smart::WireFault::kNone &&
               smart::decode(split.body, quiet)) {
      for (const auto& pair : quiet.list.view()) named.push_back(pair.sequence);
      EXPECT_EQ(quiet.group, LaneBed::output_group(0));
    }
  }
  ASSERT_EQ(repairs.size(), 1u);
  smart::set_data_command(packets[1].data(), smart::DataCommand::kRepair, 0);
  EXPECT_EQ(repairs[0], packets[1]);
  EXPECT_THAT(named, testing::UnorderedElementsAre(101, 103));
  EXPECT_EQ(count(RelayCounter::kMissingBelow), 1u);
  from_above(packets[3]);
  poll();
  EXPECT_EQ(data_below().size(), 1u) << "to all, when it comes";
  EXPECT_TRUE(ask(request({{103, 0}}, 107), now_ + kNsPerMs).empty())
      << "which answers requests on their way";
  EXPECT_EQ(ask(request({{103, 0}}, 107), now_ + 100 * kNsPerMs).size(), 1u);
}

TEST_F(Relay, AKeyAnnouncementIsVerifiedFirstAndGoesOnNoOftenerThanItIsSent) {
  make_relay();
  Datagram forged = sender_->announce();
  forged[50] ^= 1;
  from_above(forged);
  control();
  EXPECT_TRUE(announcements_below().empty());
  from_above(sender_->status());
  from_above(sender_->announce());
  control();
  run_for(5 * kNsPerMs);
  ASSERT_EQ(announcements_below().size(), 1u) << "as soon as it is believed";
  for (int i = 0; i < 12; ++i) {  // a loop, say
    from_above(sender_->announce());
    run_for(20 * kNsPerMs);
  }
  const auto sent = announcements_below();
  EXPECT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0], sender_->announce());
}

TEST_F(Relay, AnAnnouncedMoveIsVerifiedFirstAndThenFollowed) {
  make_relay();
  begin();
  const smart::GroupPlace from{LaneBed::source_group(0), LaneBed::kSourcePort};
  const smart::GroupPlace to{LaneBed::source_group(7), LaneBed::kSourcePort};
  using Places = app::LaneRelay::Places;
  const smart::AddrRangeChange change{from.group, to.group, smart::AddrRangeChange::Switch{to.port, 300}};
  Datagram forged = sender_->move(1, change);
  forged[11] ^= 1;
  from_above(forged);
  control();
  EXPECT_EQ(relay().places(), (Places{from}));
  from_above(sender_->move(1, change));
  control();
  EXPECT_EQ(relay().places(), (Places{from, to}));
  EXPECT_EQ(relay().place_above(), from);
  from_above(sender_->move(1, change));
  poll();
  app::HeardAnnouncement heard;
  EXPECT_FALSE(bed_->lane().next_announcement(heard)) << "it is known";
  EXPECT_EQ(keeper_->move_results().get(smart::MoveResult::kAccepted), 1u);
  EXPECT_EQ(keeper_->move_results().get(smart::MoveResult::kBadSignature), 1u);
  EXPECT_TRUE(
      below(smart::PacketType::kMessage, static_cast<uint8_t>(smart::MessageCommand::kAddrRangeChange))
          .empty())
      << "it is the hop's own";
}

TEST_F(Relay, AFloodOfAnnouncementsIsBounded) {
  make_relay();
  for (int i = 0; i < 30; ++i) {
    Datagram forged = sender_->announce();
    forged[50] = static_cast<uint8_t>(i);
    from_above(forged);
  }
  poll();
  EXPECT_EQ(count(RelayCounter::kAnnounceLimit), 10u);
  for (int i = 0; i < 400; ++i, now_ += 10 * kNsPerMs) {
    from_above(sender_->announce());
    poll();
  }
  EXPECT_GT(bed_->count(LaneCounter::kAnnounceQueueFull), 0u) << "nobody takes them";
  control();
  from_above(sender_->status());
  from_above(data());
  poll();
  EXPECT_EQ(data_below().size(), 1u) << "then one is found good all the same";
}

TEST_F(Relay, SaysHowManyHopsItIsFromTheOrigin) {
  make_relay();
  run_for(2 * kNsPerSecond);
  EXPECT_TRUE(statuses_below().empty()) << "it does not know yet";
  sender_->hops = 3;
  begin();
  run_for(1200 * kNsPerMs);
  const auto statuses = statuses_below();
  ASSERT_FALSE(statuses.empty());
  smart::Split split;
  smart::SenderStatus status;
  ASSERT_EQ(smart::split_message(statuses[0], split), smart::WireFault::kNone);
  ASSERT_TRUE(smart::decode(split.body, status));
  EXPECT_EQ(status.hops, 4);
  EXPECT_EQ(status.start_number, LaneBed::kStartNumber) << "its own";
  EXPECT_EQ(status.group, LaneBed::output_group(0));
  EXPECT_EQ(relay().hops(), 4u);
  run_for(4 * kNsPerSecond);
  statuses_below();
  run_for(3 * kNsPerSecond);
  EXPECT_TRUE(statuses_below().empty())
      << "nothing comes from above any more: those below are to look elsewhere";
}

TEST_F(Relay, TooManyHopsAreRefused) {
  make_relay();
  sender_->hops = 8;
  begin();
  from_above(data());
  from_above(sender_->announce());
  run_for(2 * kNsPerSecond);
  EXPECT_TRUE(bed_->sent().empty());
  EXPECT_EQ(count(RelayCounter::kTooManyHops), 1u);
}

TEST_F(Relay, AStreamComesByTunnel) {
  make_relay(RelayGuard::kOpened, smart::UpstreamTunnel::kAlways);
  // The way to the hop has to be found first.
  net::UdpFlow back;
  back.source = LaneBed::kFeeder;
  back.source_mac = kAboveMac;
  back.source_port = LaneBed::kSourcePort;
  back.destination = LaneBed::kInAddress;
  back.destination_mac = LaneBed::kInMac;
  back.destination_port = kUpwardPort;
  const auto say = [&](const Datagram& datagram, uint16_t from = LaneBed::kSourcePort) {
    back.source_port = from;
    bed_->feed(udp_frame(back, datagram));
    poll();
  };
  const auto tunnelled = [&](const Datagram& inner) {
    net::UdpFlow flow;
    flow.source = LaneBed::kOutAddress;  // whoever sent it where the hop takes it
    flow.destination = LaneBed::source_group(0);
    flow.source_port = flow.destination_port = LaneBed::kSourcePort;
    const auto frame = udp_frame(flow, inner);
    Datagram datagram(2000);
    datagram.resize(smart::encode_tunnel_data(Bytes(frame).subspan(net::kEthernetSize), datagram));
    return datagram;
  };
  std::array<uint8_t, 16> cookie{};
  Datagram answer(64);
  say({});  // anything from there
  const auto asked = [&] {
    std::optional<smart::TunnelRequest> last;
    for (const auto& frame : bed_->sent(0)) {
      const net::ParsedFrame out = net::parse_frame(frame, {});
      smart::Split split;
      smart::TunnelRequest request;
      if (out.kind == net::FrameKind::kUdp &&
          smart::split_message(out.payload, split) == smart::WireFault::kNone &&
          split.header.type == smart::PacketType::kTunnelling && smart::decode(split.body, request)) {
        EXPECT_EQ(split.header.command, static_cast<uint8_t>(smart::TunnellingCommand::kRequest));
        EXPECT_EQ(smart::read_trailer(split.trailer).count, 0u);
        last = request;
      }
    }
    return last;
  };
  run_for(300 * kNsPerMs);
  auto request = asked();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->cookie, cookie);
  EXPECT_EQ(request->group, LaneBed::source_group(0));
  cookie.fill(7);
  answer.resize(64);
  answer.resize(smart::encode(smart::TunnellingCommand::kChallenge,
                              {request->group, LaneBed::kInAddress, cookie}, answer));
  say(answer);
  run_for(5 * kNsPerMs);
  request = asked();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->cookie, cookie);
  answer.resize(64);
  answer.resize(
      smart::encode(smart::TunnelGrant{request->group, LaneBed::kInAddress, 60, 0, cookie}, answer));
  say(answer);
  say(tunnelled(sender_->announce()));
  control();
  say(tunnelled(sender_->status()));
  bed_->sent();
  say(tunnelled(data()));
  EXPECT_EQ(data_below().size(), 1u);
  say(tunnelled(data()), LaneBed::kSourcePort + 1);
  EXPECT_TRUE(data_below().empty()) << "from another port of the hop's machine";
  EXPECT_EQ(relay().tunnel_counters().get(smart::TunnelClientCounter::kNotAsked), 1u);
  EXPECT_TRUE(relay().by_tunnel());
  from_above(tunnelled(data()));
  poll();
  EXPECT_TRUE(data_below().empty()) << "to the group";

  const smart::GroupPlace to{LaneBed::source_group(7), LaneBed::kSourcePort};
  EXPECT_EQ(relay().place_above(), (smart::GroupPlace{request->group, LaneBed::kSourcePort}));
  run_for(3 * kNsPerMs);  // the hop is known to the control lcore
  say(tunnelled(sender_->move(1, {request->group, to.group, smart::AddrRangeChange::Switch{to.port, 300}})));
  control();
  EXPECT_EQ(relay().place_above(), to) << "though nothing comes to the groups";
}

TEST_F(Relay, HeartbeatsGoOn) {
  make_relay();
  begin();
  from_above(data());
  from_above(sender_->heartbeat());
  poll();
  EXPECT_EQ(data_below(smart::DataCommand::kHeartbeat).size(), 1u);
  EXPECT_EQ(count(ChannelCounter::kHeartbeatsSent), 1u);
}

TEST_F(Relay, WithoutTheKeyALaterPacketThatDiffersIsKeptForRepairs) {
  make_relay(RelayGuard::kTrusted);
  begin();
  const Datagram genuine = data();
  Datagram forged = genuine;
  forged[200] ^= 1;
  from_above(forged);
  from_above(genuine);
  poll();
  ASSERT_EQ(data_below().size(), 1u) << "a full sequence goes on once";
  EXPECT_EQ(count(RelayCounter::kReplaced), 1u);
  Datagram copy = genuine;
  smart::set_data_command(copy.data(), smart::DataCommand::kRepair, 7);
  from_above(copy);
  poll();
  EXPECT_EQ(count(RelayCounter::kReplaced), 1u) << "but for CMD and QUIET it is the same";
  const auto repairs = ask(request({{100, 0}}, 100), now_ + kNsPerMs);
  ASSERT_EQ(repairs.size(), 1u);
  const net::ParsedFrame out = net::parse_frame(repairs[0], {});
  EXPECT_TRUE(std::equal(out.payload.begin() + 8, out.payload.end(), genuine.begin() + 8));
}

TEST_F(Relay, AClearChannelGoesOn) {
  make_relay(RelayGuard::kClear);
  begin();
  for (int i = 0; i < 100; ++i) {
    from_above(data());
    poll();
  }
  EXPECT_EQ(data_below().size(), 100u);
}

TEST_F(Relay, WhatDoesNotFitTheOutputIsCounted) {
  make_relay();
  begin();
  from_above(sender_->data(std::vector<uint8_t>(1442)));
  poll();
  EXPECT_TRUE(data_below().empty());
  EXPECT_EQ(count(ChannelCounter::kPayloadSize), 1u);
}

TEST_F(Relay, SaysHowManyAreBehindItAndSoonWhenThereAreOthers) {
  make_relay();
  begin();
  std::vector<uint32_t> told;
  // Of a total that does not fit what is on the wire, the most that does.
  for (const uint64_t receivers : {uint64_t{0}, uint64_t{7}, uint64_t{1} << 40}) {
    receivers_.set(receivers);
    for (int i = 0; i < 4; ++i) {
      from_above(sender_->status());  // or it would take the hop for gone
      run_for(kNsPerSecond);
    }
    for (const auto& frame : bed_->sent(0)) {
      const net::ParsedFrame out = net::parse_frame(frame, {});
      smart::Split split;
      smart::UsageReport report;
      if (out.kind != net::FrameKind::kUdp ||
          smart::split_message(out.payload, split) != smart::WireFault::kNone ||
          split.header.type != smart::PacketType::kMessage ||
          split.header.command != static_cast<uint8_t>(smart::MessageCommand::kUsageReportJoin))
        continue;
      ASSERT_TRUE(smart::decode(split.body, report));
      told.push_back(report.detail->receivers);
    }
  }
  EXPECT_THAT(told, testing::ElementsAre(0, 7, UINT32_MAX));
}

TEST_F(Relay, SaysGoodbyeAtTheEnd) {
  make_relay();
  begin();
  from_above(data());
  run_for(1500 * kNsPerMs);
  bed_->sent(0);
  bed_->lane().finish(now_);
  EXPECT_EQ(leaves_above(), 1);
}

TEST_F(Relay, SaysGoodbyeWhenAReloadRemovesIt) {
  make_relay();
  begin();
  from_above(data());
  run_for(1500 * kNsPerMs);
  bed_->sent(0);
  app::LaneChange removal;
  removal.swaps.push_back({0, {}});
  app::LaneCall call;
  call.command.kind = app::LaneCommand::Kind::kChange;
  call.command.change = &removal;
  call.issue(bed_->lane());
  poll();
  ASSERT_TRUE(call.done());
  EXPECT_EQ(bed_->lane().relay(0), nullptr);
  EXPECT_EQ(leaves_above(), 1);
}

}  // namespace
}  // namespace linecast
