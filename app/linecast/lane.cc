#include "app/linecast/lane.h"

#include <algorithm>
#include <bit>
#include <string>

namespace linecast::app {
namespace {

// What one address may ask for on one channel: a third of 100,000 packets a second lost, each asked for
// twice. A flood stops here.
constexpr uint64_t kSequencesPerSource = 65'536;  // a second
constexpr uint64_t kSequencesBurst = 32'768;
// A receiver sends a few reports a minute at most; but many may share an address, and any may share a bucket.
constexpr uint64_t kReportsPerSource = 20;  // a second
constexpr uint64_t kReportsBurst = 100;
// A JOIN for many takes as many tokens as seconds lie between ordinary ones at least.
constexpr uint64_t kTotalsTokensASecond = 1;
constexpr unsigned kRequestInboxSize = 256;
// About what a burst of live packets takes, a few microseconds.
constexpr uint32_t kSequencesATurn = 2 * 17 * smart::kMaxPairs;
// Beside two a slot (three a channel that runs: keys, tunnels, a move): for every port, and what is shown.
constexpr unsigned kFurtherCommands = 128;
// Turns without work before a lane sleeps, where it may.
constexpr unsigned kIdleTurns = 16;

}  // namespace

Lane::Lane(const Setup& setup)
    : setup_(setup),
      directory_(setup.directory),
      streams_(setup.slots),
      own_streams_(setup.slots),
      first_due_(setup.slots),
      source_limiter_(kSequencesPerSource, kSequencesBurst),
      report_limiter_(kReportsPerSource, kReportsBurst),
      totals_limiter_(kTotalsTokensASecond, kLeastRefreshS),
      repairing_(setup.slots),
      tunnelled_(setup.slots),
      inbox_("inbox" + std::to_string(setup.index), kInboxSize, setup.numa_node),
      request_inbox_("requests" + std::to_string(setup.index), kRequestInboxSize, setup.numa_node),
      commands_("commands" + std::to_string(setup.index),
                std::bit_ceil(2 * static_cast<unsigned>(setup.slots) + kFurtherCommands + 1),
                setup.numa_node),
      faults_(kFaultQueueRoom),
      tunnel_asks_(kTunnelQueueRoom),
      tunnel_replies_(kTunnelQueueRoom),
      usage_(kUsageQueueRoom),
      announcements_(kAnnouncementQueueRoom) {}

void Lane::add_port(drivers::Port& port, uint16_t transmit_queue, std::optional<uint16_t> receive_queue) {
  ports_.push_back({&port, transmit_queue, receive_queue});
  batches_.emplace_back();
}

void Lane::add_interface(size_t port, uint16_t vlan) {
  constexpr uint8_t kDscpCs6 = 48;  // network control (RFC 4594)
  const uint16_t control = vlan == 0 ? 0 : net::vlan_control(vlan, kDscpCs6);
  const drivers::TransmitOffloads& offloads = ports_[port].port->offloads();
  LaneInterface interface;
  interface.port = port;
  interface.vlan_control = offloads.vlan_insert ? 0 : control;
  interface.marks = drivers::frame_marks(offloads, control, false);
  interfaces_.push_back(std::move(interface));
}

void Lane::add_host(size_t interface, const HostSetup& setup) {
  interfaces_[interface].host = std::make_unique<LaneHost>(
      setup, [this, interface](Bytes frame) { send_control_frame(interface, frame); });
}

void Lane::add_channel(size_t slot, LaneStream stream) { swap_stream(slot, stream, 0); }

void Lane::start(TimeNs now) {
  for (LaneInterface& interface : interfaces_)
    if (interface.host != nullptr) interface.host->start(now);
  flush_all();
}

void Lane::finish(TimeNs now) {
  for (size_t i = 0; i < own_count_; ++i)
    if (LaneRelay* relay = streams_[own_streams_[i]].relay.get(); relay != nullptr)
      leave_upstream(*relay, now);
  for (LaneInterface& interface : interfaces_)
    if (interface.host != nullptr) interface.host->leave_all(now);
  flush_all();
}

bool Lane::poll(TimeNs now) {
  bool busy = poll_commands(now);
  sequences_left_ = kSequencesATurn;
  busy |= receive(now);
  poll_hosts(now);
  busy |= poll_timers(now);
  busy |= send_repairs(now);
  busy |= send_tunnel_replies();
  busy |= send_into_tunnels(now);
  flush_all();
  counters_.add(LaneCounter::kPolls);
  if (busy) counters_.add(LaneCounter::kBusyPolls);
  return busy;
}

void Lane::run(const drivers::Clock& clock, const std::atomic<bool>& stop) {
  TimeNs now = clock.now();
  start(now);
  unsigned idle = 0;
  uint64_t longest_ns = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    const bool busy = poll(now);
    const TimeNs after = clock.now();
    if (busy) {
      idle = 0;
      if (static_cast<uint64_t>(after - now) > longest_ns) {
        longest_ns = static_cast<uint64_t>(after - now);
        counters_.set(LaneCounter::kLongestTurnNs, longest_ns);
      }
      now = after;
      continue;
    }
    if (setup_.idle_sleep_us > 0 && ++idle >= kIdleTurns)
      drivers::sleep_us(setup_.idle_sleep_us);
    else
      drivers::pause();
    now = clock.now();
  }
  finish(now);
}

}  // namespace linecast::app
