// Judges what is asked of tunnels, and keeps their leases (docs/protocol.md, "Tunnels"): cookies, trailers,
// limits. It knows no lane: requests come to it as records, and answers leave it as such. Control lcore.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "app/linecast/tunnel_records.h"
#include "lib/crypto/receiver_keys.h"
#include "lib/lineup/lineup.h"
#include "lib/smart/send/repair_engine.h"
#include "lib/smart/tunnel/tunnel_list.h"

namespace linecast::app {

// A hop that may be asked for tunnels.
struct TunnelHop {
  crypto::ChannelId channel{};
  uint16_t interface = 0;  // by which it is asked and sends
  Ipv4 group = 0;
  uint16_t port = 0;      // UDP, of the group and of requests
  bool allowed = true;    // else requests are refused
  uint64_t rate_bps = 0;  // of one tunnel, all headers and repairs counted
  // Of an encrypted channel; none: a clear one, whose messages have no trailer.
  struct UpKey {
    std::array<uint8_t, 16> key{};
    uint16_t id = 0;  // the group key's
  };
  std::optional<UpKey> up_key;
};

class TunnelKeeper {
 public:
  // What a hop is at just now.
  struct HopState {
    smart::KeptSequences kept;  // what the count of a receiver's trailer is compared with
    uint8_t hops = 0;  // from the origin, as its SENDER_STATUS says; 0: a repeater's that is not known
  };
  using StateOf = std::function<HopState(uint16_t slot)>;
  struct Settings {
    size_t slots = 0;
    smart::LeaseTable::Settings leases;    // channel_rates_bps: left to set_hop()
    std::vector<lineup::Prefix> prefixes;  // nobody else is granted any; empty: anybody
  };
  TunnelKeeper(TimeNs now, Settings settings, StateOf state_of);

  // From now on. Leases of the same channel's hop of this interface, group and port stand, also where that
  // has another slot so far; another channel's end. So stand those of a slot whose hop moves, which is asked
  // for by either place until end_former().
  void set_hop(uint16_t slot, const TunnelHop& hop);
  // The slot's hop has moved: its former place is another's to take.
  void end_former(uint16_t slot);
  // Ends its leases.
  void end_hop(uint16_t slot);

  // True where `reply` is to be sent.
  bool take(TimeNs now, const HeardTunnelAsk& heard, TunnelReply& reply);
  // Ends leases that are over, and makes new secrets.
  void tick(TimeNs now);
  // The next hop whose tunnels have changed since it was last named here; false: none.
  bool next_changed(uint16_t& slot) { return leases_.next_changed(slot); }

  const smart::LeaseTable& leases() const { return leases_; }
  const smart::TunnelCounters& counters() const { return counters_; }
  void count(smart::TunnelCounter counter) { counters_.add(counter); }

 private:
  struct Hop {
    TunnelHop terms;
    std::unique_ptr<crypto::CmacKey> up_key;  // at an address of its own: receivers' keys are kept by it
    std::optional<uint64_t> former;           // key_of() the place that it moves from
  };
  static uint64_t key_of(uint16_t interface, Ipv4 group, uint16_t port) {
    return uint64_t{group} << 32 | uint32_t{port} << 16 | interface;
  }
  // Takes the place off the slot, unless another has taken it over already.
  void forget(uint64_t key, uint16_t slot);
  bool is_allowed(Ipv4 address) const;
  void move_leases(uint16_t from, uint16_t to);
  // Who asks, by the trailer; none where it is refused (counted).
  std::optional<smart::LeaseHolder> holder_of(uint16_t slot, const smart::KeptSequences& kept, Bytes datagram,
                                              Bytes trailer);

  crypto::Manager manager_;
  smart::TunnelCounters counters_;
  smart::TunnelCookies cookies_;
  smart::LeaseTable leases_;
  smart::TunnelGrantor grantor_;
  crypto::ReceiverKeys receiver_keys_;
  std::vector<lineup::Prefix> prefixes_;
  StateOf state_of_;
  TimeNs now_;                                    // of the last call
  std::vector<std::unique_ptr<Hop>> hops_;        // by slot; null: none
  std::unordered_map<uint64_t, uint16_t> slots_;  // by key_of()
};

}  // namespace linecast::app
