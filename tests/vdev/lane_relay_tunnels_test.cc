// Tunnels that a repeater grants: what comes from above goes into each of them once, however late it comes
// and whatever is missing; what they ask for; and a stream that begins anew.
#include <map>
#include <random>
#include <set>

#include "tests/vdev/relay_on_lane.h"
#include "tests/vdev/tunnel_bed.h"

namespace linecast {
namespace {

using smart::DataCommand;

class RelayTunnels : public Relay {
 protected:
  void make_tunnelled(size_t count, RelayGuard guard = RelayGuard::kOpened, const BedOptions& options = {},
                      uint64_t rate_bps = TunnelBed::kMuch) {
    make_relay(guard, smart::UpstreamTunnel::kNever, options);
    begin();
    app::HopTunnelsSetup setup = bed_->tunnels_setup(0);
    setup.window_packets = channel_.window_packets;
    setup.repairs = app::tunnel_repair_settings(channel_);
    tunnels_ = std::make_unique<TunnelBed>(bed_->lane(), setup, rate_bps);
    tunnels_->set(0, count);
    turn();
    into_.clear();
    native_.clear();
  }
  static Ipv4 address(size_t k) { return TunnelBed::peer(k).address; }

  // A turn of the lane; what it sends below is added to into_ and native_.
  void turn(TimeNs later = 10'000) {
    now_ += later;
    poll();
    bed_->sent(0);
    for (const auto& frame : bed_->sent()) {
      const net::ParsedFrame out = net::parse_frame(frame, {});
      if (is_multicast(out.destination))
        native_.emplace_back(out.payload.begin(), out.payload.end());
      else
        into_[out.destination].push_back(TunnelBed::datagram(frame, {out.destination, kReceiverPort}));
    }
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) turn();
  }

  // Full sequences are below 2^16 here.
  static uint64_t number_of(const Datagram& packet) { return load_be16(&packet[4]); }
  static std::vector<Datagram> data_of(const std::vector<Datagram>& sent, DataCommand command) {
    std::vector<Datagram> found;
    smart::DataHeader header;
    for (const Datagram& packet : sent)
      if (smart::decode_data(packet, header) == smart::WireFault::kNone && header.command == command)
        found.push_back(packet);
    return found;
  }
  std::vector<Datagram> data_into(size_t k, DataCommand command = DataCommand::kOriginal) {
    return data_of(into_[address(k)], command);
  }
  // The sequences that QUIETs name, each as often as it is named.
  static std::vector<uint16_t> told_to_wait(const std::vector<Datagram>& sent) {
    std::vector<uint16_t> named;
    for (const Datagram& packet : sent) {
      smart::Split split;
      smart::Quiet quiet;
      if (smart::split_message(packet, split) != smart::WireFault::kNone ||
          split.header.type != smart::PacketType::kReplacement || !smart::decode(split.body, quiet))
        continue;
      EXPECT_EQ(quiet.group, LaneBed::output_group(0));
      for (const smart::SequencePair& pair : quiet.list.view())
        for (unsigned k = 0; k <= 16; ++k)
          if (k == 0 || (pair.mask >> (k - 1) & 1) != 0)
            named.push_back(static_cast<uint16_t>(pair.sequence + k));
    }
    return named;
  }
  Datagram as(uint64_t sequence, DataCommand command) {
    Datagram packet = sender_->kept(sequence);
    smart::set_data_command(packet.data(), command, 0);
    return packet;
  }
  // Another start of the same headend. Its packets count from `first`.
  void start_anew(uint64_t first) {
    SmartSender::Options again = sender_->o;
    again.start_number += 1000;
    again.first_sequence = first;
    ++again.salt;
    sender_ = std::make_unique<SmartSender>(again);
  }

  std::unique_ptr<TunnelBed> tunnels_;
  std::map<Ipv4, std::vector<Datagram>> into_;  // by where the tunnel ends
  std::vector<Datagram> native_;
};

TEST_F(RelayTunnels, HaveEachPacketOnceHoweverLateItComes) {
  for (const RelayGuard guard : {RelayGuard::kOpened, RelayGuard::kTrusted, RelayGuard::kClear})
    for (const bool segments : {false, true})
      for (const bool card : {false, true}) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(guard) << segments << card);
        BedOptions options;
        options.offloads = {.ip_checksum = card, .udp_checksum = card, .segments = segments};
        make_tunnelled(3, guard, options);
        sender_->quiet = 5;
        std::set<uint64_t> came;
        for (uint64_t sequence = 100; sequence < 400; ++sequence) {
          const Datagram packet = data();
          if (sequence % 7 != 0 && sequence % 31 != 0) {
            from_above(packet);
            came.insert(sequence);
          }
          // Ten packets late; what 31 divides never comes.
          if (const uint64_t late = sequence - 10; late >= 100 && late % 7 == 0 && late % 31 != 0) {
            from_above(as(late, DataCommand::kRepair));
            came.insert(late);
          }
          turn();
        }
        turns(3);
        for (size_t k = 0; k < 3; ++k) {
          const auto packets = data_into(k);
          EXPECT_EQ(packets.size(), came.size());
          std::set<uint64_t> seen;
          for (const Datagram& packet : packets) {
            const uint64_t sequence = number_of(packet);
            EXPECT_TRUE(seen.insert(sequence).second) << sequence;
            EXPECT_EQ(packet, as(sequence, DataCommand::kOriginal)) << sequence;
          }
          EXPECT_EQ(seen, came);
        }
        EXPECT_EQ(count(ChannelCounter::kTunnelBehind), 0u);
        EXPECT_EQ(count(ChannelCounter::kTunnelPackets), 3 * came.size());
      }
}

