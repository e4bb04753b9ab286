#include "app/receive/interface.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <memory>
#include <set>

namespace linecast::app {

lineup::Parsed<Interface> parse_interface(std::string_view text) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return lineup::Wrong{"cannot be looked up: the kernel lists no interfaces"};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  const std::optional<Ipv4> address = parse_ipv4(text);
  std::set<std::string> known;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    known.insert(entry->ifa_name);
    const bool is_ipv4 = entry->ifa_addr != nullptr && entry->ifa_addr->sa_family == AF_INET;
    const bool matches =
        address ? is_ipv4 && ntohl(reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr.s_addr) ==
                                 *address
                : entry->ifa_name == text;
    if (matches) return Interface{if_nametoindex(entry->ifa_name)};
  }
  std::string names;
  for (const std::string& name : known) names.append(names.empty() ? "" : ", ").append(name);
  return lineup::Wrong{fmt::format("is no interface of this machine{}: there are {}",
                                   address ? " nor the address of one" : "", names)};
}

}  // namespace linecast::app
