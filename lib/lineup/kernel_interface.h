// What the kernel itself does with a network interface.
#pragma once

#include <string>
#include <vector>

namespace linecast::lineup {

struct KernelInterface {
  bool up = false;
  std::vector<std::string> addresses;  // IPv4 and IPv6 as text, but for loopback and link-local ones
  bool default_route = false;          // of IPv4
};

// Of the calling thread's network namespace; nothing of what is not there.
KernelInterface kernel_interface(const std::string& name);

// "address 192.0.2.2", "addresses 192.0.2.2 and 2001:db8::2", with " and the default route" where it has
// that; empty where it has neither.
std::string uses_of(const KernelInterface& interface);

}  // namespace linecast::lineup
