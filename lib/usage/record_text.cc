#include "lib/usage/record_text.h"

#include <fmt/format.h>

#include <ctime>

namespace linecast::usage {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + '"';
}

}  // namespace

std::string utc_text(int64_t ns) {
  constexpr int64_t kMs = kNsPerSecond / kNsPerMs;
  const int64_t ms = ns / kNsPerMs - (ns % kNsPerMs < 0 ? 1 : 0);
  const int64_t rest = (ms % kMs + kMs) % kMs;
  const time_t seconds = (ms - rest) / kMs;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, rest);
}

std::string hex_text(uint64_t v) { return fmt::format("{:016x}", v); }

std::string channel_id_text(const UsageRecord& record) {
  return hex_text(load_be64(record.channel_id.data()));
}

std::string session_text(const UsageRecord& record) {
  return fmt::format("{}-{}", record.start, record.session);
}

std::string json_line(const NumberedRecord& numbered) {
  const UsageRecord& r = numbered.record;
  return fmt::format(
      R"({{"record":"{}","session":"{}","part":{},"channel":{},"channel_id":"{}","receiver":{},"address":"{}",)"
      R"("reported_address":{},"repeater":{},"reached":"{}","ended":"{}","from":"{}","to":"{}","receivers":{},)"
      R"("watched_ms":{},"claimed_s":{}}})"
      "\n",
      numbered.number, session_text(r), r.part, quoted(r.channel.view()), channel_id_text(r),
      r.receiver == 0 ? "null" : quoted(hex_text(r.receiver)), to_string(r.address),
      r.receiver != 0 ? "null" : quoted(to_string(r.reported)), r.repeater,
      kReachTexts[static_cast<size_t>(r.reach)].name, kEndTexts[static_cast<size_t>(r.end)].name,
      utc_text(r.from_ns), utc_text(r.to_ns), r.receivers, r.watched_ms, r.claimed_s);
}

}  // namespace linecast::usage