TEST_F(RelayTunnels, HaveWhatAHeartbeatShowedToBeMissing) {
  make_tunnelled(1);
  from_above(data());
  const Datagram last = data();
  from_above(sender_->heartbeat());
  turn();
  EXPECT_EQ(data_into(0).size(), 1u);
  from_above(last);
  turns(2);
  EXPECT_EQ(data_into(0),
            (std::vector<Datagram>{as(100, DataCommand::kOriginal), as(101, DataCommand::kOriginal)}));
}

// More tunnels than a turn serves, at a rate that does not suffice, and holes that are filled or not:
// whatever is skipped, nothing that is sent is wrong or sent twice.
TEST_F(RelayTunnels, ThatCannotKeepUpHaveNothingTwiceAndNothingWrong) {
  std::mt19937 random(7);
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  for (const bool segments : {false, true}) {
    BedOptions options;
    options.offloads.segments = segments;
    make_tunnelled(70, RelayGuard::kOpened, options, 160'000'000);
    std::vector<uint64_t> missing;
    for (uint64_t sequence = 100; sequence < 3000; ++sequence) {
      const Datagram packet = data();
      if (one_in(5))
        missing.push_back(sequence);
      else
        from_above(packet);
      while (!missing.empty() && one_in(2)) {
        const size_t which = random() % missing.size();
        from_above(as(missing[which], DataCommand::kRepair));
        missing.erase(missing.begin() + static_cast<ptrdiff_t>(which));
      }
      turn(one_in(40) ? 50 * kNsPerMs : 300'000);
    }
    for (int i = 0; i < 400; ++i) turn(50 * kNsPerMs);
    size_t least = SIZE_MAX, most = 0;
    for (size_t k = 0; k < 70; ++k) {
      std::set<uint64_t> seen;
      for (const Datagram& packet : data_into(k)) {
        const uint64_t sequence = number_of(packet);
        EXPECT_TRUE(seen.insert(sequence).second) << sequence;
        EXPECT_EQ(packet, as(sequence, DataCommand::kOriginal)) << sequence;
      }
      least = std::min(least, seen.size());
      most = std::max(most, seen.size());
    }
    const uint64_t kept = count(RelayCounter::kPassedOn);
    const uint64_t behind = count(ChannelCounter::kTunnelBehind);
    EXPECT_GT(behind, 100u);
    EXPECT_GT(least, most / 2) << "none of them starves";
    EXPECT_GE(least + behind, kept) << "each is counted that any of them missed";
  }
}

TEST_F(RelayTunnels, MayAskForWhatIsKeptAndAreToldToWaitForTheRest) {
  make_tunnelled(3);
  for (uint64_t sequence = 100; sequence < 108; ++sequence)
    if (const Datagram packet = data(); sequence != 103) from_above(packet);
  turns(2);
  into_.clear();
  native_.clear();
  deliver(request({{101, 0b10}}, 107), address(1));  // 101, and 103
  turns(2);
  EXPECT_EQ(data_into(1, DataCommand::kRepair), std::vector<Datagram>{as(101, DataCommand::kRepair)});
  EXPECT_TRUE(data_of(native_, DataCommand::kRepair).empty());
  EXPECT_EQ(told_to_wait(native_), std::vector<uint16_t>{103});
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_EQ(told_to_wait(into_[address(k)]), std::vector<uint16_t>{103}) << k;
    EXPECT_EQ(data_into(k, DataCommand::kRepair).size(), k == 1 ? 1u : 0u);
  }
  into_.clear();
  deliver(request({{103, 0}}, 107), address(2));
  turns(2);
  EXPECT_TRUE(into_.empty()) << "all have been told a moment ago";
  EXPECT_EQ(count(RelayCounter::kMissingBelow), 2u);

  from_above(as(103, DataCommand::kRepair));
  turns(2);
  for (size_t k = 0; k < 3; ++k)
    EXPECT_EQ(data_into(k), std::vector<Datagram>{as(103, DataCommand::kOriginal)})
        << "to all, when it comes";
  deliver(request({{103, 0}}, 107), address(2));
  turns(2);
  EXPECT_EQ(data_into(2, DataCommand::kRepair), std::vector<Datagram>{as(103, DataCommand::kRepair)})
      << "who lost that";
  EXPECT_EQ(count(ChannelCounter::kTunnelRepairs), 2u);
}

