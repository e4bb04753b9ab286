// DPDK's environment: started once, before anything else of drivers/.
#pragma once

#include <string>
#include <vector>

namespace linecast::drivers {

// Starts EAL; its destructor gives everything back. One at a time.
class Eal {
 public:
  // program: for log lines; arguments: as on a command line, without the program. Throws Error with what EAL
  // said.
  Eal(const std::string& program, const std::vector<std::string>& arguments);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // What DPDK said while it started: why a device was not taken stands only here.
  const std::string& words() const { return words_; }

 private:
  std::string words_;
};

// What EAL has of memory and nobody uses, in bytes.
uint64_t free_heap_bytes();

}  // namespace linecast::drivers
