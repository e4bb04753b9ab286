// The simulated network: links between nodes, what is under way on them, and time.
//
// Every hop sends to its group over branches. A branch is an upper link that all of its members share, and a
// link of its own to each member: a loss on the upper link is a loss of all below it. What goes upwards
// (requests, JOINs) takes the same links the other way, which lose and delay by the same models.
#pragma once

#include <memory>
#include <vector>

#include "tests/sim/event_queue.h"
#include "tests/sim/link.h"
#include "tests/sim/packet.h"

namespace linecast::sim {

class Network;

class Node {
 public:
  virtual ~Node() = default;
  // The packet only during the call.
  virtual void receive(Network& network, const Packet& packet) = 0;
  // At the time that wake() named, or after a later wake() named an earlier one.
  virtual void poll(Network& network) = 0;
};

class Network {
 public:
  // random must outlive it.
  explicit Network(Random& random) : random_(random) {}

  // Nodes are numbered in the order in which they are added, from 1; each must outlive the network.
  NodeId add(Node* node);
  // Members first .. first + count - 1 hang below `hop`, by links of these delays each way. No node is in two
  // branches.
  struct Branch {
    NodeId hop = 0;
    NodeId first = 0;
    uint32_t count = 0;
    TimeNs upper_delay_ns = 0;
    const LinkModel* upper = nullptr;  // must outlive the network
    const LinkModel* lower = nullptr;
  };
  // member_delays_ns: `count` of them.
  void connect(const Branch& branch, const std::vector<TimeNs>& member_delays_ns);

  TimeNs now() const { return queue_.now(); }
  Random& random() { return random_; }
  // From the origin to this node, without jitter.
  TimeNs path_delay(NodeId node) const { return places_[node].path_delay_ns; }
  // The hop above.
  NodeId upstream(NodeId node) const { return branches_[places_[node].branch].about.hop; }

  // To all members of all branches of `packet.from`.
  void multicast(const Packet& packet);
  // To one member of a branch of `packet.from`.
  void send_down(const Packet& packet, NodeId to);
  // To the hop above `packet.from`.
  void send_up(const Packet& packet);

  // The node is polled at `at`, or earlier where it has asked for that. kNever: nothing.
  void wake(NodeId node, TimeNs at);

  void run_until(TimeNs end);

  uint64_t deliveries() const { return deliveries_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Event {
    NodeId node;               // kNone: run_until() returns
    PacketPool::Index packet;  // kNone: poll
  };
  struct Place {
    Node* node = nullptr;
    uint32_t branch = kNone;  // that it is a member of
    TimeNs wake_at = kNever;
    TimeNs path_delay_ns = 0;
    Link down, up;
  };
  struct BranchState {
    Branch about;
    Link down, up;
  };

  void pass_member(NodeId member, const LinkModel& model, TimeNs at, PacketPool::Index packet);
  void deliver(TimeNs at, NodeId node, PacketPool::Index packet);

  Random& random_;
  EventQueue<Event> queue_;
  PacketPool packets_;
  std::vector<Place> places_{1};  // none has number 0
  std::vector<BranchState> branches_;
  std::vector<std::vector<uint32_t>> branches_of_;  // by hop
  uint64_t deliveries_ = 0;
};

}  // namespace linecast::sim
