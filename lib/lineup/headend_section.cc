// headend: or repeater:, lanes: and eal:, the parts that hold once for a process.
#include <sys/un.h>

#include <array>
#include <set>

#include "lib/lineup/draft.h"
#include "lib/lineup/spelling.h"

namespace linecast::lineup {

namespace {

constexpr uint64_t kMaxLcore = 1023;
constexpr uint64_t kMaxIdleSleepUs = 10'000;
constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;  // 107; the last byte is 0

// EAL options that the lineup has keys for.
struct OwnOption {
  std::string_view option;
  std::string_view key;
};
constexpr std::array kOwnOptions{
    OwnOption{"-l", "lanes.lcores"},       OwnOption{"-c", "lanes.lcores"},
    OwnOption{"--lcores", "lanes.lcores"}, OwnOption{"--main-lcore", "lanes.main_lcore"},
    OwnOption{"--vdev", "ports"},          OwnOption{"-a", "ports"},
    OwnOption{"--allow", "ports"}};
constexpr size_t kMostTrusted = 8;

// What both roles have.
void read_process(const MapCursor& in, Draft& draft) {
  Lineup& lineup = draft.lineup;
  in.need("name", "demo", lineup.name, parse_name);

  lineup.state_directory = "/var/lib/linecast";
  in.read("state", lineup.state_directory, parse_path);
  lineup.state_directory = draft.resolve(lineup.state_directory);

  lineup.control_socket = "/run/linecast/" + lineup.name + ".sock";
  in.read("control", lineup.control_socket, parse_path);
  lineup.control_socket = draft.resolve(lineup.control_socket);
  if (lineup.control_socket.size() > kMaxSocketPath)
    in.faults().error(
        place(in.ref(), {"control"}),
        fmt::format("the control socket's path is {} bytes long with the lineup's directory: a "
                    "socket's path has at most {}, give a shorter one, as /run/linecast/demo.sock",
                    lineup.control_socket.size(), kMaxSocketPath));
}

void read_repeater(const MapCursor& in, Draft& draft) {
  draft.lineup.role = Role::kRepeater;
  read_process(in, draft);
  const Ref* given = in.find("trust");
  const std::vector<Ref>* items = in.list("trust", given);
  if (items == nullptr) return;
  for (const Ref& item : *items)
    if (std::string file; in.scalar(item, "trust", file, parse_path))
      draft.lineup.trust_files.push_back(draft.resolve(file));
  if (items->empty() || items->size() > kMostTrusted)
    in.faults().error(given->mark,
                      fmt::format("trust names {} public keys: give 1 to {}, a headend's FILE.pub each",
                                  items->size(), kMostTrusted));
}

void read_headend(const MapCursor& in, Draft& draft) {
  Lineup& lineup = draft.lineup;
  read_process(in, draft);
  in.number("sender_id", 1, 32767, "", lineup.sender_id);
  if (in.read("signing_key", lineup.signing_key_file, parse_path))
    lineup.signing_key_file = draft.resolve(lineup.signing_key_file);
}

}  // namespace

void read_role(const MapCursor& top, Draft& draft) {
  const Ref* repeater = top.find("repeater");
  if (repeater == nullptr) {
    const Ref* headend = top.need("headend", "{name: demo}");
    if (headend == nullptr) return;
    draft.role = *headend;
    return read_headend(MapCursor(*headend, kHeadendSection, top.faults()), draft);
  }
  if (top.ref().node->find("headend") != nullptr)
    top.faults().error(repeater->mark,
                       "a lineup is a headend's or a repeater's: delete \"headend\" or \"repeater\"");
  draft.role = *repeater;
  read_repeater(MapCursor(*repeater, kRepeaterSection, top.faults()), draft);
}

void read_lanes(const MapCursor& top, Draft& draft) {
  const Ref* section = top.find("lanes");
  if (section == nullptr) return;
  draft.lanes = *section;
  const MapCursor in(*section, kLanesSection, top.faults());
  Lanes& lanes = draft.lineup.lanes;
  const auto lcore = [](std::string_view text) { return parse_number(text, 0, kMaxLcore, ""); };
  in.read("main_lcore", lanes.main_lcore, lcore);
  in.number("idle_sleep_us", 0, kMaxIdleSleepUs, "us", lanes.idle_sleep_us);

  if (const std::vector<Ref>* items = in.list("lcores", in.find("lcores"))) {
    lanes.lcores.clear();
    for (const Ref& item : *items) {
      unsigned number = 0;
      if (!in.scalar(item, "lcores", number, lcore)) continue;
      if (std::find(lanes.lcores.begin(), lanes.lcores.end(), number) != lanes.lcores.end())
        top.faults().error(item.mark,
                           fmt::format("lcore {} is listed twice: each lane needs its own", number));
      else
        lanes.lcores.push_back(number);
    }
    if (items->empty())
      top.faults().error(place(*section, {"lcores"}), "lcores is empty: list at least one lcore");
  }
  if (std::find(lanes.lcores.begin(), lanes.lcores.end(), lanes.main_lcore) != lanes.lcores.end())
    top.faults().error(
        place(*section, {"main_lcore"}),
        fmt::format("main_lcore {} is also a lane: take it out of lcores, or give main_lcore another",
                    lanes.main_lcore));
}

void read_eal(const MapCursor& top, Draft& draft) {
  const std::vector<Ref>* items = top.list("eal", top.find("eal"));
  if (items == nullptr) return;
  for (const Ref& item : *items) {
    std::string argument;
    const auto any_text = [](std::string_view text) -> Parsed<std::string> {
      if (text.empty()) return Wrong{"is empty: give an EAL option, as \"--no-pci\""};
      if (text.starts_with('-') && text.find(' ') != std::string_view::npos)
        return Wrong{"holds a space: give an option and its value as two items"};
      return std::string(text);
    };
    if (!top.scalar(item, "eal", argument, any_text)) continue;
    for (const OwnOption& own : kOwnOptions) {
      // A short option's value may stick to it: -l1,2.
      const bool is_long = own.option.starts_with("--");
      if (argument == own.option || argument.starts_with(std::string(own.option) + '=') ||
          (!is_long && argument.starts_with(own.option)))
        top.faults().error(
            item.mark,
            fmt::format("EAL option {} is set from the lineup's \"{}\": say it there", own.option, own.key));
    }
    draft.lineup.eal_arguments.push_back(argument);
  }
}

}  // namespace linecast::lineup
