#include "tests/sim/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linecast::sim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Listener : public Node {
 public:
  void receive(Network& network, const Packet& packet) override {
    heard.emplace_back(network.now(), std::get<Data>(packet.body).sequence);
  }
  void poll(Network& network) override { polled.push_back(network.now()); }

  std::vector<std::pair<TimeNs, uint64_t>> heard;
  std::vector<TimeNs> polled;
};

// A hop, 1, and two branches of two members each: 2 and 3, 4 and 5.
struct Bed {
  explicit Bed(const LinkModel& upper = {}, const LinkModel& lower = {})
      : upper_model(upper), lower_model(lower) {
    for (Listener& node : nodes) network.add(&node);
    network.connect({1, 2, 2, 100, &upper_model, &lower_model}, {10, 20});
    network.connect({1, 4, 2, 200, &upper_model, &lower_model}, {10, 20});
  }
  LinkModel upper_model, lower_model;
  std::array<Listener, 5> nodes;  // number 1 is the first
  Random random{1};
  Network network{random};
};

Packet data(NodeId from, uint64_t sequence) { return {.from = from, .body = Data{.sequence = sequence}}; }

TEST(Network, BringsAMulticastToAllMembersOverBothLinks) {
  Bed bed;
  bed.network.multicast(data(1, 7));
  bed.network.run_until(1000);
  EXPECT_THAT(bed.nodes[0].heard, IsEmpty());
  EXPECT_THAT(bed.nodes[1].heard, ElementsAre(std::pair(110, 7)));
  EXPECT_THAT(bed.nodes[2].heard, ElementsAre(std::pair(120, 7)));
  EXPECT_THAT(bed.nodes[3].heard, ElementsAre(std::pair(210, 7)));
  EXPECT_THAT(bed.nodes[4].heard, ElementsAre(std::pair(220, 7)));
  EXPECT_EQ(bed.network.path_delay(5), 220);
  EXPECT_EQ(bed.network.deliveries(), 4u);
  EXPECT_EQ(bed.network.now(), 1000);
}

TEST(Network, BringsWhatIsSentUpToTheHopAlone) {
  Bed bed;
  EXPECT_EQ(bed.network.upstream(5), 1u);
  bed.network.send_up(data(5, 7));
  bed.network.run_until(1000);
  EXPECT_THAT(bed.nodes[0].heard, ElementsAre(std::pair(220, 7)));
  for (int k = 1; k < 5; ++k) EXPECT_THAT(bed.nodes[k].heard, IsEmpty());
}

// How many of 1000 packets both members of a branch heard alike, and members of two branches.
std::pair<int, int> alike(Bed& bed) {
  for (uint64_t sequence = 0; sequence < 1000; ++sequence) bed.network.multicast(data(1, sequence));
  bed.network.run_until(1000);
  const auto common = [&](int a, int b) {
    std::array<int, 1000> heard{};
    for (const auto& [at, sequence] : bed.nodes[a].heard) heard[sequence] = 1;
    int same = 1000 - static_cast<int>(bed.nodes[a].heard.size() + bed.nodes[b].heard.size());
    for (const auto& [at, sequence] : bed.nodes[b].heard) same += 2 * heard[sequence];
    return same;
  };
  return {common(1, 2), common(1, 3)};
}

TEST(Network, LosesForAllBelowWhatAnUpperLinkLoses) {
  Bed bed(LinkModel{.loss = LossModel::random(0.5)});
  const auto [branch, apart] = alike(bed);
  EXPECT_EQ(branch, 1000);
  EXPECT_NEAR(apart, 500, 80);
}

TEST(Network, LosesForOneMemberWhatItsOwnLinkLoses) {
  Bed bed({}, LinkModel{.loss = LossModel::random(0.5)});
  const auto [branch, apart] = alike(bed);
  EXPECT_NEAR(branch, 500, 80);
  EXPECT_NEAR(apart, 500, 80);
}

TEST(Network, WakesANodeOnceAtTheEarliestTimeThatItAskedFor) {
  Bed bed;
  bed.network.wake(2, 500);
  bed.network.wake(2, 300);
  bed.network.wake(2, 400);
  bed.network.wake(3, kNever);
  bed.network.run_until(1000);
  EXPECT_THAT(bed.nodes[1].polled, ElementsAre(300));
  EXPECT_THAT(bed.nodes[2].polled, IsEmpty());
  bed.network.wake(2, 0);  // at once, not in the past
  bed.network.run_until(2000);
  EXPECT_THAT(bed.nodes[1].polled, ElementsAre(300, 1000));
}

}  // namespace
}  // namespace linecast::sim
