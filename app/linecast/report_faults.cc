// What receivers complain of, in the rows of `linecast show channels`.
#include <fmt/core.h>

#include <algorithm>

#include "app/linecast/report.h"

namespace linecast::app {
namespace {

using Json = nlohmann::ordered_json;
using smart::FaultReportTable;

Json describe(const FaultReportTable::Receiver& receiver, size_t kind, TimeNs now) {
  const FaultReportTable::Fault& fault = receiver.faults[kind];
  return {{"receiver", receiver.id == 0 ? Json() : Json(fmt::format("{:x}", receiver.id))},
          {"address", to_string(receiver.address)},
          {"fault", smart::name_of_fault(kind)},
          {"count", fault.count},
          {"reports", fault.reports},
          {"first_sequence", fault.first_sequence == 0 ? Json() : Json(fault.first_sequence)},
          {"last_heard_s", std::max<TimeNs>(now - fault.heard_ns, 0) / kNsPerSecond}};
}

}  // namespace

void add_faults(Json& row, const FaultReportTable& faults, size_t channel, TimeNs now) {
  const FaultReportTable::Totals& totals = faults.totals(channel);
  row["complaining"] = faults.recent(channel, now);
  Json counts = Json::object();
  for (size_t kind = 0; kind < totals.counts.size(); ++kind)
    if (totals.counts[kind] != 0) counts[std::string(smart::name_of_fault(kind))] = totals.counts[kind];
  row["reported"] = std::move(counts);
  row["reports_unlisted"] = totals.unlisted;
  row["receivers_evicted"] = totals.evicted;
  Json receivers = Json::array();
  for (const FaultReportTable::Receiver& receiver : faults.receivers(channel))
    for (size_t kind = 0; kind < receiver.faults.size(); ++kind)
      if (receiver.faults[kind].reports != 0) receivers.push_back(describe(receiver, kind, now));
  row["receivers"] = std::move(receivers);
}

}  // namespace linecast::app
