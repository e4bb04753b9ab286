#include "lib/lineup/kernel_interface.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <fstream>
#include <sstream>

namespace linecast::lineup {

namespace {

// Empty where it is none that another host could know this machine by.
std::string address_text(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address->sa_family == AF_INET) {
    const in_addr& v4 = reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
    if (ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET) return {};
    return ::inet_ntop(AF_INET, &v4, text.data(), text.size());
  }
  if (address->sa_family == AF_INET6) {
    const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    if (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_LINKLOCAL(&v6)) return {};
    return ::inet_ntop(AF_INET6, &v6, text.data(), text.size());
  }
  return {};
}

bool has_default_route(const std::string& name) {
  std::ifstream table("/proc/net/route");
  std::string line;
  std::getline(table, line);  // headings
  while (std::getline(table, line)) {
    std::istringstream row(line);
    std::string interface, destination, gateway, flags, references, uses, metric, mask;
    row >> interface >> destination >> gateway >> flags >> references >> uses >> metric >> mask;
    if (interface == name && destination == "00000000" && mask == "00000000") return true;
  }
  return false;
}

}  // namespace

KernelInterface kernel_interface(const std::string& name) {
  KernelInterface out;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return out;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_name != name) continue;
    out.up = (one->ifa_flags & IFF_UP) != 0;
    if (one->ifa_addr == nullptr) continue;
    if (std::string text = address_text(one->ifa_addr); !text.empty())
      out.addresses.push_back(std::move(text));
  }
  ::freeifaddrs(all);
  out.default_route = has_default_route(name);
  return out;
}

std::string uses_of(const KernelInterface& interface) {
  std::string text;
  for (const std::string& address : interface.addresses)
    text += (text.empty() ? (interface.addresses.size() > 1 ? "addresses " : "address ") : " and ") + address;
  if (interface.default_route) text += text.empty() ? "the default route" : " and the default route";
  return text;
}

}  // namespace linecast::lineup
