#include <fmt/core.h>

#include "app/linecast/report.h"

namespace linecast::app {
namespace {

using Json = nlohmann::ordered_json;

// Whole milliseconds.
double seconds(TimeNs ns) {
  const TimeNs ms = ns / kNsPerMs;
  return static_cast<double>(ms) / 1000;
}

// A timer that may not run.
Json seconds_or_null(TimeNs ns) { return ns <= 0 || ns == kNever ? Json() : Json(seconds(ns)); }

Json describe(const igmp::MembershipRow& row) {
  Json sources = Json::array();
  for (size_t i = 0; i < std::min<size_t>(row.source_count, row.sources.size()); ++i)
    sources.push_back(to_string(row.sources[i]));
  return {{"group", to_string(row.group)},
          {"mode", row.exclude ? "exclude" : "include"},
          {"source_count", row.source_count},
          {"sources", std::move(sources)},
          {"report_pending", row.pending != igmp::PendingReport::kNone}};
}

Json describe(const igmp::HeardGroupRow& row) {
  Json sources = Json::array();
  TimeNs longest = row.exclude ? row.left_ns : 0;
  for (size_t i = 0; i < std::min<size_t>(row.source_count, row.sources.size()); ++i) {
    sources.push_back(to_string(row.sources[i].address));
    longest = std::max(longest, row.sources[i].left_ns);
  }
  return {{"group", to_string(row.group)},
          {"mode", row.exclude ? "exclude" : "include"},
          {"source_count", row.source_count},
          {"sources", std::move(sources)},
          {"version", static_cast<int>(row.compatibility)},
          {"expires_s", seconds(longest)},
          {"last_reporter", to_string(row.last_reporter)}};
}

Json describe(const igmp::QuerierStatus& status) {
  return {{"active", status.is_querier},
          {"querier", to_string(status.querier)},
          {"version", static_cast<int>(status.version)},
          {"robustness", status.robustness},
          {"query_interval_s", seconds(status.query_interval_ns)},
          {"next_query_s", seconds_or_null(status.is_querier ? status.next_query_ns : 0)},
          {"other_querier_s", seconds_or_null(status.is_querier ? 0 : status.other_querier_ns)},
          {"groups", Json::array()}};
}

Json report_interface(Appliance& appliance, size_t index) {
  const lineup::Interface& interface = appliance.lineup().interfaces[index];
  Json row{{"name", interface.name}};
  Json joined = Json::array(), heard = Json::array();
  Json querier;
  for (size_t from = 0;; from += IgmpPage::kRows) {
    const IgmpPage* page = appliance.igmp_page(index, from);
    if (page == nullptr) return {{"name", interface.name}, {"error", "its lane does not answer"}};
    if (from == 0) {
      row["version"] = static_cast<int>(page->host.version);
      row["forced"] = page->host.forced;
      row["querier_heard"] = page->host.querier == 0 ? Json() : Json(to_string(page->host.querier));
      row["last_query_s"] = seconds_or_null(page->host.since_query_ns);
      const TimeNs older = std::max(page->host.v1_querier_ns, page->host.v2_querier_ns);
      row["older_querier_s"] = seconds_or_null(older);
      row["robustness"] = page->host.robustness;
      if (page->has_querier) querier = describe(page->querier);
    }
    for (size_t i = 0; i < page->joined_count; ++i) joined.push_back(describe(page->joined[i]));
    for (size_t i = 0; i < page->heard_count; ++i) heard.push_back(describe(page->heard[i]));
    if (page->joined_count < IgmpPage::kRows && page->heard_count < IgmpPage::kRows) break;
  }
  row["groups"] = std::move(joined);
  if (!querier.is_null()) querier["groups"] = std::move(heard);
  row["querier"] = std::move(querier);
  return row;
}

}  // namespace

Json report_igmp(Appliance& appliance) {
  Json list = Json::array();
  for (size_t i = 0; i < appliance.lineup().interfaces.size(); ++i)
    list.push_back(report_interface(appliance, i));
  return {{"interfaces", std::move(list)}};
}

}  // namespace linecast::app
