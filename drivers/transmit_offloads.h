// What a driver is asked to do to frames on their way out: all that it offers.
#pragma once

#include <rte_ethdev.h>

#include "drivers/packet.h"

namespace linecast::drivers {

TransmitOffloads choose_transmit_offloads(const rte_eth_dev_info& info);
// As RTE_ETH_TX_OFFLOAD_ bits.
uint64_t transmit_offload_bits(const TransmitOffloads& offloads);

}  // namespace linecast::drivers
