// What the lineup needs of this machine: files, directories, interfaces, cards, cores.
#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/crypto/key_file.h"
#include "lib/lineup/draft.h"
#include "lib/lineup/kernel_interface.h"
#include "lib/lineup/pci_card.h"
#include "lib/lineup/spelling.h"

namespace linecast::lineup {

namespace {

namespace fs = std::filesystem;

bool is_directory(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}
bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// Runs a reader of lib/crypto and reports what it throws.
template <typename Read>
void try_key(Mark at, bool warning, FaultList& faults, Read&& read) {
  try {
    read();
  } catch (const Error& e) {
    faults.add(at, e.what(), warning);
  }
}

void check_process(const Draft& draft, FaultList& faults) {
  if (draft.role.node == nullptr) return;
  const Lineup& lineup = draft.lineup;
  const Mark state = place(draft.role, {"state"});
  if (!exists(lineup.state_directory))
    faults.error(state,
                 fmt::format("state directory {0} does not exist; start numbers are kept there, so that they "
                             "outlive a restart: make it with: mkdir -p -m 700 {0}",
                             lineup.state_directory));
  else if (!is_directory(lineup.state_directory))
    faults.error(state,
                 fmt::format("state {} is no directory: give the path of one", lineup.state_directory));
  const Mark control = place(draft.role, {"control"});
  const std::string directory = fs::path(lineup.control_socket).parent_path();
  if (!directory.empty() && !is_directory(directory))
    faults.error(control,
                 fmt::format("the control socket's directory {0} does not exist: make it with: mkdir -p {0}",
                             directory));
  std::error_code ignored;
  if (exists(lineup.control_socket) && !fs::is_socket(lineup.control_socket, ignored))
    faults.error(control,
                 fmt::format("{} is there already and no socket: give the control socket another path",
                             lineup.control_socket));
  if (!lineup.signing_key_file.empty())
    try_key(place(draft.role, {"signing_key"}), false, faults,
            [&] { crypto::read_signing_key(lineup.signing_key_file); });
  for (const std::string& file : lineup.trust_files)
    try_key(place(draft.role, {"trust"}), false, faults, [&] { crypto::read_public_key(file); });
}

// The directory itself is made where it is missing.
void check_usage(const Draft& draft, FaultList& faults) {
  const Usage& usage = draft.lineup.usage;
  const auto check = [&](const std::string& path, std::initializer_list<std::string_view> key,
                         std::string_view what) {
    const std::string parent = fs::path(path).parent_path();
    if (path.empty() || parent == usage.directory || is_directory(parent)) return;
    faults.error(place(draft.usage, key),
                 fmt::format("the directory of {0}, {1}, does not exist: make it with: mkdir -p -m 700 {1}",
                             what, parent));
  };
  if (exists(usage.directory) && !is_directory(usage.directory))
    faults.error(place(draft.usage, {"directory"}),
                 fmt::format("usage's directory {} is no directory: give the path of one", usage.directory));
  else if (usage.directory != draft.lineup.state_directory + "/usage")  // or the state directory is missing
    check(usage.directory, {"directory"}, "usage's directory");
  check(usage.json_file, {"json", "file"}, "json's file");
  check(usage.sqlite_file, {"sqlite", "file"}, "sqlite's file");
}

// Each file once, where it is first named; only a warning where no enabled channel needs it.
void check_keys(const Draft& draft, FaultList& faults) {
  const std::vector<Channel>& channels = draft.lineup.channels;
  std::map<std::string, bool> needed;
  for (const Channel& channel : channels) needed[channel.key_file] |= channel.enabled;
  const auto holder =
      draft.lineup.role == Role::kHeadend ? crypto::KeyHolder::kHeadend : crypto::KeyHolder::kReceiver;
  for (size_t i = 0; i < channels.size(); ++i) {
    const auto use = needed.find(channels[i].key_file);
    if (channels[i].key_file.empty() || use == needed.end()) continue;
    try_key(place(draft.channels[i], {"key"}), !use->second, faults,
            [&] { crypto::read_group_key(channels[i].key_file, holder); });
    needed.erase(use);
  }
}

void check_hop_keys(const Draft& draft, FaultList& faults) {
  for (size_t i = 0; i < draft.lineup.channels.size(); ++i) {
    const Channel& channel = draft.lineup.channels[i];
    if (channel.hop_key_file.empty()) continue;
    const Mark at = place(draft.channels[i], {"hop_key"});
    try_key(at, !channel.enabled, faults, [&] {
      if (crypto::read_hop_key(channel.hop_key_file).channel != channel.id)
        throw Error(fmt::format(
            "{}: a hop key of another channel: each channel has its own, made with: linecast key hop "
            "--channel {} GROUP_KEY FILE",
            channel.hop_key_file, shell_quoted(channel.name)));
    });
  }
}

// 0 where the kernel does not tell.
int kernel_mtu(const std::string& interface) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  ifreq request{};
  std::memcpy(request.ifr_name, interface.data(), std::min(interface.size(), sizeof request.ifr_name - 1));
  const bool known = ::ioctl(fd, SIOCGIFMTU, &request) == 0;
  ::close(fd);
  return known ? request.ifr_mtu : 0;
}

std::string suggest_interface(const std::string& wanted) {
  std::vector<std::string> names;
  struct if_nameindex* all = ::if_nameindex();
  for (struct if_nameindex* one = all; one != nullptr && one->if_index != 0; ++one)
    names.emplace_back(one->if_name);
  if (all != nullptr) ::if_freenameindex(all);
  const std::vector<std::string_view> views(names.begin(), names.end());
  return suggest(wanted, views);
}

// Of an interface whose frames a virtual device takes.
void check_kernel_use(Mark at, const std::string& name, FaultList& faults) {
  const KernelInterface interface = kernel_interface(name);
  if (!interface.up)
    faults.warn(
        at, fmt::format("network interface {0} is down, so nothing comes or goes: run: ip link set {0} up",
                        name));
  const std::string uses = uses_of(interface);
  if (uses.empty()) return;
  faults.warn(
      at, fmt::format("network interface {0} has {1} in the kernel, which answers there beside the "
                      "headend: give another one{2}",
                      name, uses,
                      interface.default_route ? std::string(" (without this one the machine may be cut off)")
                                              : ", or run: ip address flush dev " + name));
}

void check_devices(const Draft& draft, FaultList& faults) {
  for (size_t i = 0; i < draft.devices.size(); ++i) {
    const Device& device = draft.devices[i];
    const Mark at = place(draft.ports[i], {"device"});
    if (device.is_pci)
      if (const std::string fault = card_fault(device.text); !fault.empty()) faults.error(at, fault);
    if (device.kernel_interface.empty()) continue;
    if (::if_nametoindex(device.kernel_interface.c_str()) == 0) {
      faults.error(at,
                   fmt::format("there is no network interface {} here{}", in_quotes(device.kernel_interface),
                               suggest_interface(device.kernel_interface)));
      continue;
    }
    check_kernel_use(at, device.kernel_interface, faults);
    if (const int mtu = kernel_mtu(device.kernel_interface); mtu > 0 && mtu < draft.lineup.ports[i].mtu) {
      faults.warn(
          place(draft.ports[i], {"mtu"}),
          fmt::format(
              "the MTU is {}, but that of network interface {} is {}: longer packets are lost, run: ip "
              "link set {} mtu {}",
              draft.lineup.ports[i].mtu, device.kernel_interface, mtu, device.kernel_interface,
              draft.lineup.ports[i].mtu));
    }
  }
}

void check_lcores(const Draft& draft, FaultList& faults) {
  const auto check = [&](unsigned lcore, std::string_view key) {
    if (!exists(fmt::format("/sys/devices/system/cpu/cpu{}", lcore)))
      faults.error(draft.lanes.node != nullptr ? place(draft.lanes, {key}) : Mark{},
                   fmt::format("{} names lcore {}, but this machine has {}: `lscpu -e` lists them", key,
                               lcore, ::sysconf(_SC_NPROCESSORS_CONF)));
  };
  for (const unsigned lcore : draft.lineup.lanes.lcores) check(lcore, "lcores");
  check(draft.lineup.lanes.main_lcore, "main_lcore");
}

}  // namespace

void check_machine(const Draft& draft, FaultList& faults) {
  check_process(draft, faults);
  check_usage(draft, faults);
  check_keys(draft, faults);
  check_hop_keys(draft, faults);
  check_devices(draft, faults);
  check_lcores(draft, faults);
}

}  // namespace linecast::lineup
