// What `linecast reload` is told, as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "lib/lineup/difference.h"

namespace linecast::app {

// "applied" false, "warnings" and "faults" of the file; where it is faulty, "refused" as well.
nlohmann::ordered_json answer_of(const lineup::LoadResult& loaded, const std::string& path);
// Of each channel "name", "change" and "details".
nlohmann::ordered_json changes_of(const lineup::Difference& difference);

}  // namespace linecast::app
