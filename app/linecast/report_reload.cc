#include "app/linecast/report_reload.h"

#include <fmt/core.h>

namespace linecast::app {

using Json = nlohmann::ordered_json;

Json answer_of(const lineup::LoadResult& loaded, const std::string& path) {
  Json answer{{"applied", false}, {"warnings", Json::array()}, {"faults", Json::array()}};
  for (const lineup::Fault& fault : loaded.faults)
    answer[fault.warning ? "warnings" : "faults"].push_back(lineup::format_fault(path, fault));
  if (!loaded.lineup) answer["refused"] = fmt::format("{} is faulty", path);
  return answer;
}

Json changes_of(const lineup::Difference& difference) {
  Json channels = Json::array();
  for (const lineup::ChannelDifference& channel : difference.channels)
    channels.push_back(
        {{"name", channel.name}, {"change", lineup::word_of(channel.change)}, {"details", channel.details}});
  return channels;
}

}  // namespace linecast::app
