#include "lib/lineup/move_fault.h"

#include <gmock/gmock.h>

#include "tests/unit/lineup/spoiled_lineup.h"

namespace linecast::lineup {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(MoveFault, SaysWhoIsInTheWay) {
  Lineup lineup = *Spoiled(kGoodLineup).load().lineup;
  lineup.tunnels.reset();
  lineup.channels[1].output.interface = lineup.channels[0].output.interface;
  lineup.channels[1].source = {.interface = lineup.channels[0].output.interface,
                               .address = 0xef0a0005,  // 239.10.0.5
                               .udp_port = 5004};
  const auto fault = [&](Ipv4 group, uint16_t port) {
    Output to = lineup.channels[0].output;
    to.group = group;
    to.udp_port = port;
    return move_fault(lineup, 0, to);
  };
  const Ipv4 here = lineup.channels[0].output.group;
  EXPECT_THAT(fault(here + 50, 47200), IsEmpty());
  EXPECT_THAT(fault(here, 47201), IsEmpty()) << "another port alone";
  EXPECT_THAT(fault(here, 47200), HasSubstr("already"));
  EXPECT_THAT(fault(0xef800007, 47200), HasSubstr("224.0.0.7"));
  EXPECT_THAT(fault(lineup.channels[1].output.group, 47100), HasSubstr("output of channel sport"));
  EXPECT_THAT(fault(0xef0a0005, 5004), HasSubstr("feed of channel sport"));
  lineup.channels[1].source.address = lineup.interfaces[lineup.channels[1].source.interface].address;
  EXPECT_THAT(fault(here + 50, 5004), HasSubstr("another port"));
  lineup.channels[1].enabled = false;
  EXPECT_THAT(fault(lineup.channels[1].output.group, 47100), IsEmpty())
      << "who is disabled is in nobody's way";
}

TEST(MoveFault, KeepsThePortWhereTunnelsAreAskedFor) {
  Lineup lineup = *Spoiled(kGoodLineup).load().lineup;
  Output to = lineup.channels[0].output;
  to.group += 50;
  EXPECT_THAT(move_fault(lineup, 0, to), IsEmpty());
  to.udp_port = 47201;
  EXPECT_THAT(move_fault(lineup, 0, to), HasSubstr("asked for at port 47200"));
  lineup.channels[0].tunnels = false;
  EXPECT_THAT(move_fault(lineup, 0, to), IsEmpty());
}

}  // namespace
}  // namespace linecast::lineup
