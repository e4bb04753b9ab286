// What a running headend tells: counters and states as JSON. Control lcore.
#pragma once

#include <nlohmann/json.hpp>

#include "app/linecast/appliance.h"

namespace linecast::app {

nlohmann::ordered_json report_channels(Appliance& appliance);
nlohmann::ordered_json report_ports(const Appliance& appliance);
nlohmann::ordered_json report_lanes(const Appliance& appliance);
nlohmann::ordered_json report_tunnels(const Appliance& appliance);
// Asks the lanes, and waits for each up to 200 ms.
nlohmann::ordered_json report_igmp(Appliance& appliance);

// What the receivers of a channel have reported goes to its row.
void add_faults(nlohmann::ordered_json& row, const smart::FaultReportTable& faults, size_t channel,
                TimeNs now);

}  // namespace linecast::app
