// Who watches, and what becomes of the records of it, as JSON. Control lcore.
#pragma once

#include <nlohmann/json.hpp>

#include "app/linecast/usage_keeper.h"

namespace linecast::app {

// now: of the clock that the keeper was given.
nlohmann::ordered_json report_usage(const UsageKeeper& usage, TimeNs now);

}  // namespace linecast::app