TEST_F(RelayTunnels, AreToldOfAsManyAsARequestNames) {
  BedOptions options;
  options.window_packets = 2048;
  make_tunnelled(1, RelayGuard::kOpened, options);
  std::vector<smart::SequencePair> asked;
  std::vector<uint16_t> missing;
  from_above(data());
  for (uint16_t sequence = 101; missing.size() < smart::kMaxPairs || sequence % 20 != 1; ++sequence) {
    const Datagram packet = data();
    if (sequence % 20 != 0) {
      from_above(packet);
    } else {
      asked.push_back({sequence, 0});
      missing.push_back(sequence);
    }
    turn();
  }
  from_above(data());
  turns(2);
  into_.clear();
  deliver(request(asked, 100));
  turns(2);
  EXPECT_EQ(told_to_wait(into_[address(0)]), missing);
}

// Each such request is a message to all of them.
TEST_F(RelayTunnels, AreNotStarvedByOneWhoAsksForAllThatIsMissing) {
  BedOptions options;
  options.window_packets = 1024;
  make_tunnelled(100, RelayGuard::kClear, options);
  std::vector<uint16_t> missing;
  for (int i = 0; i < 600; ++i) {
    const Datagram packet = data();
    if (i % 2 == 0) {
      from_above(packet);
      turns(2);
    } else {
      missing.push_back(static_cast<uint16_t>(number_of(packet)));
    }
  }
  turns(10);
  into_.clear();
  size_t live = 0;
  for (size_t i = 0; i < missing.size(); ++i) {
    deliver(request({{missing[i], 0}}, 0), address(1));
    if (i % 4 == 0) {
      from_above(data());
      ++live;
    }
    turn();
  }
  turns(2);
  EXPECT_GT(told_to_wait(into_[address(0)]).size(), 50u);
  for (const size_t k : {size_t{0}, size_t{50}, size_t{99}}) EXPECT_EQ(data_into(k).size(), live) << k;
}

TEST_F(RelayTunnels, WhatComesLateIsBoundedAndTheRestCanBeRepaired) {
  BedOptions options;
  options.window_packets = 4096;
  make_tunnelled(1, RelayGuard::kOpened, options, 1'000'000);  // the burst, and then next to nothing
  from_above(data());
  std::vector<Datagram> late;
  late.reserve(1200);
  for (int i = 0; i < 1200; ++i) late.push_back(data());
  from_above(data());
  turns(2);
  into_.clear();
  for (size_t i = 0; i < late.size(); ++i) {
    from_above(late[i]);
    if (i % 16 == 15) turn(1000);
  }
  turn(1000);
  EXPECT_EQ(count(RelayCounter::kPassedOn), 1202u);
  const uint64_t behind = count(ChannelCounter::kTunnelBehind);
  EXPECT_EQ(behind + data_into(0).size(), 1200u - 1025) << "one has its turn, and so many wait";
  EXPECT_GT(behind, 50u);
  deliver(request({{static_cast<uint16_t>(number_of(late.back())), 0}}, 1301));
  turn(1000);
  EXPECT_EQ(data_into(0, DataCommand::kRepair).size(), 1u);
  // And those that wait are sent, as the rate allows.
  for (int i = 0; i < 300; ++i) turn(100 * kNsPerMs);
  EXPECT_EQ(behind + data_into(0).size(), 1200u);
}

TEST_F(RelayTunnels, AStreamThatBeginsAnewBeginsAnewInTunnels) {
  for (const uint64_t first : {50, 100, 5000}) {
    SCOPED_TRACE(first);
    make_tunnelled(2);
    for (uint64_t sequence = 100; sequence < 300; ++sequence) {
      if (const Datagram packet = data(); sequence != 290) from_above(packet);
      turn();
    }
    deliver(request({{240, 0xffff}, {257, 0xffff}, {274, 0x7fff}}, 299));
    start_anew(first);
    from_above(sender_->announce());
    turn();
    app::HeardAnnouncement heard;
    ASSERT_TRUE(bed_->lane().next_announcement(heard));
    keeper_->take(heard, relay());
    keeper_->tick(bed_->lane(), 0);
    into_.clear();
    from_above(data());
    turn();  // follows, and takes it
    EXPECT_TRUE(data_into(0, DataCommand::kRepair).empty()) << "there are none of the former start any more";
    EXPECT_GT(count(ChannelCounter::kRequestTooOld), 0u);
    for (int i = 1; i < 100; ++i) {
      if (const Datagram packet = data(); i != 60) from_above(packet);
      if (i == 70) from_above(as(first + 60, DataCommand::kRepair));
      turn();
    }
    turns(2);
    for (size_t k = 0; k < 2; ++k) {
      const auto packets = data_into(k);
      EXPECT_EQ(packets.size(), 100u);
      for (const Datagram& packet : packets)
        EXPECT_EQ(packet, as(number_of(packet), DataCommand::kOriginal)) << number_of(packet);
    }
    EXPECT_EQ(count(ChannelCounter::kTunnelBehind), 0u);
  }
}

