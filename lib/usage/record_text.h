// How sinks write what is in a record.
#pragma once

#include <string>

#include "lib/usage/usage_record.h"

namespace linecast::usage {

std::string utc_text(int64_t ns);                        // since 1970: 2026-11-23T12:34:56.789Z
std::string hex_text(uint64_t v);                        // 16 digits
std::string channel_id_text(const UsageRecord& record);  // 16 hex digits
std::string session_text(const UsageRecord& record);     // START-SESSION: unique for good
// One line of JSON, with its newline.
std::string json_line(const NumberedRecord& record);

}  // namespace linecast::usage
