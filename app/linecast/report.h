// What a running headend tells: counters and states as JSON. Control lcore.
#pragma once

#include <nlohmann/json.hpp>

#include "app/linecast/appliance.h"

namespace linecast::app {

nlohmann::ordered_json report_channels(const Appliance& appliance);
nlohmann::ordered_json report_ports(const Appliance& appliance);
nlohmann::ordered_json report_lanes(const Appliance& appliance);
// Asks the lanes, and waits for each up to 200 ms.
nlohmann::ordered_json report_igmp(Appliance& appliance);

}  // namespace linecast::app
