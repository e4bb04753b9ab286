// Who has a tunnel to what: leases of 60 s, renewed by asking again (docs/protocol.md, "Tunnels"). No clock;
// one thread, the control lcore's; all memory is taken by the constructor, about 100 bytes a lease.
#pragma once

#include <vector>

#include "lib/base/time.h"
#include "lib/smart/tunnel/place_list.h"
#include "lib/smart/tunnel/place_table.h"
#include "lib/smart/tunnel/tunnel_counters.h"
#include "lib/smart/tunnel/tunnel_peer.h"
#include "lib/smart/tunnel/tunnel_terms.h"

namespace linecast::smart {

struct LeaseKey {
  TunnelPeer peer;
  uint16_t channel = 0;  // index
};

// Who asks. On a clear channel nobody says.
struct LeaseHolder {
  uint64_t receiver = 0;  // id; 0: of a clear channel
  bool opened = false;    // has opened packets of the channel: its trailer's count is not 0
};

class LeaseTable {
 public:
  static constexpr TimeNs kLeaseNs = kLeaseSeconds * kNsPerSecond;

  struct PortLimits {
    uint32_t tunnels = 0;
    uint64_t rate_bps = 0;  // of all tunnels together, each at its channel's full rate
  };
  struct Settings {
    uint32_t tunnels = 10'000;
    uint32_t tunnels_of_a_peer = 100;  // address: behind a NAT there may be many receivers
    std::vector<PortLimits> ports;
    std::vector<uint16_t> port_of_interface;  // indexes of `ports`
    std::vector<uint64_t> channel_rates_bps;  // as they go out by tunnel, all headers counted
    uint64_t seed = 0;                        // random, for the hash tables
  };
  // Throws Error where an interface names a port that is none.
  LeaseTable(const Settings& settings, TunnelCounters& counters);

  enum class Granted : uint8_t { kNew, kRenewed, kTableFull, kPeerFull, kPortFull, kPortRateFull };
  // A lease from now on, for a new tunnel or one that stands. The limits hold for new tunnels, and for those
  // that now ask by an interface of another port: where that has no room, the lease runs on as it was.
  // interface and channel: of those in the settings.
  Granted grant(TimeNs now, const LeaseKey& key, const TunnelWay& way, const LeaseHolder& holder);

  // Ends a lease for its holder; for nobody else, and not by what its holder sent before it opened packets:
  // that may be a replay.
  enum class Left : uint8_t { kLeft, kUnknown, kRefused };
  Left leave(const LeaseKey& key, const LeaseHolder& holder);

  // Ends leases that are over, oldest first, at most so many. Returns how many it ended: where that is
  // `most`, there may be more.
  size_t expire(TimeNs now, size_t most);

  // From here: the one of the key, if there is one; all of a channel.
  void end(const LeaseKey& key);
  void end_channel(uint16_t channel);

  // Leases that stand keep standing, also where they are beyond their port's limit then.
  void set_rate(uint16_t channel, uint64_t rate_bps);

  size_t size() const { return keys_.size(); }
  bool holds(const LeaseKey& key) const { return keys_.find(packed(key)) != PlaceTable::kNone; }
  uint32_t tunnels_of(uint16_t channel) const { return channels_[channel].tunnels; }
  uint32_t tunnels_on(uint16_t port) const { return ports_[port].tunnels; }
  uint64_t rate_on(uint16_t port) const { return ports_[port].rate_bps; }

  // Takes a channel off the list of those to which destinations came, or from which they went, or changed
  // their way, since it was last taken off: first come, first off. False where there is none.
  bool next_changed(uint16_t& channel);

  // What there is to know of one lease, for people.
  struct Lease {
    LeaseKey key;
    TunnelWay way;
    LeaseHolder holder;
    TimeNs since_ns = 0, until_ns = 0;
  };
  // Calls visit(const Lease&) for each lease of a channel, oldest tunnel first.
  template <typename Visit>
  void for_each(uint16_t channel, const Visit& visit) const {
    for (uint32_t place = channels_[channel].leases.first(); place != PlaceTable::kNone;
         place = channels_[channel].leases.behind(entries_, place))
      visit(lease_at(place));
  }

 private:
  struct Entry {  // beside the key's place
    TimeNs since_ns = 0, until_ns = 0;
    uint64_t receiver = 0;
    PlaceLinks by_age, of_channel;
    uint32_t peer = 0;  // place in peers_
    TunnelWay way;
    bool opened = false;
  };
  static_assert(sizeof(Entry) <= 56);
  struct Channel {
    PlaceList<Entry, &Entry::of_channel> leases;
    uint64_t rate_bps = 0;
    uint32_t tunnels = 0;
    bool changed = false;  // and stands in changed_
  };
  struct Port {
    PortLimits limits;
    uint64_t rate_bps = 0;
    uint32_t tunnels = 0;
  };

  static uint64_t packed(const LeaseKey& key) { return key.peer.packed() << 16 | key.channel; }
  uint16_t channel_of(uint32_t place) const { return static_cast<uint16_t>(keys_.key(place)); }
  Lease lease_at(uint32_t place) const;
  Port& port_of(uint16_t interface) { return ports_[port_of_interface_[interface]]; }

  Granted open(const LeaseKey& key, const TunnelWay& way, uint32_t& place);
  Granted renew(uint32_t place, const TunnelWay& way);
  // kNew: there is.
  static Granted room_on(const Port& port, uint64_t rate_bps);
  // Adds a tunnel of the channel to what its port carries, or takes one off.
  void carry(uint16_t interface, uint16_t channel);
  void drop(uint16_t interface, uint16_t channel);
  void close(uint32_t place, TunnelCounter why);
  void mark_changed(uint16_t channel);

  TunnelCounters& counters_;
  uint32_t tunnels_of_a_peer_;
  std::vector<uint16_t> port_of_interface_;
  std::vector<Port> ports_;
  std::vector<Channel> channels_;
  PlaceTable keys_;
  std::vector<Entry> entries_;             // by place in keys_
  PlaceTable peers_;                       // addresses
  std::vector<uint32_t> peer_tunnels_;     // by place in peers_
  PlaceList<Entry, &Entry::by_age> ages_;  // the one that ends first, first
  TimeNs now_ = INT64_MIN;                 // the latest: a clock that steps back does not disorder ages_
  std::vector<uint16_t> changed_;          // a ring
  size_t changed_head_ = 0, changed_count_ = 0;
};

}  // namespace linecast::smart
