// Whether there is hugepage memory enough, asked before EAL is started, so that the answer can be a sentence.
#pragma once

#include <cstdint>

namespace linecast::drivers {

// Throws Error with the command that mends it where `needed_bytes` are not to be had.
void require_hugepages(uint64_t needed_bytes);

}  // namespace linecast::drivers
