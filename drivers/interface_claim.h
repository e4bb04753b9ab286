// A network interface is one headend's: the kernel would let several send and receive there at once.
#pragma once

#include <string>

namespace linecast::drivers {

// Of this network namespace, until it is destroyed or the process ends.
class InterfaceClaim {
 public:
  // Throws Error where another process holds the interface, or where this user may not open one at all.
  InterfaceClaim(const std::string& port, const std::string& interface);
  ~InterfaceClaim();
  InterfaceClaim(const InterfaceClaim&) = delete;
  InterfaceClaim& operator=(const InterfaceClaim&) = delete;

 private:
  int socket_ = -1;
};

}  // namespace linecast::drivers