// Its numbers are all that a clear channel has, and may be the same as before.
TEST_F(RelayTunnels, AClearStreamThatBeginsAnewBeginsAnewInTunnels) {
  make_tunnelled(1, RelayGuard::kClear);
  for (int i = 0; i < 100; ++i) {
    from_above(data());
    turn();
  }
  EXPECT_EQ(data_into(0).size(), 100u);
  start_anew(100);
  from_above(sender_->status());
  turn();
  into_.clear();
  for (int i = 0; i < 100; ++i) {
    from_above(data());
    turn();
  }
  const auto packets = data_into(0);
  EXPECT_EQ(packets.size(), 100u);
  for (const Datagram& packet : packets)
    EXPECT_EQ(packet, as(number_of(packet), DataCommand::kOriginal)) << number_of(packet);
  EXPECT_EQ(count(ChannelCounter::kTunnelBehind), 0u);
}

TEST_F(RelayTunnels, CarryWhatIsPassedOnAndWhatTheHopSays) {
  make_tunnelled(2);
  sender_->hops = 3;
  sender_->quiet = 7;
  for (int i = 0; i < 60; ++i) {
    from_above(sender_->announce());
    from_above(sender_->status());
    from_above(sender_->heartbeat());
    turn(20 * kNsPerMs);
    turn();
  }
  for (size_t k = 0; k < 2; ++k) {
    EXPECT_EQ(data_into(k, DataCommand::kHeartbeat).size(), 60u);
    int statuses = 0, announcements = 0;
    for (const Datagram& packet : into_[address(k)]) {
      smart::DataHeader data;
      smart::Split split;
      smart::SenderStatus status;
      if (smart::decode_data(packet, data) == smart::WireFault::kNone) {
        EXPECT_EQ(data.quiet, 0) << "to ask at once";
      } else if (packet == sender_->announce()) {
        ++announcements;
      } else if (smart::split_message(packet, split) == smart::WireFault::kNone &&
                 smart::decode(split.body, status)) {
        ++statuses;
        EXPECT_EQ(status.hops, 4);
        EXPECT_EQ(status.start_number, LaneBed::kStartNumber);
        EXPECT_EQ(status.group, LaneBed::output_group(0));
      }
    }
    EXPECT_GE(announcements, 10);
    EXPECT_GE(statuses, 1);
  }
}

// Without the key a later packet of the same number takes the place of the one that is on its way.
TEST_F(RelayTunnels, HaveWholePacketsWhereOneIsReplaced) {
  for (const bool segments : {false, true})
    for (const bool card : {false, true}) {
      BedOptions options;
      options.offloads = {.ip_checksum = card, .udp_checksum = card, .segments = segments};
      make_tunnelled(100, RelayGuard::kTrusted, options);
      SmartSender::Options of_other = sender_->o;
      ++of_other.salt;
      SmartSender other(of_other);
      const Datagram first = other.data(ts_payload(2, 9)), genuine = data();
      from_above(first);
      turn();
      from_above(genuine);
      turns(2);
      int had_first = 0, had_genuine = 0;
      for (const auto& [to, packets] : into_) {
        ASSERT_EQ(packets.size(), 1u);
        had_first += packets[0] == first;
        had_genuine += packets[0] == genuine;
      }
      EXPECT_EQ(had_first, 64);
      EXPECT_EQ(had_genuine, 36);
    }
}

TEST_F(RelayTunnels, AreAccountedAsARepeaters) {
  make_tunnelled(1);
  from_above(data());
  turn();
  const smart::UsageDetail detail{.echoed_hop_time_us = smart::hop_time_us(now_ - 5 * kNsPerMs),
                                  .held_us = 1000};
  deliver(report(smart::MessageCommand::kUsageReportJoin, detail, 0));
  deliver(report(smart::MessageCommand::kUsageReportJoin, detail, 0), address(1));
  turn();
  usage::HeardUsage heard;
  for (const auto reach : {usage::Reach::kRepeaterTunnel, usage::Reach::kNative}) {
    ASSERT_TRUE(bed_->lane().next_usage(heard));
    EXPECT_EQ(heard.reach, reach);
  }
}

}  // namespace
}  // namespace linecast
