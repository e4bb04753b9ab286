#include "app/linecast/report_usage.h"

#include <algorithm>
#include <cmath>

#include "lib/usage/record_text.h"

namespace linecast::app {
namespace {

using Json = nlohmann::ordered_json;

uint64_t rounded(double estimate) { return static_cast<uint64_t>(std::llround(std::max(estimate, 0.0))); }

// Of receivers that are accounted one by one, of repeaters, and of those that are estimated, added up.
Json describe(const UsageKeeper& keeper, uint32_t channel) {
  const usage::UsageTable& table = keeper.table();
  const usage::ChannelUsage& usage = table.usage(channel);
  const usage::OverflowSample::Channel beyond = table.beyond().totals(channel);
  return {{"name", table.name(channel)},
          {"id", usage::hex_text(load_be64(keeper.id(channel).data()))},
          {"running", keeper.is_open(channel)},
          {"present", table.present(channel)},
          {"standard_error", rounded(std::ceil(table.beyond().standard_error(channel)))},
          {"peak", usage.peak},
          {"peak_at", usage.peak == 0 ? Json() : Json(usage::utc_text(usage.peak_at_ns))},
          {"joins", usage.joins + rounded(beyond.joins)},
          {"leaves", usage.leaves + rounded(beyond.leaves)},
          {"expiries", usage.expiries + rounded(beyond.expiries)},
          {"watched_s", (usage.watched_ms + rounded(beyond.watched_ms)) / 1000},
          {"one_by_one", usage.direct},
          {"estimated", rounded(table.beyond().present(channel))},
          {"by_repeaters", usage.by_repeater},
          {"repeaters", usage.repeaters}};
}

Json seconds_since(TimeNs then, TimeNs now) {
  return then == kNever ? Json() : Json(std::max<TimeNs>(now - then, 0) / kNsPerSecond);
}

Json error_text(const std::string& error) { return error.empty() ? Json() : Json(error); }

Json describe(const usage::SinkStatus& sink, TimeNs now) {
  const bool fails = sink.failing_since != kNever;
  return {
      {"sink", sink.name},
      {"waiting", sink.waiting},
      {"delivered", sink.delivered},
      {"failures", sink.failures},
      {"failing_s", seconds_since(sink.failing_since, now)},
      {"next_attempt_s", fails ? Json(std::max<TimeNs>(sink.next_attempt - now, 0) / kNsPerSecond) : Json()},
      {"last_error", error_text(sink.last_error)}};
}

}  // namespace

Json report_usage(const UsageKeeper& keeper, TimeNs now) {
  const usage::UsageTable& table = keeper.table();
  Json channels = Json::array();
  for (uint32_t channel = 0; channel < table.channels(); ++channel)
    channels.push_back(describe(keeper, channel));
  const usage::StoreStatus store = keeper.store();
  Json sinks = Json::array();
  for (const usage::SinkStatus& sink : store.sinks) sinks.push_back(describe(sink, now));
  Json counters = Json::object();
  for (size_t i = 0; i < usage::kUsageCounterCount; ++i)
    counters[std::string(usage::kUsageCounterTexts[i].name)] =
        table.count(static_cast<usage::UsageCounter>(i));
  return {{"channels", std::move(channels)},
          {"journal",
           {{"acknowledged", store.acknowledged},
            {"bytes", store.journal_bytes},
            {"most_bytes", store.journal_most_bytes},
            {"failing_s", seconds_since(store.failing_since, now)},
            {"last_error", error_text(store.last_error)}}},
          {"sinks", std::move(sinks)},
          {"counters", std::move(counters)}};
}

}  // namespace linecast::app
