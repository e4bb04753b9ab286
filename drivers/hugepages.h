// Whether there is hugepage memory enough, asked before EAL is started, so that the answer can be a sentence.
#pragma once

#include <cstdint>

namespace linecast::drivers {

struct Hugepages {
  bool mounted = false;          // a hugetlbfs that this process may write
  uint64_t page_size_bytes = 0;  // of the largest size with free pages; the default size where there is none
  uint64_t free_bytes = 0;       // over all sizes
};
Hugepages find_hugepages();

// Throws Error with the commands that mend it where `needed_bytes` are not to be had.
void require_hugepages(uint64_t needed_bytes);

}  // namespace linecast::drivers
