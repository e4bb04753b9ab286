// The manuals beside the code: every counter of the headend is in docs/headend.md, every one of the receiver
// in docs/receive.md, and no other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "app/linecast/counters.h"
#include "app/receive/channel.h"
#include "lib/igmp/host.h"
#include "lib/igmp/querier.h"
#include "lib/net/frame.h"
#include "lib/net/icmp.h"
#include "lib/net/neighbors.h"
#include "lib/smart/relay/relay_counters.h"
#include "lib/smart/tunnel/tunnel_counters.h"
#include "lib/smart/wire.h"
#include "lib/usage/usage_table.h"

namespace linecast {
namespace {

using Names = std::vector<std::string>;

// What stands between backquotes in the first cell of each row of the tables that have such a head.
Names documented(const std::string& path, const std::string& head) {
  std::ifstream file(std::string(SOURCE_ROOT) + "/" + path);
  EXPECT_TRUE(file) << path;
  Names names;
  bool in_table = false;
  for (std::string line; std::getline(file, line);) {
    in_table = line.starts_with(head) || (in_table && line.starts_with("|"));
    if (!in_table) continue;
    const std::string cell = line.substr(0, line.find('|', 1));
    for (size_t begin = 0; (begin = cell.find('`', begin)) != std::string::npos;) {
      const size_t end = cell.find('`', ++begin);
      names.push_back(cell.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return names;
}

// `first`: 1 leaves out "no fault".
template <typename Texts>
void add(Names& names, const Texts& texts, const std::string& prefix = {}, size_t first = 0) {
  for (size_t i = first; i < texts.size(); ++i) names.push_back(prefix + std::string(texts[i].name));
}

TEST(HeadendManual, HasEveryCounterAndNoOther) {
  Names known;
  add(known, app::kChannelCounterTexts);
  add(known, app::kLaneCounterTexts);
  add(known, net::kFrameFaultTexts, {}, 1);
  add(known, smart::kWireFaultTexts, "smart_", 1);
  add(known, net::kArpCounterTexts);
  add(known, net::kIcmpCounterTexts);
  add(known, igmp::kHostCounterTexts);
  add(known, igmp::kQuerierCounterTexts);
  add(known, usage::kUsageCounterTexts);
  EXPECT_THAT(documented("docs/headend.md", "| counter |"), testing::UnorderedElementsAreArray(known));
}

TEST(RepeaterManual, HasEveryCounterAndNoOther) {
  Names known;
  add(known, smart::kRelayCounterTexts);
  EXPECT_THAT(documented("docs/repeater.md", "| relay counter |"), testing::UnorderedElementsAreArray(known));
}

TEST(TunnelsManual, HasEveryCounterAndNoOther) {
  Names known;
  add(known, smart::kTunnelCounterTexts);
  EXPECT_THAT(documented("docs/tunnels.md", "| counter |"), testing::UnorderedElementsAreArray(known));
}

TEST(ReceiverManual, HasEveryCounterAndNoOther) {
  Names known{"time", "channel", "rate_bps", "group", "level", "way", "malformed_...", "key_announce_..."};
  add(known, smart::kReceiveCounterTexts);
  add(known, smart::kMoveResultTexts);
  add(known, smart::kTunnelClientCounterTexts);
  add(known, app::kSocketCounterTexts);
  add(known, app::kOutputCounterTexts);
  EXPECT_THAT(documented("docs/receive.md", "| field | counts |"), testing::UnorderedElementsAreArray(known));
}

}  // namespace
}  // namespace linecast
