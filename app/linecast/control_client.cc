#include "app/linecast/control_client.h"

#include <fmt/core.h>

#include "app/linecast/control_server.h"
#include "lib/base/error.h"
#include "lib/lineup/lineup.h"

namespace linecast::app {

void add_target_options(CLI::App& command, Target& target) {
  auto* lineup = command.add_option("--lineup", target.lineup,
                                    "the lineup that the headend runs: names its control socket");
  auto* control = command.add_option("--control", target.control, "the control socket itself");
  lineup->excludes(control);
}

Json ask(const Target& target, const Json& request) {
  std::string path = target.control;
  if (path.empty()) {
    if (target.lineup.empty()) throw WrongUsage("say which headend: --lineup FILE or --control SOCKET");
    const lineup::LoadResult loaded = lineup::load(target.lineup, {.check_machine = false});
    if (!loaded.lineup) {
      for (const lineup::Fault& fault : loaded.faults)
        fmt::print(stderr, "{}\n", lineup::format_fault(target.lineup, fault));
      throw WrongUsage(fmt::format(
          "{} does not say where the headend's control socket is: correct it, or use --control SOCKET",
          target.lineup));
    }
    path = loaded.lineup->control_socket;
  }
  Json answer = Json::parse(ask_control(path, request.dump()), nullptr, false);
  if (answer.is_discarded()) throw Error("the headend's answer is not JSON: is it of another version?");
  if (answer.contains("error")) throw Error(answer["error"].get<std::string>());
  return answer;
}

std::string cell(const Json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace linecast::app
