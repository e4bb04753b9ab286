// tunnels:, whether and how much is sent by unicast to those who ask.
#include "lib/lineup/draft.h"

namespace linecast::lineup {

namespace {

constexpr uint64_t kMostTunnels = 100'000;
constexpr uint64_t kLeastRate = 1'000'000;
constexpr uint64_t kMostRate = 400'000'000'000;

}  // namespace

void read_tunnels(const MapCursor& top, Draft& draft) {
  const Ref* section = top.find("tunnels");
  if (section == nullptr) return;
  const MapCursor in(*section, kTunnelsSection, top.faults());
  Tunnels& tunnels = draft.lineup.tunnels.emplace();
  in.number("limit", 1, kMostTunnels, "", tunnels.limit);
  in.number("limit_per_address", 1, kMostTunnels, "", tunnels.limit_per_address);
  in.read("rate", tunnels.rate_bps,
          [](std::string_view text) { return parse_rate_within(text, kLeastRate, kMostRate); });
  read_prefixes(in, "prefixes", tunnels.prefixes);
}

}  // namespace linecast::lineup
