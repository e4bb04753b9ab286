// What a requester gets back of what a link loses: one sender that keeps the last 16384 packets and answers
// each sequence once a round trip, QUIET first, and a link that loses of everything that comes down.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "lib/smart/receive/requester.h"

namespace linecast::smart {
namespace {

constexpr TimeNs kMs = kNsPerMs;
constexpr Ipv4 kHop = 0x0a000001;
constexpr uint64_t kKept = 1 << 14;

struct Link {
  double loss;
  TimeNs round_trip;           // of packets
  uint16_t announced_ms;       // by SENDER_STATUS; 0: none comes
  TimeNs interval = kMs / 10;  // between packets
  uint8_t quiet = 0;
  uint8_t log2_group_size = 0;
};

class Simulation {
 public:
  explicit Simulation(const Link& link) : link_(link) {}

  // The share of the packets that nothing brought in time.
  double unrecovered(uint64_t packets) {
    constexpr uint64_t kFirst = 65'000;
    const uint64_t end = kFirst + packets;
    requester_.start(kFirst);
    if (link_.announced_ms > 0) {
      SenderStatus status;
      status.round_trip_ms = link_.announced_ms;
      status.log2_group_size = link_.log2_group_size;
      requester_.take_status(status, *requester_.hops().heard(kHop, now_));
    }
    TimeNs send_at = now_;
    while (sent_ < packets || !missing_.empty()) {
      const TimeNs arrival = arrivals_.empty() ? kNever : arrivals_.begin()->first;
      const TimeNs live = sent_ < packets + kKept ? send_at : kNever;  // the stream goes on behind
      const TimeNs deadline = deadlines_.empty() ? kNever : deadlines_.begin()->first;
      now_ = std::max(now_, std::min({arrival, live, deadline, requester_.next_due()}));
      if (live <= now_) {
        send_at += link_.interval;
        const uint64_t sequence = kFirst + sent_++;
        transmit([this, sequence] { take(sequence, false); });
      }
      while (!arrivals_.empty() && arrivals_.begin()->first <= now_) {
        const auto what = std::move(arrivals_.begin()->second);
        arrivals_.erase(arrivals_.begin());
        what();
      }
      requester_.ask(now_, [this](Ipv4, const PairList& pairs) {
        at(link_.round_trip / 2, [this, pairs] { answer(pairs); });
      });
      // Each hole has as long as the packet that revealed it.
      while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
        for (uint64_t s = deadlines_.begin()->second.first; s < deadlines_.begin()->second.second; ++s)
          if (missing_.erase(s) > 0 && s < end) ++given_up_;
        deadlines_.erase(deadlines_.begin());
      }
      if (++steps_ > 100 * packets + 10'000'000) ADD_FAILURE() << "it does not end";
      if (testing::Test::HasFailure()) break;
    }
    return static_cast<double>(given_up_) / static_cast<double>(packets);
  }

  uint64_t lost = 0;
  uint64_t overflow() const { return counters_.get(ReceiveCounter::kRequestOverflow); }

 private:
  void at(TimeNs delay, std::function<void()> what) { arrivals_.emplace(now_ + delay, std::move(what)); }
  void transmit(std::function<void()> what) {
    if (random_.unit() >= link_.loss) at(link_.round_trip / 2, std::move(what));
  }

  void take(uint64_t sequence, bool repair) {
    Hop* hop = requester_.heard(now_, kHop, link_.quiet);
    if (repair) Requester::answered(hop);
    if (sequence > requester_.next()) {
      deadlines_.emplace(now_ + kNsPerSecond, std::pair(requester_.next(), sequence));
      for (uint64_t s = requester_.next(); s < sequence; ++s) missing_.insert(s);
      lost += sequence - requester_.next();
    }
    missing_.erase(sequence);
    requester_.arrived(now_, sequence, hop);
  }

  void answer(const PairList& pairs) {
    const TimeNs lock = (link_.announced_ms > 0 ? link_.announced_ms : 50) * kMs;
    Quiet quiet;
    std::vector<uint64_t> repairs;
    for (const SequencePair& pair : pairs.view()) {
      SequencePair named{pair.sequence, 0};
      for (unsigned i = 0; i <= 16; ++i) {
        if (i > 0 && (pair.mask >> (i - 1) & 1) == 0) continue;
        const uint64_t newest = 65'000 + sent_ - 1;
        const auto behind = static_cast<uint16_t>(static_cast<uint16_t>(newest) - pair.sequence - i);
        if (behind >= kKept) continue;
        auto [entry, first] = answered_.try_emplace(newest - behind, now_);
        if (!first && now_ - entry->second < lock) continue;
        entry->second = now_;
        repairs.push_back(newest - behind);
        if (i > 0) named.mask |= static_cast<uint16_t>(1u << (i - 1));
      }
      quiet.list.pairs[quiet.list.count++] = named;
    }
    if (repairs.empty()) return;
    transmit([this, quiet] { requester_.take_quiet(now_, quiet, *requester_.hops().heard(kHop, now_)); });
    for (const uint64_t s : repairs) transmit([this, s] { take(s, true); });
  }

  const Link link_;
  Random random_{11};
  ReceiveCounters counters_;
  Requester requester_{{}, random_, counters_};
  TimeNs now_ = 1000 * kNsPerSecond;
  std::multimap<TimeNs, std::function<void()>> arrivals_;
  std::map<uint64_t, TimeNs> answered_;
  std::set<uint64_t> missing_;
  std::multimap<TimeNs, std::pair<uint64_t, uint64_t>> deadlines_;
  uint64_t sent_ = 0;
  uint64_t given_up_ = 0;
  uint64_t steps_ = 0;
};

struct Case {
  const char* name;
  Link link;
  double most;  // unrecovered
};

class RequesterLoss : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(
    Links, RequesterLoss,
    testing::Values(Case{"Tenth1ms", {0.1, kMs, 1}, 0}, Case{"Tenth20ms", {0.1, 20 * kMs, 20}, 0},
                    Case{"Tenth20msUnannounced", {0.1, 20 * kMs, 0}, 0},
                    Case{"Third1ms", {0.3, kMs, 1}, 1e-5}, Case{"Third20ms", {0.3, 20 * kMs, 20}, 1e-5},
                    Case{"Third20msUnannounced", {0.3, 20 * kMs, 0}, 1e-5},
                    Case{"Half1ms", {0.5, kMs, 1}, 1e-3}, Case{"Half20ms", {0.5, 20 * kMs, 20}, 1e-3},
                    Case{"Half20msUnannounced", {0.5, 20 * kMs, 0}, 1e-3},
                    Case{"HalfInAGroupOfAThousand", {0.5, kMs, 1, kMs / 10, 5, 10}, 1e-3}),
    [](const auto& c) { return std::string(c.param.name); });

TEST_P(RequesterLoss, LeavesLittle) {
  Simulation simulation(GetParam().link);
  constexpr uint64_t kPackets = 40'000;
  const double unrecovered = simulation.unrecovered(kPackets);
  EXPECT_LE(unrecovered, GetParam().most);
  EXPECT_GT(static_cast<double>(simulation.lost), 0.9 * GetParam().link.loss * kPackets);
  EXPECT_EQ(simulation.overflow(), 0u);
}

}  // namespace
}  // namespace linecast::smart
